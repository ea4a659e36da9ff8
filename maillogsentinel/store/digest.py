"""A digest of each day's records: attempts of each hour, and which names there were; for the days that a report looks
back upon.

It is made from the CSV when a report first needs the day, and kept in state.db. A kept one counts only while the CSV is
the one that was committed, of the same generation, with as many records of that day: it then has the same records.
"""

import json
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from maillogsentinel.errors import StoreError
from maillogsentinel.parse.login import network_of
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import extents_of
from maillogsentinel.store.ledger import as_committed, committed, read_lines
from maillogsentinel.store.opened import check_count, open_committed
from maillogsentinel.store.sketch import Gathering, Sketch, from_bytes, number, to_bytes

KINDS = ("users", "addresses", "networks", "countries", "asns")
"""Of which names a digest has sketches, in this order."""
KEPT = 100
"""Digests in state.db at most; those made longest ago go first. At most 64 MB, a few in ordinary weeks."""

_HOURS = 24
_BATCH = 2048
_GATHERED = 8192
"""Different names of a column that are held before they become numbers."""
_COLUMNS = tuple(map(csvfile.COLUMNS.index, ("user", "ip", "country_code", "asn")))
_CELLS = len(csvfile.COLUMNS)


class Digest(NamedTuple):
    """What is remembered of one day."""

    hours: tuple[int, ...]
    """Records of each of its 24 hours, as the date column says them."""
    names: "tuple[Sketch[int], ...]"
    """In the order of `KINDS`."""


NOTHING = Digest((0,) * _HOURS, tuple(array("Q") for _ in KINDS))
"""The digest of a day without a record."""


