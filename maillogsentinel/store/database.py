"""state.db: one SQLite file, its tables, its format number, and sentences in place of SQLite's errors."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from maillogsentinel.errors import StoreError

FORMAT = 2
"""Raised whenever an older program could not read the file any more."""
NAME = "state.db"
_BUSY_SECONDS = 30

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
-- positions: what of each source has been read
CREATE TABLE source (path TEXT PRIMARY KEY, listing TEXT, stamp INTEGER, current INTEGER, adjacent TEXT,
                     memory TEXT) WITHOUT ROWID;
CREATE TABLE journal (name TEXT PRIMARY KEY, cursor TEXT, stamp INTEGER, newest TEXT, newest_stamp INTEGER,
                      whole INTEGER, identifiers TEXT, adjacent TEXT, memory TEXT) WITHOUT ROWID;
CREATE TABLE mark (id INTEGER PRIMARY KEY, head_size INTEGER, head BLOB, line BLOB, offset INTEGER, tail_size INTEGER,
                   tail BLOB, stamp INTEGER, used INTEGER);
-- a batch that is stored, but of which it is not known yet that the CSV has it
CREATE TABLE pending (id INTEGER PRIMARY KEY CHECK (id = 1), rows BLOB, days TEXT, count INTEGER);
-- where each day's records lie in the CSV: bytes from start to end hold them, and may hold others' between
CREATE TABLE extent (day TEXT, start INTEGER, end INTEGER, PRIMARY KEY (day, start)) WITHOUT ROWID;
CREATE TABLE day (day TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
CREATE TABLE event (record INTEGER PRIMARY KEY, stamp INTEGER, source TEXT, server TEXT, ip TEXT, user TEXT,
                    mechanism TEXT, service TEXT, reason TEXT, pid INTEGER);
CREATE TABLE trouble (day TEXT, kind TEXT, count INTEGER, PRIMARY KEY (day, kind)) WITHOUT ROWID;
-- lines that are missing: how often something was told, and how many lines at least
CREATE TABLE loss (day TEXT, kind TEXT, times INTEGER, missing INTEGER, PRIMARY KEY (day, kind)) WITHOUT ROWID;
-- who logged in from where: first and last time in UTC microseconds
CREATE TABLE login (user TEXT, network TEXT, country TEXT, first INTEGER, last INTEGER, count INTEGER,
                    PRIMARY KEY (user, network)) WITHOUT ROWID;
-- time, in UTC microseconds: what was read of each source, and where something may be missing
CREATE TABLE coverage (path TEXT, start INTEGER, end INTEGER, PRIMARY KEY (path, start)) WITHOUT ROWID;
CREATE TABLE gap (path TEXT, start INTEGER, end INTEGER, why TEXT, PRIMARY KEY (path, start)) WITHOUT ROWID;
CREATE TABLE dns (ip TEXT PRIMARY KEY, hostname TEXT, status TEXT, expires INTEGER, run INTEGER) WITHOUT ROWID;
CREATE INDEX dns_expires ON dns (expires);
-- an adopted CSV's records that no failure was found for yet, and the days of which they were loaded
CREATE TABLE adopted (identity BLOB PRIMARY KEY, count INTEGER) WITHOUT ROWID;
CREATE TABLE adopted_day (day TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE mailed (day TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID;
"""
_SINCE = {
    2: """
-- logins for detection to look at, times in UTC microseconds: from a network that the user had not been seen in, and
-- others since the last detection, of each user and address one. judged: detection has seen it
CREATE TABLE new_login (id INTEGER PRIMARY KEY, stamp INTEGER, user TEXT, ip TEXT, network TEXT, country TEXT,
                        known_since INTEGER, known_network INTEGER, known_country INTEGER, judged INTEGER);
-- what detection found, a row for each subject and 24 hours. first, last: UTC microseconds, begun: the first such last
CREATE TABLE finding (id INTEGER PRIMARY KEY, kind TEXT, severity TEXT, subject TEXT, sentence TEXT, attempts INTEGER,
                      users INTEGER, addresses INTEGER, first INTEGER, last INTEGER, servers TEXT, examples TEXT,
                      begun INTEGER);
CREATE INDEX finding_subject ON finding (kind, subject);
-- what is told at once: when that was decided (UTC microseconds), since when the same is not told again, the finding as
-- it was, and by which ways it has still to be told
CREATE TABLE alert (id INTEGER PRIMARY KEY, at INTEGER, since INTEGER, kind TEXT, subject TEXT, severity TEXT,
                    finding TEXT, backlog INTEGER, due INTEGER);
CREATE INDEX alert_subject ON alert (kind, subject);
CREATE INDEX alert_due ON alert (due) WHERE due > 0;
-- what was counted since this file began: it only grows, whatever is deleted elsewhere
CREATE TABLE total (what TEXT, kind TEXT, count INTEGER, PRIMARY KEY (what, kind)) WITHOUT ROWID;
INSERT INTO total SELECT 'trouble', kind, sum(count) FROM trouble GROUP BY kind;
INSERT INTO total SELECT 'loss', kind, sum(times) FROM loss GROUP BY kind;
INSERT INTO total SELECT 'lost', kind, sum(missing) FROM loss GROUP BY kind;
-- what reports remember of a day: attempts of each hour, and which names there were (see digest.py)
CREATE TABLE digest (day TEXT PRIMARY KEY, generation INTEGER, count INTEGER, made INTEGER, hours TEXT,
                     users BLOB, addresses BLOB, networks BLOB, countries BLOB, asns BLOB);
-- bytes of the CSV that were pruned, from start to end as if they were still there, and how many were up to each end
CREATE TABLE cut (start INTEGER PRIMARY KEY, end INTEGER, removed INTEGER);
-- lengths that the CSV had, pruned bytes counted, of which there may be tokens of export csv, and the mark of each one
-- that was taken before some of the bytes that it is of were pruned
CREATE TABLE token (length INTEGER PRIMARY KEY, mark TEXT);
""",
}
"""What each format has beyond the one before it."""


