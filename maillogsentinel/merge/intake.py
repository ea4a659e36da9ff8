"""An input read once: what it holds, whether it is in order, and where its lines in order can be had.

A CSV of ours that is in order is merged as it lies there. What is compressed, comes from a pipe, needs another form or
is not in order (an hour that came twice, several logs) is written sorted into the spool.
"""

import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from maillogsentinel.errors import SourceError, StoreError, UsageError
from maillogsentinel.merge.rows import MAX_LINE, Header, Rows, Taken, read_header
from maillogsentinel.merge.spool import Extents, Original, Spool, plain
from maillogsentinel.sources.rotation import COMPRESSED
from maillogsentinel.sources.stream import open_compressed

_BLOCK = 1 << 18
_RUN = 3_000_000
"""Bytes of lines that are sorted in memory."""
_MANY = 20_000
"""More servers than this, in all inputs together, are not told apart."""
LONGEST_NAME = 256
"""Bytes; servers whose names begin with as many equal ones are not told apart."""

Reject = Callable[[str, int, str, bytes], None]
"""Called with file, line number, reason and the row that cannot be read."""


class Input(NamedTuple):
    """What one input has to give."""

    parts: list[Extents]
    """Each in the order of dates by itself."""
    servers: frozenset[bytes] | None
    """See `Servers`; None: too many to know."""
    rows: int


class Precision:
    """The one form that all dates must have."""

    def __init__(self) -> None:
        self.width = 0
        """Bytes of a date; 0 before the first."""
        self._seen = ("", b"")

    def check(self, dates: list[bytes], path: str) -> None:
        """Raises UsageError when a date of the file at `path` has another length than those before."""
        if dates and not self.width:
            self.width, self._seen = len(dates[0]), (path, dates[0])
        if set(map(len, dates)) - {self.width}:
            other = next(date for date in dates if len(date) != self.width)
            before, first = self._seen
            raise UsageError(
                f"{before} has dates like {first.decode()}, {path} like {other.decode()}: records of different"
                " date_precision cannot be told apart. Merge those with seconds and those without by themselves."
            )


