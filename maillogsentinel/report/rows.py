"""The records of a span of days: from the committed CSV by its index, or from any CSV of ours read whole."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from maillogsentinel.errors import SourceError, StoreError, UsageError
from maillogsentinel.model import Row
from maillogsentinel.sources.rotation import COMPRESSED
from maillogsentinel.sources.stream import BLOCK, open_compressed
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import count_of, extents_of
from maillogsentinel.store.ledger import committed, read_lines
from maillogsentinel.store.opened import check_count, open_committed

_FEW_DAYS = 31
_LONGEST = 1 << 20
"""Bytes of a line that are kept; no record has as many."""


class Records:
    """Where the records of a report come from."""

    path: str
    """The CSV, or the CSVs with commas between."""
    size: int
    """Bytes."""
    count: int
    """Records in all."""
    header: bytes

    def lines(self, first: date, last: date) -> Iterator[bytes]:
        """Yield the lines of the records from day `first` to day `last`. Raises StoreError."""
        raise NotImplementedError

    def rows(self, first: date, last: date) -> Iterator[Row]:
        """Yield the records from day `first` to day `last`. Raises StoreError."""
        raise NotImplementedError

    def whole(self) -> bytes:
        """Return the CSV, as far as it is committed. Raises StoreError and OSError."""
        raise NotImplementedError


class Committed(Records):
    """The CSV that state.db knows: only the extents of the days asked for are read."""

    def __init__(self, database: Database, delimiter: str) -> None:
        self._database = database
        self._delimiter = delimiter
        self.path, self.size, self.count = committed(database)
        self.header = csvfile.header(delimiter)

    def lines(self, first: date, last: date) -> Iterator[bytes]:
        """Yield the lines of the records from day `first` to day `last`. Raises StoreError."""
        days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]

        def where(known: dict[str, Any]) -> tuple[list[tuple[int, int]], int, int]:
            return extents_of(self._database, days), known.get("csv_length", 0), count_of(self._database, *span)

        span, found = (days[0], days[-1]), 0
        try:
            file, (extents, length, count) = open_committed(self._database, where)
            with file:
                for line in _of_days(read_lines(file, extents, length), first, last, self._delimiter):
                    found += 1
                    yield line
            check_count(self._database, self.path, found, count)
        except OSError as error:
            raise StoreError(f"Cannot read {self.path}: {error.strerror}. The next extract puts it right.") from error

    def rows(self, first: date, last: date) -> Iterator[Row]:
        """Yield the records from day `first` to day `last`. Raises StoreError."""
        return csvfile.decode(_texts(self.lines(first, last)), self._delimiter)

    def whole(self) -> bytes:
        """Return the CSV, as far as it is committed. Raises StoreError and OSError."""
        file, length = open_committed(self._database, lambda known: int(known.get("csv_length", 0)))
        with file:
            return file.read(length)


class Files(Records):
    """CSVs named on the command line, also compressed, read whole; none of them make the empty sample before the
    first run."""

    def __init__(self, paths: list[str]) -> None:
        self.path = ", ".join(paths)
        self._paths = [(path, _delimiter(path)) for path in paths]
        self.size = sum(os.path.getsize(path) for path, _ in self._paths)
        self.header = csvfile.header(self._paths[0][1] if paths else ",")
        self.count = 0
        self._watched: tuple[str, str] | None = None
        self._hours: Counter[tuple[bytes, bytes]] = Counter()

    def watch(self, first: date, last: date) -> None:
        """Let the next `rows` also count the records of each hour from day `first` to day `last`, at most two months;
        `hours` has them afterwards."""
        self._watched = (first.isoformat(), last.isoformat())
        self._hours.clear()

    def hours(self, day: date) -> tuple[int, ...]:
        """Return the records of each hour of a day that was watched."""
        text = day.isoformat().encode()
        return tuple(self._hours[text, b"%02d" % hour] for hour in range(24))

    def lines(self, first: date, last: date) -> Iterator[bytes]:
        """Yield the lines of the records from day `first` to day `last`. Raises StoreError."""
        for path, delimiter in self._paths:
            yield from self._of(path, delimiter, first, last)

    def rows(self, first: date, last: date) -> Iterator[Row]:
        """Yield the records from day `first` to day `last`; afterwards `count` is right. Raises StoreError."""
        self.count = 0
        for path, delimiter in self._paths:
            yield from csvfile.decode(_texts(self._of(path, delimiter, first, last)), delimiter)

    def whole(self) -> bytes:
        """Return the one file as it is. Raises OSError, also where there are several."""
        with open(self.path, "rb") as file:
            return file.read(self.size)

    def _of(self, path: str, delimiter: str, first: date, last: date) -> Iterator[bytes]:
        number = (last - first).days + 1
        days = [delimiter + (first + timedelta(days=day)).isoformat() for day in range(min(number, _FEW_DAYS + 1))]
        wanted = [day.encode() for day in days]
        watched = _Watched(delimiter, *self._watched) if self._watched else None
        for block in _blocks(path):
            self.count += block.count(b"\n")
            if watched:
                self._hours.update(watched.dates(block))
            # Most blocks of a long history hold none of a few days.
            if number > _FEW_DAYS or any(day in block for day in wanted):
                yield from _of_days(_lines(block), first, last, delimiter)


class _Watched:
    """Finds day and hour of the records of some days in the text of a CSV, without taking their lines apart."""

    def __init__(self, delimiter: str, first: str, last: str) -> None:
        self._low, self._high = first.encode(), last.encode()
        mark = re.escape(delimiter)
        server = rf'(?:[^{mark}"\n]*|"(?:[^"\n]|"")*"){mark}'
        self._pattern = re.compile(rf"^{server}([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}) ([0-9]{{2}}):".encode(), re.MULTILINE)
        # Tens of days: most blocks of a long history hold none of them, and two months have a handful.
        number = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
        dates = [(date.fromisoformat(first) + timedelta(days=place)).isoformat() for place in range(number)]
        self._begins = [begin.encode() for begin in dict.fromkeys(delimiter + text[:9] for text in dates)]

    def dates(self, block: bytes) -> list[tuple[bytes, bytes]]:
        if not any(begin in block for begin in self._begins):
            return []
        return [found for found in self._pattern.findall(block) if self._low <= found[0] <= self._high]


def _blocks(path: str) -> Iterator[bytes]:
    """Yield the file behind its header, in blocks of whole lines. Raises StoreError."""
    with _opened(path) as read:
        rest, header = b"", True
        while data := read(BLOCK):
            data = rest + data
            end = data.rfind(b"\n") + 1
            block, rest = data[:end], data[end : end + _LONGEST]
            if header and block:
                header, block = False, block.partition(b"\n")[2]
            if block:
                yield block
        if rest and not header:
            yield rest + b"\n"


@contextmanager
def _opened(path: str) -> Iterator[Callable[[int], bytes]]:
    """Give what reads the file, unpacked. Raises StoreError, also where the block reads."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if path.endswith(COMPRESSED):
                yield open_compressed(descriptor, path).read
            else:
                yield lambda size: os.read(descriptor, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}. Name another file with --csv.") from error
    except SourceError as error:
        raise StoreError(str(error)) from error


def _lines(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


def _delimiter(path: str) -> str:
    with _opened(path) as read:
        begin = read(1 << 12)
    delimiter = csvfile.delimiter_of(begin)
    if delimiter:
        return delimiter
    raise UsageError(
        f"{path} has another header than our CSVs. Bring it into their form with: maillogsentinel merge -o OUT {path}"
    )


def _of_days(lines: Iterable[bytes], first: date, last: date, delimiter: str) -> Iterator[bytes]:
    """Those of `lines` whose date column lies in the span."""
    separator = delimiter.encode()
    low, high = first.isoformat().encode(), last.isoformat().encode()
    for line in lines:
        parts = line.split(separator, 2)
        if line[:1] == b'"':
            row = next(csvfile.decode([line.decode("utf-8", "replace")], delimiter), None)
            day = row.date[:10].encode() if row else b""
        else:
            day = parts[1][:10] if len(parts) > 2 else b""
        if low <= day <= high:
            yield line


def _texts(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        yield line.decode("utf-8", "replace")
