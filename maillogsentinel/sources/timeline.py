"""The times between which the lines of a block were written."""

from maillogsentinel.parse.header import header, stamp_at
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.segment import Block

_TRIES = 5


def first_stamp(block: Block, clock: Clock) -> int:
    """Return the time of the block's first line, UTC microseconds; 0 when it has none."""
    stop = block.data.find(b"\n", block.begin, block.end)
    return _stamp(block.data[block.begin : block.end if stop < 0 else stop], clock)


def last_stamp(block: Block, clock: Clock) -> int:
    """Return the time of the block's last line that has one, of its last five; 0 when none has."""
    data, end, begin = block
    for _ in range(_TRIES):
        stop = end - 1 if data[end - 1 : end] == b"\n" else end
        start = data.rfind(b"\n", begin, stop) + 1 or begin
        stamp = _stamp(data[start:stop], clock)
        if stamp or start == begin:
            return stamp
        end = start
    return 0


def _stamp(line: bytes, clock: Clock) -> int:
    try:
        stamp, _ = stamp_at(line, clock)
    except ValueError:
        return 0
    if stamp is None:
        parts = header(line, clock)
        stamp = parts.stamp if parts else None
    return stamp or 0
