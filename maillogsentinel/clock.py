"""Whether this host's clock was set since an earlier moment."""

import time
from typing import NamedTuple

from maillogsentinel.localtime import HOUR, now

_BOOT = "/proc/sys/kernel/random/boot_id"
_SLACK = HOUR


class Moment(NamedTuple):
    """What the clocks said; microseconds."""

    boot: str
    """Which start of the machine it was; empty where that is not known."""
    uptime: int
    """Since that start."""
    wall: int
    """UTC, since 1970."""


def moment() -> Moment:
    """Return what the clocks say."""
    try:
        with open(_BOOT, encoding="ascii") as file:
            boot = file.read(64).strip()
    except OSError:
        boot = ""
    return Moment(boot, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000, now())


def set_by(before: Moment, after: Moment) -> int:
    """Return by how many microseconds the clock was set forward between two moments, or back when it is negative; 0 for
    less than an hour. What was set forward across a restart cannot be told from time that went by."""
    went = after.wall - before.wall
    shift = went - (after.uptime - before.uptime) if before.boot == after.boot != "" else min(went, 0)
    return shift if abs(shift) >= _SLACK else 0


def sentence(shift: int) -> str:
    """Return what to say of a clock that was set by `shift`."""
    hours = round(abs(shift) / HOUR)
    span = f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
    return (
        f"This host's clock was set {'forward' if shift > 0 else 'back'} by about {span}: alerts go by the new time,"
        " and what lies more than a day away from it makes none."
    )