class Digests:
    """The digests of any days of the committed CSV."""

    def __init__(self, database: Database, delimiter: str) -> None:
        self._database = database
        self._delimiter = delimiter
        self._path, self._size, _ = committed(database)
        self._generation = database.get("csv_generation")
        self._trusted = as_committed(database)
        self._counts: dict[str, int] = dict(database.rows("SELECT day, count FROM day WHERE count > 0"))
        self._made: dict[str, Digest] = {}

    def hours(self, days: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Return the records of each hour of `days`. Raises StoreError."""
        found = {}
        for day in days:
            kept = self._kept(day, "hours")
            found[day] = tuple(json.loads(kept[0])) if kept else self._digest(day).hours
        return found

    def names(self, days: Sequence[str]) -> "Iterator[tuple[Sketch[int], ...]]":
        """Yield the sketches of each of `days`, one day at a time. Raises StoreError."""
        for day in days:
            kept = self._kept(day, ", ".join(KINDS))
            yield tuple(map(from_bytes, kept)) if kept else self._digest(day).names

    def _kept(self, day: str, columns: str) -> tuple[Any, ...] | None:
        """These columns of the digest of `day` that state.db has; None where it has none that counts."""
        if not self._trusted or day not in self._counts or day in self._made:
            return None
        found = self._database.rows(
            f"SELECT {columns} FROM digest WHERE day = ? AND generation = ? AND count = ?",  # noqa: S608
            (day, self._generation, self._counts[day]),
        )
        return found[0] if found else None

    def _digest(self, day: str) -> Digest:
        if day not in self._counts:
            return NOTHING
        if day not in self._made:

            def where(known: dict[str, Any]) -> tuple[list[tuple[int, int]], int]:
                return extents_of(self._database, [day]), known.get("csv_length", 0)

            try:
                file, (extents, length) = open_committed(self._database, where)
                with file:
                    self._made[day] = digest_of(read_lines(file, extents, length), day, self._delimiter)
            except OSError as error:
                raise StoreError(
                    f"Cannot read {self._path}: {error.strerror}. The next extract puts it right."
                ) from error
            check_count(self._database, self._path, sum(self._made[day].hours), self._counts[day])
        return self._made[day]

    def keep(self, state_dir: str, before: str) -> None:
        """Store what was made of days before the day `before`, where this user may; whoever may not makes it again."""
        made = {day: digest for day, digest in self._made.items() if day < before}
        if not (made and self._trusted and os.access(self._database.path, os.W_OK) and os.access(state_dir, os.W_OK)):
            return
        try:
            database = Database(state_dir, create=True)
            try:
                database.run("PRAGMA busy_timeout = 2000")  # nobody waits long for what can be made again
                with database.transaction():
                    # Were something committed meanwhile, nobody could tell which of it was read.
                    if (database.get("csv_generation"), database.get("csv_length")) == (self._generation, self._size):
                        self._store(database, made)
            finally:
                database.close()
        except StoreError:
            return

    def _store(self, database: Database, made: dict[str, Digest]) -> None:
        newest = database.rows("SELECT coalesce(max(made), 0) FROM digest")[0][0]
        for place, (day, digest) in enumerate(sorted(made.items()), newest + 1):
            values = (day, self._generation, self._counts[day], place, json.dumps(digest.hours))
            database.run(
                "INSERT OR REPLACE INTO digest VALUES (?,?,?,?,?,?,?,?,?,?)", (*values, *map(to_bytes, digest.names))
            )
        database.run(
            "DELETE FROM digest WHERE generation <> ? OR made <= (SELECT max(made) FROM digest) - ?",
            (self._generation, KEPT),
        )


def kept_hours(database: Database, days: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the records of each hour of those of `days` that have a digest which counts, or no record; none is made.

    That the CSV is the one that was committed is for the caller to know.
    """
    found = dict.fromkeys(days, NOTHING.hours)
    for day, hours in database.rows(
        "SELECT day.day, digest.hours FROM day LEFT JOIN digest ON digest.day = day.day AND digest.count = day.count"
        " AND digest.generation = (SELECT value FROM meta WHERE key = 'csv_generation')"
        " WHERE day.count > 0 AND day.day BETWEEN ? AND ?",
        (min(days), max(days)),
    ):
        if hours is None:
            found.pop(day, None)
        elif day in found:
            found[day] = tuple(json.loads(hours))
    return found


def digest_of(lines: Iterable[bytes], day: str, delimiter: str) -> Digest:
    """Return the digest of those of the CSV's `lines` that are records of `day`."""
    hours: Counter[bytes] = Counter()
    names = _Names()
    separator, date = delimiter.encode(), day.encode()
    lines = iter(lines)
    while batch := list(islice(lines, _BATCH)):
        rows = [line.split(separator) if b'"' not in line else _cells(line, delimiter) for line in batch]
        rows = [cells for cells in rows if len(cells) == _CELLS and cells[1][:10] == date]
        if rows:
            hours.update([cells[1][11:13] for cells in rows])
            names.add(rows)
    return Digest(tuple(hours[b"%02d" % hour] for hour in range(_HOURS)), names.sketches())


def _cells(line: bytes, delimiter: str) -> list[bytes]:
    """The cells of a line with quotes. Mostly it is the last one, an organisation's name, that has them."""
    cells = line.split(delimiter.encode(), _CELLS - 1)
    if cells[-1][:1] == b'"' and b'"' not in line[: -len(cells[-1])]:
        return cells
    import csv

    try:
        return [cell.encode() for cell in next(csv.reader((line.decode("utf-8", "replace"),), delimiter=delimiter), [])]
    except csv.Error:
        return []


class _Names:
    """Gathers the names of a day, whole columns at once. Most come again, and need not become numbers each time."""

    def __init__(self) -> None:
        self._gathered = [Gathering() for _ in KINDS]
        self._columns: list[set[bytes]] = [set() for _ in _COLUMNS]

    def add(self, rows: list[list[bytes]]) -> None:
        columns = list(zip(*rows, strict=True))
        for cells, place in zip(self._columns, _COLUMNS, strict=True):
            cells.update(columns[place])
        if max(map(len, self._columns)) >= _GATHERED:
            self._flush()

    def _flush(self) -> None:
        users, addresses, countries, asns = (
            {name for cell in cells if (name := csvfile.uncell(cell.decode("utf-8", "replace"))) is not None}
            for cells in self._columns
        )
        names = (users, addresses, set(map(network_of, addresses)), countries, asns)
        for gathering, found in zip(self._gathered, names, strict=True):
            gathering.add(map(number, found))
        for cells in self._columns:
            cells.clear()

    def sketches(self) -> "tuple[Sketch[int], ...]":
        self._flush()
        return tuple(gathering.sketch() for gathering in self._gathered)
