"""Positions in state.db: sources and marks."""

import json
from collections.abc import Sequence

from maillogsentinel.model import Failure
from maillogsentinel.sources.choice import Choice
from maillogsentinel.sources.position import Mark
from maillogsentinel.sources.source import Seen, SourceState
from maillogsentinel.store.database import Database

_CHOICE = "choice"
_MARKS_KEPT = 4000
"""Files remembered after they were last seen: ten years of daily archives."""


def load_source(database: Database, path: str) -> SourceState:
    """Return the position of the source at `path`; an empty one before its first run."""
    found = database.rows("SELECT listing, stamp, current, adjacent, memory FROM source WHERE path = ?", (path,))
    if not found:
        return SourceState(path, {}, 0, 0, None, "")
    listing, stamp, current, adjacent, memory = found[0]
    return SourceState(
        path,
        {name: Seen(*seen) for name, seen in json.loads(listing).items()},
        stamp,
        current,
        Failure(*json.loads(adjacent)) if adjacent else None,
        memory,
    )


def save_source(database: Database, state: SourceState) -> None:
    """Store a source's position; within a transaction of the caller."""
    database.run(
        "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?)",
        (
            state.path,
            json.dumps(state.listing),
            state.stamp,
            state.current,
            json.dumps(state.adjacent) if state.adjacent else None,
            state.memory,
        ),
    )


def load_marks(database: Database) -> dict[int, Mark]:
    """Return every mark by its id: a file's content is known whatever source it was read for."""
    rows = database.rows("SELECT id, head_size, head, line, offset, tail_size, tail, stamp FROM mark")
    return {row[0]: Mark(*row) for row in rows}


def save_mark(database: Database, mark: Mark, used: int) -> None:
    """Store one mark, read at `used` (UTC microseconds); within a transaction of the caller."""
    database.run("INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*mark, used))


def forget_marks(database: Database) -> None:
    """Drop the marks of files that were not seen for longest, when there are very many."""
    database.run(
        "DELETE FROM mark WHERE id IN (SELECT id FROM mark ORDER BY used DESC, id DESC LIMIT -1 OFFSET ?)",
        (_MARKS_KEPT,),
    )


def load_choice(database: Database) -> Choice | None:
    """Return which sources the last run read, and why; None before the first."""
    text = database.get(_CHOICE)
    if text is None:
        return None
    names, why = json.loads(text)
    return Choice(tuple(names), why)


def save_choice(database: Database, choice: Choice) -> None:
    """Store which sources are read; within a transaction of the caller."""
    database.put(_CHOICE, json.dumps(choice))


def last_stamp(database: Database, names: Sequence[str]) -> int:
    """Return the latest stamp of any line read of these sources, UTC microseconds; 0 where none was read."""
    rows = [
        *database.rows("SELECT path, stamp FROM source"),
        *database.rows("SELECT name, stamp FROM journal"),
    ]
    return max((stamp for name, stamp in rows if name in names), default=0)
