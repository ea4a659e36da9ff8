"""How far a log has been read, by content: the mark of one file, and finding a file's mark again.

A file is known by the hash of its first 4 KiB (decompressed; less, where less has been read) and by the hash of what
stands before the position. Names, inodes, sizes and times only save work.
"""

from collections.abc import Iterable
from typing import NamedTuple

HEAD = 4096
"""Bytes at a file's start that identify it."""
TAIL = 1024
"""Bytes before the position that must still be there."""


class Mark(NamedTuple):
    """One file's identity, and the offset (decompressed bytes, always a line's end) up to which it has been read."""

    id: int
    """Its row in state.db; 0 before it has one."""
    head_size: int
    head: bytes
    line: bytes
    """The hash of the first line, by which a small file is recognised that was edited or restored."""
    offset: int
    tail_size: int
    tail: bytes
    stamp: int
    """The latest stamp among the lines read, UTC microseconds; 0 where none had one."""


def digest(data: bytes) -> bytes:
    """Return the hash that identifies `data`: 16 bytes of BLAKE2b."""
    import hashlib  # a run with nothing new has no use for it

    return hashlib.blake2b(data, digest_size=16).digest()


def make_mark(number: int, head: bytes, offset: int, before: bytes, stamp: int) -> Mark:
    """Return the mark of a file whose first bytes are `head`, read up to `offset`, which `before` ends at."""
    line = first_line(head)
    head = head[: min(HEAD, offset)]
    tail = before[-min(TAIL, offset) :] if offset else b""
    return Mark(number, len(head), digest(head), line, offset, len(tail), digest(tail), stamp)


def first_line(head: bytes) -> bytes:
    """Return the hash of the first of the lines in `head`, the file's first 4 KiB; empty while there is none."""
    end = head[:HEAD].find(b"\n") + 1
    return digest(head[:end]) if end else b""


def with_head(marks: Iterable[Mark], head: bytes) -> list[Mark]:
    """Return the marks of files that begin like this one (`head`: its first 4 KiB), the furthest read first.

    A mark that ends within a first line, left there by a torn log, could begin any log: it fits an equal file alone.
    """
    digests: dict[int, bytes] = {}
    found = []
    for mark in marks:
        if not 0 < mark.head_size <= len(head):
            continue
        if not mark.line and mark.head_size < HEAD and mark.head_size != len(head):
            continue
        if mark.head_size not in digests:
            digests[mark.head_size] = digest(head[: mark.head_size])
        if digests[mark.head_size] == mark.head:
            found.append(mark)
    return sorted(found, key=lambda mark: mark.offset, reverse=True)


def fits(mark: Mark, before: bytes) -> bool:
    """Whether `before`, the bytes that end at the mark's offset, are those it remembers."""
    tail = before[-mark.tail_size :] if mark.tail_size else b""
    return len(tail) == mark.tail_size and digest(tail) == mark.tail
