"""Positions in journals, as state.db keeps them."""

import json
from typing import NamedTuple

from maillogsentinel.model import Failure
from maillogsentinel.store.database import Database


class JournalPosition(NamedTuple):
    """How far a journal was read."""

    name: str
    cursor: str
    """Of the last entry that was read; empty before the first."""
    stamp: int
    """That entry's, UTC microseconds; without a cursor, up to when entries are not wanted."""
    newest: str
    """The cursor of the journal's newest entry, of whatever program, when the last run began; empty for none."""
    newest_stamp: int
    whole: bool
    """Whether that run came to its end, so that all before `newest` has been read."""
    identifiers: tuple[str, ...] | None
    """What the last run selected (see `sources.journal.Selection`)."""
    adjacent: Failure | None
    """The failure that the very last entry was."""
    memory: str
    """What the Scanner wrote down."""


def load(database: Database, name: str) -> JournalPosition:
    """Return the position in the journal `name`; an empty one before its first run."""
    found = database.rows(
        "SELECT cursor, stamp, newest, newest_stamp, whole, identifiers, adjacent, memory FROM journal WHERE name = ?",
        (name,),
    )
    if not found:
        return JournalPosition(name, "", 0, "", 0, False, (), None, "")
    cursor, stamp, newest, newest_stamp, whole, identifiers, adjacent, memory = found[0]
    names = json.loads(identifiers)
    return JournalPosition(
        name,
        cursor,
        stamp,
        newest,
        newest_stamp,
        bool(whole),
        None if names is None else tuple(names),
        Failure(*json.loads(adjacent)) if adjacent else None,
        memory,
    )


def save(database: Database, position: JournalPosition) -> None:
    """Store a position; within a transaction of the caller."""
    database.run(
        "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *position[:6],
            json.dumps(position.identifiers),
            json.dumps(position.adjacent) if position.adjacent else None,
            position.memory,
        ),
    )
