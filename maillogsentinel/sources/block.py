"""Whole lines of a log, many at once."""

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
