"""The CSV's ledger: which of its bytes are committed, and how a batch gets there exactly once.

A batch is announced (stored in state.db in the same transaction as the positions), appended at the committed
length and synced, and confirmed by a second transaction. Whatever ends the program in between, `recover` finishes it:
no record is lost or written twice. Bytes that somebody else wrote are never cut off.
"""

import io
import json
import os
from collections.abc import Callable, Iterable
from typing import IO, Any

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import StoreError
from maillogsentinel.localtime import now
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database, os_sentence
from maillogsentinel.store.days import DayMap, merge_days, scan_days

ADOPTED_LENGTH = "adopted_length"
"""The key under which state.db keeps how much of the CSV was there before it; none when nothing was."""
REPLACING = "replacing"
"""The key under which it keeps that a pruned CSV is to take the place of the one before; see `replacing`."""
NEW = ".pruned"
"""What the name of a pruned CSV ends in until it is in its place."""


class Ledger:
    """The committed CSV of one state.db; all of its methods need the lock."""

    def __init__(self, database: Database, path: str, delimiter: str) -> None:
        self._database = database
        self.path = path
        self._delimiter = delimiter
        self.length = 0
        """Committed bytes, the header among them."""
        self.count = 0
        """Committed records."""

    # -- start-up

    def recover(self) -> list[str]:
        """Make CSV and state agree again, finish what an earlier run began, and return sentences on what was found."""
        try:
            return self._recover()
        except OSError as error:
            raise StoreError(os_sentence(error, self.path)) from error

    def _recover(self) -> list[str]:
        get = self._database.get
        self._finish_replacing()
        self.length, self.count = get("csv_length", 0), get("csv_count", 0)
        stateless = get("csv_generation") is None
        known = get("csv_path") == self.path and not stateless
        notices = self._replace_foreign()
        if not os.path.exists(self.path):
            if known:
                notices += [] if notices else [f"{self.path} is gone; a new one was begun."]
            os.makedirs(os.path.dirname(self.path), 0o750, exist_ok=True)
            csvfile.create(self.path, self._delimiter)
            with self._database.transaction():
                self._new_generation({}, 0, len(csvfile.header(self._delimiter)))
        elif not known:
            notices += self._adopt("was found; its records are kept", stateless=stateless)
        elif not notices:
            notices += self._compare(self._pending())
        pending = self._pending()
        if pending:
            self._append(*pending)
        return notices

    def _finish_replacing(self) -> None:
        """Finish a prune that was interrupted, or take away what it began."""
        if self._database.get(REPLACING):
            from maillogsentinel.store import replacing

            replacing.finish(self._database)
        if os.path.lexists(self.path + NEW):
            os.unlink(self.path + NEW)

    def _pending(self) -> tuple[bytes, str, int] | None:
        """The batch that was announced and not confirmed: its lines, its days and its number of records."""
        found = self._database.rows("SELECT rows, days, count FROM pending")
        return (found[0][0], found[0][1], found[0][2]) if found else None

    def _replace_foreign(self) -> list[str]:
        """Move a file away that is no CSV of ours, and say so. An empty one just goes."""
        header = csvfile.header(self._delimiter)
        try:
            with open(self.path, "rb") as file:
                begin = file.read(len(header))
        except FileNotFoundError:
            return []
        if begin == header:
            return []
        if not begin:
            os.unlink(self.path)
            return [f"{self.path} was empty; a new one was begun."]
        import time

        aside = f"{self.path}.foreign-{time.strftime('%Y%m%d')}"
        number = 0
        while os.path.lexists(aside + (f".{number}" if number else "")):
            number += 1
        aside += f".{number}" if number else ""
        os.rename(self.path, aside)
        sync_directory(os.path.dirname(self.path))
        return [
            f"{self.path} had another header or delimiter: it is now {aside}, and a new CSV was begun."
            " maillogsentinel merge can bring both together."
        ]

    def _compare(self, pending: tuple[bytes, str, int] | None) -> list[str]:
        """Find out whether the CSV is what was committed; where it is not, take it as it is."""
        status = os.stat(self.path)
        seen = json.loads(self._database.get("csv_stat", "null"))
        if seen == identity(status) and status.st_size == self.length:
            return []
        rows = pending[0] if pending else b""
        if rows and seen and seen[0] == status.st_ino and self.length <= status.st_size <= self.length + len(rows):
            with open(self.path, "rb") as file:
                file.seek(self.length)
                if rows.startswith(file.read(len(rows))):
                    return []
        return self._adopt("was changed by somebody else; it is taken as it is now", rows)

    def _adopt(self, how: str, pending: bytes = b"", stateless: bool = False) -> list[str]:
        """Take the file as it lies there: a new generation with an index made anew.

        Of the `pending` batch only those lines stay pending that do not stand there. `stateless`: no position is known,
        so that the failures of these records may be read again (see `adopted`).
        """
        with open(self.path, "r+b") as file:
            days, count = scan_days(file, len(csvfile.header(self._delimiter)), self._delimiter)
            length = file.seek(0, os.SEEK_END)
            rest = pending[self._written(file, length, pending) :]
            file.seek(length - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
                file.flush()
                os.fsync(file.fileno())
                length += 1
        with self._database.transaction():
            self._new_generation(days, count, length)
            if stateless:
                self._database.put(ADOPTED_LENGTH, length)
                self._database.put("next_record", count + 1)
            if pending:
                rest_days, rest_count = scan_days(io.BytesIO(rest), 0, self._delimiter)
                self._database.run("DELETE FROM pending")
                self._announce(rest, rest_days, rest_count)
        return [f"{self.path} {how} ({count} records)."] if count else []

    def _written(self, file: IO[bytes], length: int, rows: bytes) -> int:
        """How many bytes of `rows`, whole lines, are in the CSV already: where we put them, or moved to its end."""
        file.seek(max(0, length - len(rows)))
        if rows and file.read() == rows:
            return len(rows)
        file.seek(self.length)
        there = file.read(len(rows))
        return rows.rfind(b"\n", 0, len(os.path.commonprefix([rows, there]))) + 1

    def _new_generation(self, days: DayMap, count: int, length: int) -> None:
        """Store what the CSV is from now on; in a transaction of the caller."""
        database = self._database
        database.run("DELETE FROM extent")
        database.run("DELETE FROM day")
        database.run("DELETE FROM cut")
        database.run("DELETE FROM token")
        merge_days(database, days, 0)
        # Tokens of `export csv --since` hold the generation: it must differ even from that of a lost state.db.
        database.put("csv_generation", max(database.get("csv_generation", 0) + 1, now()))
        database.put("csv_path", self.path)
        self._put_length(length, count)

    def _put_length(self, length: int, count: int) -> None:
        self._database.put("csv_length", length)
        self._database.put("csv_count", count)
        self._database.put("csv_stat", json.dumps(identity(os.stat(self.path))))
        self._database.run(_NOTE_LENGTH, (length,))
        self.length, self.count = length, count

    # -- a batch

    def commit(self, rows: bytes, days: DayMap, count: int, also: Callable[[], None]) -> None:
        """Commit `count` records, the lines `rows`, together with what `also` stores.

        `days` is relative to the start of `rows`. Raises StoreError; the batch is then in the CSV, or announced for the
        next run, or was never there.
        """
        with self._database.transaction():
            self._announce(rows, days, count)
            also()
        if count:
            try:
                self._append(rows, json.dumps(days), count)
            except OSError as error:
                raise StoreError(os_sentence(error, self.path)) from error

    def _announce(self, rows: bytes, days: DayMap, count: int) -> None:
        """Store a batch that is to be appended; in a transaction of the caller."""
        if count:
            self._database.run("INSERT INTO pending VALUES (1, ?, ?, ?)", (rows, json.dumps(days), count))

    def _append(self, rows: bytes, days: str, count: int) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            there = os.pread(descriptor, len(rows) + 1, self.length)
            if size < self.length or not rows.startswith(there):
                raise StoreError(
                    f"{self.path} was changed by somebody else while it was written. The next run mends it."
                )
            try:
                csvfile.write_all(descriptor, rows, self.length)
                os.fdatasync(descriptor)
            except OSError:
                # What stands behind the committed length is a part of this batch, as was checked.
                os.ftruncate(descriptor, self.length)
                raise
        finally:
            os.close(descriptor)
        self._confirm(rows, days, count)

    def _confirm(self, rows: bytes, days: str, count: int) -> None:
        with self._database.transaction():
            merge_days(self._database, json.loads(days), self.length)
            self._put_length(self.length + len(rows), self.count + count)
            self._database.run("DELETE FROM pending")


def identity(status: os.stat_result) -> list[int]:
    """Return by what a file is known to be the one that was left behind."""
    return [status.st_ino, status.st_size, status.st_mtime_ns]


_NOTE_LENGTH = (
    "INSERT OR IGNORE INTO token VALUES (? + coalesce((SELECT removed FROM cut ORDER BY start DESC LIMIT 1), 0), NULL)"
)
"""A token may be given of each length that is committed; see `cuts`."""


def committed(database: Database) -> tuple[str, int, int]:
    """Return the CSV's path, committed length in bytes and number of records; for readers, which need no lock."""
    found = values_of(database)
    return found.get("csv_path", ""), found.get("csv_length", 0), found.get("csv_count", 0)


def as_committed(database: Database) -> bool:
    """Whether nobody has touched the CSV since the last commit; False also while one is under way."""
    try:
        return bool(json.loads(database.get("csv_stat", "null")) == identity(os.stat(committed(database)[0])))
    except OSError:
        return False


def values_of(database: Database) -> dict[str, Any]:
    """Return what state.db says of the CSV: the values whose keys begin with ``csv_``, all of one moment."""
    return dict(database.rows("SELECT key, value FROM meta WHERE key GLOB 'csv_*'"))


def read_extents(path: str, extents: Iterable[tuple[int, int]], length: int) -> Iterable[bytes]:
    """Yield the CSV's lines within `extents` (start and end in bytes), none of them behind the committed `length`."""
    with open(path, "rb") as file:
        yield from read_lines(file, extents, length)


def read_lines(file: IO[bytes], extents: Iterable[tuple[int, int]], length: int) -> Iterable[bytes]:
    """Yield the lines of an open CSV as `read_extents` does."""
    for start, end in extents:
        end = min(end, length)
        file.seek(start)
        while start < end:
            line = file.readline(end - start)
            if not line:
                return
            start += len(line)
            yield line
