"""Where the CSV was pruned, and what that makes of offsets: those of tokens are of the CSV as if it never had been.

So a token of ``export csv --since`` means the same before and after: `place` says where in the CSV it stands now. A
token also has a mark, a hash of the bytes before it. Where some of those are pruned, what the mark was is kept in their
place, for every length that the CSV was committed with.
"""

from collections.abc import Iterable, Iterator
from typing import IO

from maillogsentinel.store.database import Database

MARKED = 4096
"""Bytes before the offset of a token of which it holds a mark."""
_TOKENS_KEPT = 20_000
"""Lengths remembered: those of two years with a commit each hour, of ten weeks with one every five minutes."""

Range = tuple[int, int]


def mark(file: IO[bytes], offset: int) -> str:
    """Return the mark of the bytes before `offset` of the CSV as it is now."""
    import hashlib

    begin = max(0, offset - MARKED)
    file.seek(begin)
    return hashlib.sha256(file.read(offset - begin)).hexdigest()[:16]


def total(database: Database) -> int:
    """Return how many bytes were pruned in all."""
    found = database.rows("SELECT removed FROM cut ORDER BY start DESC LIMIT 1")
    return int(found[0][0]) if found else 0


def place(database: Database, offset: int) -> tuple[int, bool]:
    """Return where the byte at a token's `offset` stands now, and whether it was pruned: then it is the next one."""
    found = database.rows("SELECT end, removed FROM cut WHERE start < ? ORDER BY start DESC LIMIT 1", (offset,))
    if not found:
        return offset, False
    end, removed = found[0]
    return max(offset, end) - removed, offset < end


def kept_mark(database: Database, offset: int) -> str:
    """Return the mark of a token with this `offset` where it cannot be had from the CSV any more; else empty text."""
    found = database.rows("SELECT mark FROM token WHERE length = ?", (offset,))
    return (found[0][0] or "") if found else ""


def trim(database: Database) -> None:
    """Forget the oldest lengths beyond a fixed number; in a transaction of the caller."""
    database.run(
        "DELETE FROM token WHERE length < (SELECT length FROM token ORDER BY length DESC LIMIT 1 OFFSET ?)",
        (_TOKENS_KEPT - 1,),
    )


def joined(cuts: Iterable[Range], runs: Iterable[Range]) -> Iterator[Range]:
    """Yield all that is pruned, in order: the `cuts` there were, and `runs` of bytes of the CSV as they left it.

    Both are in order; what is yielded counts like the `cuts`, and no two of it touch.
    """
    pending: Range | None = None
    for start, end in _in_order(iter(cuts), runs):
        if pending and start <= pending[1]:
            pending = pending[0], max(end, pending[1])
        else:
            if pending:
                yield pending
            pending = start, end
    if pending:
        yield pending


def _in_order(cuts: Iterator[Range], runs: Iterable[Range]) -> Iterator[Range]:
    """Yield both, the runs with their offsets from before any cut; a run comes before the cuts that it spans."""
    removed = 0
    cut = next(cuts, None)
    for begin, until in runs:
        while cut and cut[0] - removed <= begin:
            yield cut
            removed += cut[1] - cut[0]
            cut = next(cuts, None)
        start = begin + removed
        while cut and cut[0] - removed < until:
            removed += cut[1] - cut[0]  # within the run
            cut = next(cuts, None)
        yield start, until + removed
    while cut:
        yield cut
        cut = next(cuts, None)
