"""Taking the records of whole days out of the CSV, and all that state.db has of those days.

All of it happens in one transaction, with which the CSV, written anew without them, takes the old one's place.
"""

import os
from typing import NamedTuple

from maillogsentinel.errors import StoreError
from maillogsentinel.store import history, replacing
from maillogsentinel.store.database import Database, os_sentence
from maillogsentinel.store.removed import Removed
from maillogsentinel.store.rewriting import Rewrite

BY_DAY = {"day": "day", "digest": "day", "trouble": "day", "loss": "day", "mailed": "day", "adopted_day": "day"}
"""Tables whose rows are of one day, and the column that says which (``YYYY-MM-DD``)."""
BY_TIME = {"event": "stamp", "login": "last", "new_login": "stamp", "finding": "last", "alert": "at", "gap": "end"}
"""Tables whose rows are of one moment (UTC microseconds), or until one."""
OTHERWISE = {
    "meta": "single values, none of them of a day",
    "source": "positions",
    "journal": "positions",
    "mark": "positions: hashes",
    "pending": "empty between two runs",
    "extent": "made to fit the CSV",
    "cut": "made to fit the CSV",
    "token": "made to fit the CSV",
    "coverage": "cut off at the moment, so that the time before it counts as not covered",
    "total": "numbers of the whole time that state.db has been there, nobody's",
    "dns": "what has expired goes",
    "adopted": "hashes, gone when the logs have been read through",
}
"""All other tables, and why nothing of a day is deleted there."""


class Pruned(NamedTuple):
    """What there is to prune, or was pruned, of the CSV."""

    records: int
    days: int
    first: str
    """``YYYY-MM-DD``; empty for no day."""
    last: str


def older(database: Database, day: str) -> Pruned:
    """Return what the CSV has of the days before `day`."""
    return Pruned(
        *database.rows(
            "SELECT coalesce(sum(count), 0), count(*), coalesce(min(day), ''), coalesce(max(day), '') FROM day"
            " WHERE day < ?",
            (day,),
        )[0]
    )


def prune(database: Database, path: str, delimiter: str, day: str, moment: int, expired: int) -> Pruned:
    """Delete all of the days before `day`, which begins at `moment` (UTC microseconds), and return what that was.

    `expired` is the present. Needs the lock, and a ledger that was recovered. Raises StoreError: all is as it was then,
    or the next run finishes it.
    """
    found = older(database, day)
    try:
        if found.days:
            with Removed(os.path.dirname(database.path)) as removed:
                rewrite = Rewrite(database, path, delimiter, day, removed)
                rewrite.write()
                _delete(database, day, moment, expired, rewrite)
            replacing.finish(database)
        else:
            _delete(database, day, moment, expired, None)
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or path)) from error
    return found


def _delete(database: Database, day: str, moment: int, expired: int, rewrite: Rewrite | None) -> None:
    """The one transaction in which it happens."""
    with database.overwriting(), database.transaction():
        _wipe(database)
        for table, column in BY_DAY.items():
            database.run(f"DELETE FROM {table} WHERE {column} < ?", (day,))  # noqa: S608
        for table, column in BY_TIME.items():
            database.run(f"DELETE FROM {table} WHERE {column} < ?", (moment,))  # noqa: S608
        # A source whose time ends earlier keeps the moment itself: its days from then on are due, and not covered.
        database.run(
            "DELETE FROM coverage WHERE end < ?1 AND end < (SELECT max(end) FROM coverage AS other"
            " WHERE other.path = coverage.path)",
            (moment,),
        )
        database.run("UPDATE coverage SET start = max(start, ?1), end = max(end, ?1) WHERE start < ?1", (moment,))
        database.run("DELETE FROM dns WHERE expires <= ?", (expired,))
        history.note_pruned(database, moment)
        if rewrite:
            rewrite.store()


def _wipe(database: Database) -> None:
    """Overwrite the free pages, which hold what was deleted earlier: lines of batches, events."""
    page_size, free = (database.rows(f"PRAGMA {what}")[0][0] for what in ("page_size", "freelist_count"))
    database.run("INSERT INTO pending VALUES (1, zeroblob(?), '', 0)", (page_size - 100,))
    database.run("DELETE FROM pending")
    database.run("CREATE TABLE filler (zeros BLOB)")
    while free > 0:
        pages = min(free, 1024)
        database.run("INSERT INTO filler VALUES (zeroblob(?))", (pages * (page_size - 4),))
        free -= pages
    database.run("DROP TABLE filler")
