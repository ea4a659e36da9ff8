"""Whole lines of a log, many at once."""

from collections.abc import Iterator
from typing import NamedTuple


class Block(NamedTuple):
    """Whole lines: ``data[begin:end]``; what stands behind is not complete. Only a file's last line may lack its LF."""

    data: bytes
    end: int
    begin: int = 0
    """What stands before is the end of a line that the block before had whole."""


def places(block: Block, word: bytes) -> list[int]:
    """Return where `word` stands in the block's lines, in order."""
    data, end, begin = block
    found = []
    hit = data.find(word, begin, end)
    while hit >= 0:
        found.append(hit)
        hit = data.find(word, hit + 1, end)
    return found


def line_at(block: Block, start: int) -> bytes:
    """Return the line that begins at `start`."""
    stop = block.data.find(b"\n", start, block.end)
    return block.data[start : block.end if stop < 0 else stop]


def lines(block: Block, word: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the block's lines that have `word` between `begin` and `end`."""
    data = block.data
    hit = data.find(word, begin, end)
    while hit >= 0:
        start = data.rfind(b"\n", block.begin, hit) + 1 or block.begin
        stop = data.find(b"\n", hit, block.end)
        if stop < 0:
            stop = block.end
        yield start, stop
        hit = data.find(word, stop, end)