class Intake:
    """Reads the inputs of one merge."""

    def __init__(self, spool: Spool, delimiter: str, reject: Reject, progress: Callable[[int, str], None]) -> None:
        self._spool = spool
        self._delimiter = delimiter
        self._reject = reject
        self._progress = progress
        self._names = 0
        self.precision = Precision()
        self.longest = 0
        """Bytes of the longest line."""

    def read(self, path: str) -> Input:
        """Return what the input at `path` has to give. Raises StoreError and UsageError."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}. Name another file, or leave it out.") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISFIFO(status.st_mode):
                raise UsageError(f"{path} is no file. Name a CSV.")
            packed = path.endswith(COMPRESSED)
            found = None
            if stat.S_ISREG(status.st_mode) and not packed:
                found = self._as_it_is(descriptor, path, status)
            if found is None:
                if stat.S_ISREG(status.st_mode):
                    os.lseek(descriptor, 0, os.SEEK_SET)
                found = self._spooled(self._reader(descriptor, path, packed), path)
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}. Nothing was written.") from error
        finally:
            os.close(descriptor)
        self._names += len(found.servers or ())
        return found

    def _reader(self, descriptor: int, path: str, packed: bool) -> Callable[[], bytes]:
        if not packed:
            return lambda: os.read(descriptor, _BLOCK)
        try:
            stream = open_compressed(descriptor, path)
        except SourceError as error:
            raise StoreError(str(error)) from error

        def read() -> bytes:
            try:
                return stream.read(_BLOCK)
            except SourceError as error:
                raise StoreError(
                    f"{path} is damaged or breaks off ({error.__cause__}). Nothing was written; copy it again, or leave"
                    " it out."
                ) from error

        return read

    def _as_it_is(self, descriptor: int, path: str, status: os.stat_result) -> Input | None:
        """Return an input that is in order, in our form and has nothing to reject; None for any other."""
        last, count = b"", 0
        servers = Servers(self._delimiter, _MANY - self._names)
        blocks = _blocks(lambda: os.read(descriptor, _BLOCK))
        header = _header(blocks, path)
        rows = Rows(header, self._delimiter)
        begin = at = len(header.line)
        for _, block in blocks:
            taken = rows.take(block)
            dates = taken.dates
            if not taken.plain or not dates or dates[0] < last or dates != sorted(dates):
                return None
            self.precision.check(dates, path)
            self.longest = max(self.longest, taken.longest)
            servers.add(taken.lines, block)
            at += len(block)
            last = dates[-1]
            count += len(dates)
            self._progress(at, path)
        return Input([Extents(Original(path, status), [(begin, at)])] if count else [], servers.found, count)

    def _spooled(self, read: Callable[[], bytes], path: str) -> Input:
        """Return the input with its lines sorted into the spool, as few series of them as its order allows."""
        blocks = _blocks(read)
        rows = Rows(_header(blocks, path), self._delimiter)
        servers = Servers(self._delimiter, _MANY - self._names)
        series: list[_Series] = []
        waiting: list[bytes] = []
        at = size = count = 0
        for first, block in blocks:
            taken = rows.take(block)
            self.precision.check(taken.dates, path)
            self._note(path, first, taken)
            self.longest = max(self.longest, taken.longest)
            servers.add(taken.lines)
            waiting += [date + line for date, line in zip(taken.dates, taken.lines, strict=True)]
            size += len(block)
            at += len(block)
            count += len(taken.lines)
            if size > _RUN:
                self._store(waiting, series)
                waiting, size = [], 0
            self._progress(at, path)
        self._store(waiting, series)
        return Input([Extents(self._spool, one.extents) for one in series], servers.found, count)

    def _note(self, path: str, first: int, taken: Taken) -> None:
        for number, why, line in taken.rejected:
            self._reject(path, first + number, why, line)

    def _store(self, rows: list[bytes], series: list["_Series"]) -> None:
        if not rows:
            return
        width = self.precision.width
        rows.sort()
        extent = self._spool.append(plain(rows, width))
        fitting = next((one for one in series if one.last <= rows[0][:width]), None)
        if fitting is None:
            series.append(_Series(rows[-1][:width], [extent]))
        else:
            fitting.append(rows[-1][:width], extent)


class _Series:
    """Sorted runs of which each begins where the one before ends, or later."""

    def __init__(self, last: bytes, extents: list[tuple[int, int]]) -> None:
        self.last = last
        self.extents = extents

    def append(self, last: bytes, extent: tuple[int, int]) -> None:
        self.last = last
        if self.extents[-1][1] == extent[0]:
            self.extents[-1] = (self.extents[-1][0], extent[1])
        else:
            self.extents.append(extent)


class Servers:
    """Collects what lines begin with, up to the first delimiter; of long names the first `LONGEST_NAME` bytes."""

    def __init__(self, delimiter: str, most: int) -> None:
        self._delimiter = delimiter.encode()
        self._most = most
        self._names: set[bytes] = set()
        self._many = False

    def add(self, lines: list[bytes], block: bytes = b"") -> None:
        """Note the servers of `lines`; `block` is their text, where there is one."""
        if self._many or not lines:
            return
        if block and len(self._names) == 1:
            begin = next(iter(self._names)) + self._delimiter
            if block.startswith(begin) and block.count(b"\n" + begin) == len(lines) - 1:
                return
        names = {line[: line.find(self._delimiter)] for line in lines}
        self._names.update([name[:LONGEST_NAME] for name in names])
        self._many = len(self._names) > self._most

    @property
    def found(self) -> frozenset[bytes] | None:
        """What was collected; None when it was too much."""
        return None if self._many else frozenset(self._names)


def _header(blocks: Iterator[tuple[int, bytes]], path: str) -> Header:
    first = next(blocks, None)
    if first is None:
        raise StoreError(f"{path} is empty: not even a header is in it. Copy it again, or leave it out.")
    return read_header(first[1], path)


def _blocks(read: Callable[[], bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the first line, then blocks of whole lines, each with the number of its first line.

    Of a line that is too long for a record only the beginning is given.
    """
    number, rest, first, skipping = 1, b"", True, False
    while data := read():
        if skipping:
            _, newline, data = data.partition(b"\n")
            skipping = not newline
            rest, data = (rest + newline, data) if newline else (rest, b"")
        data = rest + data
        if first and data:
            line, newline, tail = data.partition(b"\n")
            if newline:
                yield number, line + newline
                first, number, data = False, 2, tail
        end = data.rfind(b"\n") + 1
        block, rest = data[:end], data[end:]
        if len(rest) > MAX_LINE:
            rest, skipping = rest[: MAX_LINE + 1], True
        if block:
            yield number, block
            number += block.count(b"\n")
    if rest:
        yield number, rest
