"""The times between which the lines of a block were written, and when the newest line of a log was."""

import os
import re

from maillogsentinel.errors import SourceError
from maillogsentinel.localtime import now
from maillogsentinel.parse.header import header, stamp_at
from maillogsentinel.parse.stamp import Clock, fraction, latest
from maillogsentinel.sources import rotation
from maillogsentinel.sources.block import Block

_TRIES = 5
_END = 1 << 16
_COMMON = re.compile(rb"(\d{4}-\d\d-\d\dT[012]\d):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d) ")


def first_stamp(block: Block, clock: Clock) -> int:
    """Return the time of the block's first line, UTC microseconds; 0 when it has none."""
    stop = block.data.find(b"\n", block.begin, block.end)
    return line_stamp(block.data[block.begin : block.end if stop < 0 else stop], clock)


def last_stamp(block: Block, clock: Clock) -> int:
    """Return the time of the block's last line that has one, of its last five; 0 when none has."""
    data, end, begin = block
    for _ in range(_TRIES):
        stop = end - 1 if data[end - 1 : end] == b"\n" else end
        start = data.rfind(b"\n", begin, stop) + 1 or begin
        stamp = line_stamp(data[start:stop], clock)
        if stamp or start == begin:
            return stamp
        end = start
    return 0


def line_stamp(line: bytes, clock: Clock) -> int:
    """Return the time of a line (without its newline), UTC microseconds; 0 when it has none."""
    common = _COMMON.match(line)
    try:
        if common:
            hour, minute, second, digits, zone = common.groups()
            return clock.zoned(hour, zone) + (int(minute) * 60 + int(second)) * 1_000_000 + fraction(digits)
        stamp, _ = stamp_at(line, clock)
    except ValueError:
        return 0
    if stamp is None:
        parts = header(line, clock, needs_pid=False)
        stamp = parts.stamp if parts else None
    return stamp or 0


def newest_line(path: str) -> int | None:
    """Return the stamp of a log's newest line, UTC microseconds; None without a log, 0 without a stamp.

    Of a compressed file, or one that may not be read, it is the time of its last change.
    """
    try:
        files = rotation.list_set(path)
    except SourceError:
        return None
    for file in reversed(files):
        if file.compressed:
            return file.mtime // 1000
        try:
            descriptor = rotation.open_file(os.path.dirname(path), file)
        except (SourceError, rotation.MovedError):
            return file.mtime // 1000
        try:
            data = os.pread(descriptor, _END, max(0, file.size - _END))
        finally:
            os.close(descriptor)
        stamp = last_stamp(Block(data, data.rfind(b"\n") + 1), Clock(latest(file.mtime // 1000, now())))
        if stamp:
            return stamp
    return 0
