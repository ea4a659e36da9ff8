"""The CSV written anew beside itself, without the records of some days.

Only the extents of the days that go are looked at line by line; what is between is copied. Lines that are no records,
which somebody else wrote, stay.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import StoreError
from maillogsentinel.store import cuts, replacing
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import LONGEST, NEAR, day_of, extents_of
from maillogsentinel.store.ledger import ADOPTED_LENGTH, NEW, identity
from maillogsentinel.store.removed import Removed

_AT_ONCE = 10_000
_BLOCK = 256 * 1024


class Rewrite:
    """The CSV without the days before one, beside the old one, and what is to be stored with it."""

    def __init__(self, database: Database, path: str, delimiter: str, day: str, removed: Removed) -> None:
        self._database = database
        self._path = path
        self._delimiter = delimiter
        self._day = day
        self._removed = removed
        self._length: int = database.get("csv_length")
        self._old = self._new = [0]
        self._records = 0
        self._marks: list[tuple[str, int]] = []

    def write(self) -> None:
        """Write the new file durably. Raises OSError, and StoreError where somebody else changes the old one; nothing
        is left then."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:
            self._old = identity(os.fstat(descriptor))
            temporary = self._path + NEW
            target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
            try:
                with open(target, "wb") as out:
                    _alike(descriptor, target)
                    self._copy(file, out)
                    out.flush()
                    os.fsync(target)
                    self._new = identity(os.fstat(target))
                self._keep_marks(file)
                sync_directory(os.path.dirname(self._path))
                if identity(os.lstat(self._path)) != self._old:
                    raise StoreError(
                        f"{self._path} was changed by somebody else while it was read; nothing was pruned."
                        " Run the command again."
                    )
            except BaseException:
                os.unlink(temporary)
                raise

    def _copy(self, file: IO[bytes], out: IO[bytes]) -> None:
        days = [day for (day,) in self._database.rows("SELECT day FROM day WHERE day < ?", (self._day,))]
        at = 0
        for start, end in extents_of(self._database, days):
            _copy(file, out, at, start)
            at = self._sift(file, out, start, min(end, self._length))
        _copy(file, out, at, self._length)
        self._removed.finish()
        self._removed.join(_cuts(self._database))

    def _sift(self, file: IO[bytes], out: IO[bytes], start: int, end: int) -> int:
        """Copy the lines of an extent but those that go, and return where it ends."""
        separator = self._delimiter.encode()
        file.seek(start)
        at, whole = start, True
        while at < end and (line := file.readline(min(LONGEST, end - at))):
            # A line that is longer than any record comes in pieces, and what looks like a record may be a part of it.
            day = day_of(line, separator, self._delimiter) if whole else ""
            whole = line.endswith(b"\n")
            if whole and day and day < self._day:
                self._removed.add(at, at + len(line))
                self._records += 1
            else:
                out.write(line)
            at += len(line)
        return at

    def _keep_marks(self, file: IO[bytes]) -> None:
        """Take the marks of lengths before which something goes."""
        for (length,) in self._database.rows("SELECT length FROM token WHERE mark IS NULL ORDER BY length"):
            place, _ = cuts.place(self._database, length)
            begin = max(0, place - cuts.MARKED)
            if self._removed.before(place) > self._removed.before(begin):
                self._marks.append((cuts.mark(file, place), length))

    def store(self) -> None:
        """Store what the new file is, and that it is to be put in place; in a transaction of the caller."""
        database = self._database
        database.run("DELETE FROM cut")
        database.run_many("INSERT INTO cut VALUES (?, ?, ?)", self._removed.cuts())
        database.run("DELETE FROM extent WHERE day < ?", (self._day,))
        self._store_extents()
        database.run_many("UPDATE token SET mark = ? WHERE length = ?", self._marks)
        database.put("csv_length", self._new[1])
        database.put("csv_count", database.get("csv_count") - self._records)
        database.put("csv_stat", json.dumps(self._new))
        adopted = database.get(ADOPTED_LENGTH)
        if adopted is not None:
            database.put(ADOPTED_LENGTH, adopted - self._removed.before(adopted))
        replacing.announce(database, self._path, self._old, self._new)

    def _store_extents(self) -> None:
        """Move the extents of the days that stay, and join what has come near."""
        database, before = self._database, self._removed.before
        for (day,) in database.rows("SELECT day FROM day ORDER BY day"):
            moved: list[list[int]] = []
            for start, end in database.rows("SELECT start, end FROM extent WHERE day = ? ORDER BY start", (day,)):
                start, end = start - before(start), end - before(end)
                if moved and start - moved[-1][1] <= NEAR:
                    moved[-1][1] = end
                else:
                    moved.append([start, end])
            database.run("DELETE FROM extent WHERE day = ?", (day,))
            database.run_many("INSERT INTO extent VALUES (?, ?, ?)", [(day, *extent) for extent in moved])


def _cuts(database: Database) -> Iterator[cuts.Range]:
    """Yield the cuts that there are, a part at a time: there may be very many."""
    last = -1
    while rows := database.rows("SELECT start, end FROM cut WHERE start > ? ORDER BY start LIMIT ?", (last, _AT_ONCE)):
        yield from ((start, end) for start, end in rows)
        last = rows[-1][0]


def _copy(file: IO[bytes], out: IO[bytes], start: int, end: int) -> None:
    """Copy the bytes from `start` to `end`. Raises StoreError where the file ends before."""
    file.seek(start)
    while start < end:
        data = file.read(min(_BLOCK, end - start))
        if not data:
            raise StoreError("The CSV is shorter than what was committed; nothing was pruned. Run the command again.")
        out.write(data)
        start += len(data)


def _alike(old: int, new: int) -> None:
    """Give the new file the mode, the group and the attributes (access lists among them) of the old one, as far as this
    user may."""
    status = os.fstat(old)
    with suppress(PermissionError):
        os.fchown(new, -1, status.st_gid)
    os.fchmod(new, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(old):
        with suppress(OSError):
            os.setxattr(new, name, os.getxattr(old, name))