@contextmanager
def sentences(path: str) -> Iterator[None]:
    """Turn SQLite's and the system's errors into a StoreError that says what to do about `path`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise StoreError(
                f"No space left for {path}. Free some; the next run continues where this one stopped."
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise StoreError(f"Cannot write {path}. Make the directory writable for the user who runs this.") from error
        if "locked" in text:
            raise StoreError(f"{path} is locked by another program. Close that; the next run continues.") from error
        raise StoreError(f"{path}: {text}. The next run tries again.") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is damaged ({error}). Move it away, or restore it from a backup; without it logs are read afresh."
        ) from error
    except OSError as error:
        raise StoreError(os_sentence(error, path)) from error


def os_sentence(error: OSError, path: str) -> str:
    """Return what a failed system call on `path` means, and what to do."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"No space left for {path}. Free some; the next run continues where this one stopped."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Cannot write {path}: {error.strerror}. Make it writable for the user who runs this."
    return f"Cannot write {path}: {error.strerror or error}. The next run tries again."


class Database:
    """An open state.db. Every method raises StoreError with a plain sentence where SQLite or the disk fail."""

    def __init__(self, state_dir: str, create: bool = False) -> None:
        """Open state.db in `state_dir`; `create` makes one where none is, and brings an older one up to date."""
        self.path = os.path.join(state_dir, NAME)
        with sentences(self.path):
            if create:
                new = not os.path.exists(self.path)
                self._connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
                if new:
                    os.chmod(self.path, 0o640)
            else:
                if not os.path.exists(self.path):
                    raise StoreError(f"There is no {self.path} yet. Run: maillogsentinel extract")
                # After a crash the first reader must be able to roll the unfinished transaction back.
                mode = "rw" if os.access(self.path, os.W_OK) else "ro"
                uri = "file:" + self.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + f"?mode={mode}"
                self._connection = sqlite3.connect(uri, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
                self._connection.execute("PRAGMA query_only = ON")
            # EXTRA also syncs the directory when the journal is gone: a commit survives a power loss.
            self._connection.execute("PRAGMA synchronous = EXTRA")
            self._connection.execute("PRAGMA cache_size = -2000")
            # Debian's SQLite overwrites what is deleted; a batch's lines stand in the CSV anyway.
            self._connection.execute("PRAGMA secure_delete = OFF")
            self._connection.execute("PRAGMA temp_store = FILE")
            self._check(create)

    def _check(self, create: bool) -> None:
        (number,) = self._connection.execute("PRAGMA user_version").fetchone()
        if number > FORMAT:
            self._connection.close()
            raise StoreError(
                f"{self.path} was written by a newer version (format {number}; this one knows {FORMAT})."
                " Install the newer version again, or begin afresh with: maillogsentinel reset"
            )
        if number == FORMAT:
            return
        if not create:
            raise StoreError(
                f"{self.path} {'is of an older version' if number else 'holds nothing yet'}."
                " Run: maillogsentinel extract"
            )
        self._connection.execute("BEGIN IMMEDIATE")
        # Another run may have done it while this one waited.
        (number,) = self._connection.execute("PRAGMA user_version").fetchone()
        if number == 0:
            self._create(_SCHEMA)
        for later in range(max(number, 1) + 1, FORMAT + 1):
            self._create(_SINCE[later])
        self._connection.execute(f"PRAGMA user_version = {FORMAT}")
        self._connection.execute("COMMIT")

    def _create(self, schema: str) -> None:
        for statement in schema.split(";"):
            if statement.strip():
                self._connection.execute(statement)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do what the block does wholly and durably, or not at all."""
        with sentences(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let what the block reads be of one moment; for readers, which may only read the file."""
        self.run("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def overwriting(self) -> Iterator[None]:
        """Leave nothing in the file of what the block deletes."""
        self.run("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            self.run("PRAGMA secure_delete = OFF")

    def run(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Execute one statement."""
        with sentences(self.path):
            self._connection.execute(sql, values)

    def run_many(self, sql: str, values: Any) -> None:
        """Execute one statement for each tuple of `values`."""
        with sentences(self.path):
            self._connection.executemany(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a query gives; for answers that are small by nature."""
        with sentences(self.path):
            return self._connection.execute(sql, values).fetchall()

    def each(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that a query gives, one by one; until the last one, or `close`, no other process commits."""
        with sentences(self.path):
            yield from self._connection.execute(sql, values)

    def define(self, name: str, function: Callable[[Any], Any]) -> None:
        """Let queries call `function`, of one value and without any effect, by `name`."""
        self._connection.create_function(name, 1, function, deterministic=True)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value kept under `key` in the table of single values."""
        found = self.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return found[0][0] if found else default

    def put(self, key: str, value: Any) -> None:
        """Keep a single value."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
