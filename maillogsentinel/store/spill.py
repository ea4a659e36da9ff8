"""Counts of more different keys than memory should hold: a temporary SQLite file."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from maillogsentinel.errors import StoreError
from maillogsentinel.store.nameless import nameless

Values = tuple[str | None, str | None, str | None]

_NONE = b"\xff"
"""Stands for None: no UTF-8 text has this byte, and it sorts behind every one."""


class Spill:
    """Named sets of counted keys (three texts or None each) in a file that nobody else can open or find."""

    def __init__(self, temp_dir: str | None) -> None:
        """Create the file below `temp_dir`, None for the system's place. Raises StoreError when it cannot be."""
        try:
            self._connection, self._place = nameless(
                temp_dir,
                "CREATE TABLE counts (kind INTEGER, a BLOB, b BLOB, c BLOB, number INTEGER NOT NULL,"
                " PRIMARY KEY (kind, a, b, c)) WITHOUT ROWID",
            )
        except (OSError, sqlite3.Error) as error:
            raise self._failure(temp_dir or "the directory for temporary files", error) from error

    @staticmethod
    def _failure(place: str, error: Exception) -> StoreError:
        return StoreError(
            f"Cannot count the records in a temporary file below {place}: {error}."
            " Make room there, or report fewer days at once."
        )

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failure(self._place, error) from error

    def add(self, kind: int, counts: Mapping[Any, int]) -> None:
        """Add `counts` of keys (`Values`) to the set `kind`."""
        # Sorted, each page of the tree is visited once; it is several times faster than in random order.
        rows = sorted((kind, *map(_encode, values), number) for values, number in counts.items())
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT INTO counts VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (kind, a, b, c) DO UPDATE SET number = number + excluded.number",
                rows,
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failure(self._place, error) from error

    def ranked(self, kind: int, top: int, known: bool = False) -> list[tuple[Values, int]]:
        """Return the `top` keys with the largest counts, equal ones by their bytes; `known`: only those not None."""
        rows = self._execute(
            f"SELECT a, b, c, number FROM counts WHERE kind = ? {'AND a <> ?' if known else ''}"  # noqa: S608
            " ORDER BY number DESC, a, b, c LIMIT ?",
            (kind, _NONE, top) if known else (kind, top),
        )
        return [((_decode(a), _decode(b), _decode(c)), number) for a, b, c, number in rows]

    def unknown_and_distinct(self, kind: int) -> tuple[int, int]:
        """Return the count of the key None, and how many different known keys there are."""
        unknown = self._execute("SELECT number FROM counts WHERE kind = ? AND a = ?", (kind, _NONE))
        distinct = self._execute("SELECT count(*) FROM counts WHERE kind = ? AND a <> ?", (kind, _NONE))
        return (unknown[0][0] if unknown else 0), distinct[0][0]

    def shared(self, kind: int, top: int, at_least: int = 2) -> tuple[list[tuple[str, int, int]], int]:
        """Return the `top` known first texts that stand with most second ones, how many these are, and the sum of the
        counts; and how many first texts stand with `at_least` second ones."""
        several = "FROM counts WHERE kind = ? AND a <> ? GROUP BY a HAVING count(*) >= ?"
        rows = self._execute(
            f"SELECT a, count(*), sum(number) {several} ORDER BY 2 DESC, 3 DESC, a LIMIT ?",
            (kind, _NONE, at_least, top),
        )
        number = self._execute(f"SELECT count(*) FROM (SELECT 1 {several})", (kind, _NONE, at_least))  # noqa: S608
        return [(_decode(value) or "", others, records) for value, others, records in rows], number[0][0]

    def beside(self, kind: int, first: str, top: int | None) -> list[tuple[str, int]]:
        """Return the `top` second texts (None: all) that stand with `first`, with the sums of their counts, the largest
        first."""
        rows = self._execute(
            "SELECT b, sum(number) FROM counts WHERE kind = ? AND a = ? GROUP BY b ORDER BY 2 DESC, b LIMIT ?",
            (kind, _encode(first), -1 if top is None else top),
        )
        return [(_decode(value) or "", number) for value, number in rows]

    def different(self, kind: int, first: str) -> int:
        """Return how many second texts stand with `first`."""
        found: int = self._execute(
            "SELECT count(DISTINCT b) FROM counts WHERE kind = ? AND a = ?", (kind, _encode(first))
        )[0][0]
        return found

    def turn(self, kind: int, into: int, at_most: int) -> int:
        """Put the pairs of `kind` whose first text stands with `at_most` second ones into the set `into`, the second
        text first; return how many such first texts there are."""
        few = "SELECT a FROM counts WHERE kind = ? GROUP BY a HAVING count(*) <= ?"
        self._execute(
            f"INSERT INTO counts SELECT ?, b, a, c, number FROM counts WHERE kind = ? AND a IN ({few})",  # noqa: S608
            (into, kind, kind, at_most),
        )
        number: int = self._execute(f"SELECT count(*) FROM ({few})", (kind, at_most))[0][0]  # noqa: S608
        return number

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


def _encode(value: str | None) -> bytes:
    # surrogatepass: whatever text comes, its order by bytes is that by code points.
    return _NONE if value is None else value.encode("utf-8", "surrogatepass")


def _decode(value: bytes) -> str | None:
    return None if value == _NONE else value.decode("utf-8", "surrogatepass")
