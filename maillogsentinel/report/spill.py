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
            f"Cannot count the records of the report in a temporary file below {place}: {error}."
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

    def shared(self, kind: int, top: int) -> tuple[list[tuple[str, int, int]], int]:
        """Return the `top` known first texts that stand with most second ones, how many these are, and the sum of the
        counts; and how many first texts stand with more than one."""
        several = "FROM counts WHERE kind = ? AND a <> ? GROUP BY a HAVING count(*) > 1"
        rows = self._execute(
            f"SELECT a, count(*), sum(number) {several} ORDER BY 2 DESC, 3 DESC, a LIMIT ?",
            (kind, _NONE, top),
        )
        number = self._execute(f"SELECT count(*) FROM (SELECT 1 {several})", (kind, _NONE))  # noqa: S608
        return [(_decode(value) or "", servers, records) for value, servers, records in rows], number[0][0]

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


def _encode(value: str | None) -> bytes:
    # surrogatepass: whatever text comes, its order by bytes is that by code points.
    return _NONE if value is None else value.encode("utf-8", "surrogatepass")


def _decode(value: bytes) -> str | None:
    return None if value == _NONE else value.decode("utf-8", "surrogatepass")
