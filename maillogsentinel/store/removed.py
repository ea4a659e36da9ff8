"""The runs of bytes that a prune removes: any number of them, in a file without a name."""

import os
from collections.abc import Iterable, Iterator
from types import TracebackType

from maillogsentinel.store.cuts import Range, joined
from maillogsentinel.store.database import sentences
from maillogsentinel.store.nameless import nameless

_AT_ONCE = 1000


class Removed:
    """Runs of bytes, added in order; within a ``with`` block. Its methods raise StoreError."""

    def __init__(self, directory: str) -> None:
        """`directory` is where there may be a temporary file."""
        self._place = os.path.join(directory, "a temporary file")
        self._waiting: list[Range] = []
        self._total = 0
        with sentences(self._place):
            self._connection, _ = nameless(
                directory, "CREATE TABLE run (start INTEGER PRIMARY KEY, end INTEGER, removed INTEGER)"
            )

    def __enter__(self) -> "Removed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, start: int, end: int) -> None:
        """Add the bytes from `start` to `end`, which lie behind all that were added before."""
        if self._waiting and self._waiting[-1][1] == start:
            self._waiting[-1] = self._waiting[-1][0], end
            return
        if len(self._waiting) >= _AT_ONCE:
            self.finish()
        self._waiting.append((start, end))

    def finish(self) -> None:
        """Take what was added; needed before anything is asked."""
        rows = []
        for start, end in self._waiting:
            self._total += end - start
            rows.append((start, end, self._total))
        self._waiting = []
        with sentences(self._place):
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO run VALUES (?, ?, ?)", rows)
            self._connection.execute("COMMIT")

    def before(self, offset: int) -> int:
        """Return how many of the bytes before `offset` are removed."""
        with sentences(self._place):
            found = self._connection.execute(
                "SELECT end, removed FROM run WHERE start < ? ORDER BY start DESC LIMIT 1", (offset,)
            ).fetchone()
        return int(found[1] - max(0, found[0] - offset)) if found else 0

    def join(self, cuts: Iterable[Range]) -> None:
        """Work out what the table ``cut`` is when these runs come to the `cuts` there were (see `cuts.joined`)."""
        connection = self._connection
        with sentences(self._place):
            connection.execute("CREATE TABLE cut (start INTEGER PRIMARY KEY, end INTEGER, removed INTEGER)")
            runs = connection.execute("SELECT start, end FROM run ORDER BY start")
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO cut VALUES (?, ?, ?)", _summed(joined(cuts, runs)))
            connection.execute("COMMIT")

    def cuts(self) -> Iterator[tuple[int, int, int]]:
        """Yield the rows of that table."""
        yield from self._connection.execute("SELECT start, end, removed FROM cut ORDER BY start")


def _summed(cuts: Iterable[Range]) -> Iterator[tuple[int, int, int]]:
    removed = 0
    for start, end in cuts:
        removed += end - start
        yield start, end, removed
