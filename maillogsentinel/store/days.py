"""Where each day's records lie in the CSV, so that a report of one day need not read the others."""

from collections.abc import Iterable
from typing import IO

from maillogsentinel.store.database import Database

NEAR = 65_536
"""Bytes of other days that an extent may hold before a new one is begun: readers look at the date anyway."""

LONGEST = 1 << 20
"""Bytes of a line that are read at once; no record has as many."""

DayMap = dict[str, list[list[int]]]
"""Day -> [[start, end, records], ...]: byte extents in ascending order."""


def add_run(days: DayMap, day: str, start: int, end: int, count: int) -> None:
    """Note that `count` records of `day` stand from `start` to `end`."""
    if not count:
        return
    extents = days.get(day)
    if extents is None:
        days[day] = [[start, end, count]]
    elif start - extents[-1][1] <= NEAR:
        extents[-1][1] = end
        extents[-1][2] += count
    else:
        extents.append([start, end, count])


def scan_days(file: IO[bytes], start: int, delimiter: str) -> tuple[DayMap, int]:
    """Return the days of a whole CSV, read from `start`, and its number of records; its length does not matter."""
    days: DayMap = {}
    count = 0
    separator = delimiter.encode()
    file.seek(start)
    at, whole = start, True
    while line := file.readline(LONGEST):
        # A line that is longer than any record comes in pieces, and what looks like a record may be a part of it.
        day = day_of(line, separator, delimiter) if whole else ""
        whole = line.endswith(b"\n")
        if day and (whole or len(line) < LONGEST):
            add_run(days, day, at, at + len(line), 1)
            count += 1
        at += len(line)
    return days, count


def day_of(line: bytes, separator: bytes, delimiter: str) -> str:
    """Return the day in the date column; empty for a line that is no record."""
    parts = line.split(separator, 2)
    if len(parts) < 3:
        return ""
    date = parts[1]
    if line[:1] == b'"':
        import csv

        try:
            cells = next(csv.reader([line.decode("utf-8", "replace")], delimiter=delimiter), [])
        except csv.Error:  # a cell of more than 128 KiB, which somebody else wrote
            return ""
        date = cells[1].encode() if len(cells) > 2 else b""
    if len(date) >= 16 and date[4:5] == b"-" and date[7:8] == b"-" and date[:4].isdigit():
        return date[:10].decode("ascii", "replace")
    return ""


def merge_days(database: Database, days: DayMap, offset: int) -> None:
    """Add `days`, whose extents begin `offset` bytes into the CSV, to the index; in a transaction of the caller."""
    for day, extents in days.items():
        database.run(
            "INSERT INTO day VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET count = count + excluded.count",
            (day, sum(extent[2] for extent in extents)),
        )
        last = database.rows("SELECT start, end FROM extent WHERE day = ? ORDER BY start DESC LIMIT 1", (day,))
        for start, end, _ in extents:
            if last and start + offset - last[0][1] <= NEAR:
                database.run("UPDATE extent SET end = ? WHERE day = ? AND start = ?", (end + offset, day, last[0][0]))
                last = [(last[0][0], end + offset)]
            else:
                database.run("INSERT INTO extent VALUES (?, ?, ?)", (day, start + offset, end + offset))
                last = [(start + offset, end + offset)]


def extents_of(database: Database, days: Iterable[str]) -> list[tuple[int, int]]:
    """Return the extents that hold the records of `days`, in the CSV's order, overlapping ones joined."""
    found: list[tuple[int, int]] = []
    for day in days:
        found += [(row[0], row[1]) for row in database.rows("SELECT start, end FROM extent WHERE day = ?", (day,))]
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def count_of(database: Database, first: str, last: str) -> int:
    """Return how many records there are from day `first` to day `last`."""
    return int(database.rows("SELECT coalesce(sum(count), 0) FROM day WHERE day BETWEEN ? AND ?", (first, last))[0][0])
