"""Which copy of a record counts: a record's identity is its server, date, address and user.

Of each identity the input with the most records supplies them all; where several have as many, the one whose rows,
sorted, are the larger. That is a maximum, so it makes no difference in which order or in how many steps inputs are
merged, and how often the same one.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice

from maillogsentinel.errors import StoreError
from maillogsentinel.merge.intake import Input
from maillogsentinel.store.nameless import nameless

_AT_ONCE = 4096
"""Rows of a flood in memory, and their bytes: of long rows there are fewer."""
_BYTES = 2_000_000


class Identity:
    """Finds the identity of rows, each the line behind its date of `width` bytes."""

    def __init__(self, width: int, delimiter: str) -> None:
        d = re.escape(delimiter).encode()
        cell = rb'(?:"(?:[^"]|"")*+"|[^' + d + rb'"]*+)'
        self._match = re.compile(rb"(?s:.{%d})(?:%b%b){4}" % (width, cell, d)).match

    def of(self, row: bytes) -> bytes:
        """Return what rows of the same identity begin with, and no others."""
        match = self._match(row)
        return match.group() if match else row

    def best(self, inputs: Iterable[list[bytes]]) -> list[bytes]:
        """Return the rows that count, of lists that each hold all rows of one input with their dates."""
        found: dict[bytes, list[bytes]] = {}
        for rows in inputs:
            rows.sort()
            for identity, group in groupby(rows, self.of):
                mine = list(group)
                other = found.get(identity)
                if other is None or (len(mine), mine) > (len(other), other):
                    found[identity] = mine
        return [row for rows in found.values() for row in rows]


class Flood:
    """The rows of one date when they are too many for memory: counted in a temporary file.

    Attackers choose how many logins fail within a minute. Equal rows are kept once, with their number.
    """

    def __init__(self, directory: str, identity: Identity) -> None:
        """Make the file in `directory`; it has no name as soon as it is open. Raises StoreError."""
        self._directory, self._identity = directory, identity
        self._longest = 1
        try:
            self._connection, _ = nameless(
                directory,
                "CREATE TABLE flood (line BLOB, input INTEGER, number INTEGER NOT NULL,"
                " PRIMARY KEY (line, input)) WITHOUT ROWID",
            )
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        return StoreError(f"Cannot sort in a temporary file in {self._directory}: {error}. Nothing was changed.")

    def add(self, number: int, rows: list[bytes]) -> None:
        """Add rows of the input with that number."""
        self._longest = max([self._longest, *map(len, rows)])
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT INTO flood VALUES (?, ?, ?) ON CONFLICT (line, input) DO UPDATE SET"
                " number = number + excluded.number",
                [(line, number, count) for line, count in sorted(Counter(rows).items())],
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def rows(self) -> Iterator[list[bytes]]:
        """Yield the rows that count, sorted, many at once."""
        at_once = max(2, min(_AT_ONCE, _BYTES // self._longest))
        rows: list[bytes] = []
        for line, number in self._numbered(at_once):
            while number:
                part = min(number, at_once - len(rows))
                rows += [line] * part
                number -= part
                if len(rows) == at_once:
                    yield rows
                    rows = []
        yield rows

    def _numbered(self, at_once: int) -> Iterator[tuple[bytes, int]]:
        """Yield each row that counts, and how often."""
        try:
            everything = self._connection.execute("SELECT line, input, number FROM flood ORDER BY line, input")
            for identity, group in groupby(everything, lambda found: self._identity.of(found[0])):
                rest = iter(group)
                some = list(islice(rest, at_once))
                winner = _winner(chain(some, rest)) if len(some) > 1 else some[0][1]
                if len(some) < at_once:
                    yield from ((line, number) for line, owner, number in some if owner == winner)
                else:
                    # No UTF-8 text has the byte FF: what begins with `identity` lies before it.
                    yield from self._connection.execute(
                        "SELECT line, number FROM flood WHERE line >= ? AND line < ? AND input = ? ORDER BY line",
                        (identity, identity + b"\xff", winner),
                    )
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


def _winner(rows: Iterable[tuple[bytes, int, int]]) -> int:
    """Return the input whose copy of an identity counts, of its (row, input, number) in order.

    Only numbers are kept of each input: how many rows it has, and its rank among the others so far. Of two inputs with
    as many rows the one is larger that has less of the first row in which they differ.
    """
    totals: Counter[int] = Counter()
    ranks: dict[int, int] = {}
    for _, group in groupby(rows, lambda found: found[0]):
        numbers = {number: count for _, number, count in group}
        totals.update(numbers)
        if len(totals) == 1:
            ranks = dict.fromkeys(totals, 0)
            continue
        # An input that was not seen before had none of the rows before, and so is larger than all that had.
        newest = max(ranks.values(), default=0) + 1
        for number in numbers:
            ranks.setdefault(number, newest)
        keys = sorted({(rank, -numbers.get(number, 0)) for number, rank in ranks.items()})
        places = {key: place for place, key in enumerate(keys)}
        ranks = {number: places[rank, -numbers.get(number, 0)] for number, rank in ranks.items()}
    return max(totals, key=lambda number: (totals[number], ranks.get(number, 0)))


def rivals(inputs: list[Input]) -> dict[int, int]:
    """Return for each input that shares a server with another one the number of their group."""
    owner: dict[bytes | None, int] = {}
    group = list(range(len(inputs)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = number = group[group[number]]
        return number

    everybody = any(one.servers is None for one in inputs)
    for number, one in enumerate(inputs):
        for server in [None] if everybody else one.servers or ():
            group[root(number)] = root(owner.setdefault(server, number))
    sizes = Counter(root(number) for number in range(len(inputs)))
    return {number: root(number) for number in range(len(inputs)) if sizes[root(number)] > 1}
