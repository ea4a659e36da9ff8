"""The records of a span of days: from the committed CSV by its index, or from any CSV of ours read whole."""

import os
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from maillogsentinel.errors import StoreError, UsageError
from maillogsentinel.model import Row
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import extents_of
from maillogsentinel.store.ledger import committed, read_extents

_DELIMITERS = (",", ";", "\t", "|")


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
        extents = extents_of(self._database, days)
        try:
            yield from _of_days(read_extents(self.path, extents, self.size), first, last, self._delimiter)
        except OSError as error:
            raise StoreError(f"Cannot read {self.path}: {error.strerror}. The next extract puts it right.") from error

    def rows(self, first: date, last: date) -> Iterator[Row]:
        """Yield the records from day `first` to day `last`. Raises StoreError."""
        return csvfile.decode(_texts(self.lines(first, last)), self._delimiter)


class Files(Records):
    """CSVs named on the command line, read whole; none of them make the empty sample before the first run."""

    def __init__(self, paths: list[str]) -> None:
        self.path = ", ".join(paths)
        self._paths = [(path, _delimiter(path)) for path in paths]
        self.size = sum(os.path.getsize(path) for path, _ in self._paths)
        self.header = csvfile.header(self._paths[0][1] if paths else ",")
        self.count = 0

    def lines(self, first: date, last: date) -> Iterator[bytes]:
        """Yield the lines of the records from day `first` to day `last`. Raises StoreError."""
        for path, delimiter in self._paths:
            yield from _of_days(self._body(path), first, last, delimiter)

    def rows(self, first: date, last: date) -> Iterator[Row]:
        """Yield the records from day `first` to day `last`; afterwards `count` is right. Raises StoreError."""
        self.count = 0
        for path, delimiter in self._paths:
            lines = _of_days(self._counted(path), first, last, delimiter)
            yield from csvfile.decode(_texts(lines), delimiter)

    def _counted(self, path: str) -> Iterator[bytes]:
        for line in self._body(path):
            self.count += 1
            yield line

    def _body(self, path: str) -> Iterator[bytes]:
        try:
            with open(path, "rb") as file:
                file.readline(1 << 20)
                while line := file.readline(1 << 20):
                    yield line
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}. Name another file with --csv.") from error


def _delimiter(path: str) -> str:
    try:
        with open(path, "rb") as file:
            begin = file.readline(1 << 12)
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}. Name another file with --csv.") from error
    for delimiter in _DELIMITERS:
        if begin == csvfile.header(delimiter):
            return delimiter
    raise UsageError(f"{path} has another header than our CSVs. Bring it into their form with: maillogsentinel merge")


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
