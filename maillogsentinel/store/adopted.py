"""Records that stood in the CSV before state.db did: when their failures are read again, they are not written twice.

state.db may be lost (a disk, a half restored backup) while the CSV is kept. The logs are then read from their start.
Whether a failure has its record already is decided as when CSVs are merged: by server, date, address and user, and by
how often.
"""

import hashlib
from collections.abc import Callable, Iterator

from maillogsentinel.model import Failure, Row
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import extents_of
from maillogsentinel.store.ledger import ADOPTED_LENGTH, read_extents

_AT_ONCE = 10_000

Identity = Callable[[Failure], tuple[str, str]]
"""Returns a failure's day, and its server, date, address and user as they stand in the CSV."""


class Adopted:
    """The records of an adopted CSV that no failure has been found for yet, loaded day by day as the logs are read."""

    def __init__(self, database: Database, path: str, delimiter: str) -> None:
        self._database = database
        self._path = path
        self._delimiter = delimiter
        self._length: int | None = database.get(ADOPTED_LENGTH)
        self._changed: dict[bytes, int] = {}

    @property
    def active(self) -> bool:
        """Whether there is an adopted CSV, and the logs were not read through since."""
        return self._length is not None

    def drop(self, failures: list[Failure], identity: Identity) -> list[Failure]:
        """Return `failures` without those that have their record already. Raises StoreError."""
        kept = []
        for failure in failures:
            day, text = identity(failure)
            self._load(day)
            key = _key(text)
            left = self._changed.get(key)
            if left is None:
                found = self._database.rows("SELECT count FROM adopted WHERE identity = ?", (key,))
                left = found[0][0] if found else 0
            known = min(left, failure.repeat)
            if known:
                self._changed[key] = left - known
            if known < failure.repeat:
                kept.append(failure._replace(repeat=failure.repeat - known))
        return kept

    def save(self, last: bool) -> None:
        """Store what `drop` used up; after the `last` batch forget it all. In a transaction of the caller."""
        self._database.run_many(
            "UPDATE adopted SET count = ? WHERE identity = ?", [(left, key) for key, left in self._changed.items()]
        )
        self._changed = {}
        if last:
            for statement in ("DELETE FROM adopted", "DELETE FROM adopted_day"):
                self._database.run(statement)
            self._database.run("DELETE FROM meta WHERE key = ?", (ADOPTED_LENGTH,))
            self._length = None

    def _load(self, day: str) -> None:
        if self._length is None or self._database.rows("SELECT 1 FROM adopted_day WHERE day = ?", (day,)):
            return
        with self._database.transaction():
            self._database.run("INSERT INTO adopted_day VALUES (?)", (day,))
            keys: list[tuple[bytes]] = []
            for row in self._rows(day, self._length):
                keys.append((_key(csvfile.identity(row, self._delimiter)),))
                if len(keys) == _AT_ONCE:
                    self._add(keys)
                    keys = []
            self._add(keys)

    def _rows(self, day: str, length: int) -> Iterator[Row]:
        lines = read_extents(self._path, extents_of(self._database, [day]), length)
        for row in csvfile.decode((line.decode("utf-8", "replace") for line in lines), self._delimiter):
            if row.date[:10] == day:
                yield row

    def _add(self, keys: list[tuple[bytes]]) -> None:
        self._database.run_many(
            "INSERT INTO adopted VALUES (?, 1) ON CONFLICT (identity) DO UPDATE SET count = count + 1", keys
        )


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
