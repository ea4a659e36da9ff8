"""What is known to be missing from the lines of a batch."""

from typing import NamedTuple

from maillogsentinel.localtime import MINUTE

SESSION, RSYSLOG, JOURNALD = "session", "rsyslog", "journald"
"""Kinds: an SMTP session had more refused AUTH commands than lines; a syslog daemon said that it dropped messages."""
CERTAIN = (RSYSLOG, JOURNALD)
_SLOT = 15 * MINUTE
"""Every day of every time zone begins with one."""


class Loss(NamedTuple):
    """What happened within a quarter of an hour; times in UTC microseconds."""

    first: int
    last: int
    times: int
    """Sessions, or notices that messages were dropped."""
    missing: int
    """AUTH commands, or messages, as far as the log tells."""


class Losses:
    """The losses of a batch; there is one entry for each kind and quarter of an hour, however many there were."""

    def __init__(self) -> None:
        self.since = 0
        """Losses before this moment (UTC microseconds) are not taken."""
        self.found: dict[tuple[int, str], Loss] = {}
        """By slot of time and kind."""

    def add(self, stamp: int, kind: str, times: int, missing: int) -> None:
        """Take a loss that was told at `stamp`, UTC microseconds."""
        if stamp < self.since:
            return
        key = stamp // _SLOT, kind
        before = self.found.get(key)
        if before:
            first, last = min(before.first, stamp), max(before.last, stamp)
            self.found[key] = Loss(first, last, before.times + times, before.missing + missing)
        else:
            self.found[key] = Loss(stamp, stamp, times, missing)
