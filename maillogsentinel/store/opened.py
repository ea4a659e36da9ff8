"""The CSV and what state.db says of it, of one moment, for readers: they hold no lock, and a prune replaces both."""

import json
import os
import time
from collections.abc import Callable
from typing import IO, Any, TypeVar

from maillogsentinel.errors import StoreError
from maillogsentinel.store.database import Database
from maillogsentinel.store.ledger import as_committed, values_of

T = TypeVar("T")

_TRIES = 5
_PAUSE = 0.05
"""Seconds."""


def open_committed(database: Database, read: Callable[[dict[str, Any]], T]) -> tuple[IO[bytes], T]:
    """Return the CSV, open for reading, and what `read` makes of state.db, both of one moment; for readers.

    `read` is given the values whose keys begin with ``csv_``. Raises StoreError where the CSV is not the one that
    state.db knows, and OSError.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)  # while a prune puts another one in its place
        with database.snapshot():
            known = values_of(database)
            found = read(known)
        path = known.get("csv_path", "")
        file = open(path, "rb")  # noqa: SIM115 (the caller closes it)
        if os.fstat(file.fileno()).st_ino == json.loads(known.get("csv_stat", "[0]"))[0]:
            return file, found
        file.close()
    raise StoreError(f"{path} was replaced since the last extract. The next one puts it right; try again then.")


def check_count(database: Database, path: str, found: int, known: int) -> None:
    """Raise StoreError where so many records of some days were `found`, other than are `known` of them, in a CSV that
    somebody has edited since the last commit: what is counted in one would be told for what happened."""
    if found != known and not as_committed(database) and not database.rows("SELECT 1 FROM pending"):
        raise StoreError(
            f"{path} was changed by somebody else since the last extract. The next one puts it right; try again then."
        )
