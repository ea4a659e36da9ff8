"""A CSV that takes the place of the older one together with a change of state.db: both happen, or neither.

The new file is written beside the old one and synced. One transaction stores all that it makes different, and that it
is to be put in place; then it is renamed. A run that is ended before the transaction has changed nothing; after it, the
next one renames.
"""

import json
import os

from maillogsentinel.durable import sync_directory
from maillogsentinel.store.database import Database
from maillogsentinel.store.ledger import NEW, REPLACING, identity


def announce(database: Database, path: str, old: list[int], new: list[int]) -> None:
    """Store that the file beside `path`, with the identity `new`, replaces the one of the identity `old`; in a
    transaction of the caller."""
    database.put(REPLACING, json.dumps([path, old, new]))


def finish(database: Database) -> None:
    """Put in place what was announced. Raises OSError and StoreError.

    Where somebody changed or took away either file meanwhile, the one in place stays: it is not thrown away.
    """
    path, old, new = json.loads(database.get(REPLACING))
    there = _identity_of(path)
    if there == old and _identity_of(path + NEW) == new:
        os.rename(path + NEW, path)
        there = new
    if there == new:
        sync_directory(os.path.dirname(path))
    with database.transaction():
        database.run("DELETE FROM meta WHERE key = ?", (REPLACING,))


def _identity_of(path: str) -> list[int] | None:
    try:
        return identity(os.lstat(path))
    except FileNotFoundError:
        return None
