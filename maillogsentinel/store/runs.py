"""How the last run ended, and how far a running one has come."""

import json
from typing import NamedTuple

from maillogsentinel.store.database import Database


class Run(NamedTuple):
    """One extraction; times in UTC microseconds."""

    started: int
    ended: int
    records: int
    troubles: int
    problems: list[str]
    """What is wrong until somebody mends it."""
    error: str
    """The sentence that the run failed with; empty when it did not fail."""


def note_end(database: Database, run: Run) -> None:
    """Store how a run ended."""
    database.put("last_run", json.dumps(run))


def last_run(database: Database) -> Run | None:
    """Return the run that ended last; None before the first."""
    text = database.get("last_run")
    return Run(*json.loads(text)) if text else None


def note_progress(database: Database, progress: tuple[int, int, int] | None) -> None:
    """Store how far a run has come: when it started, bytes read and bytes to read; None when it is done."""
    if progress:
        database.put("progress", json.dumps(progress))
    elif database.get("progress"):
        database.run("DELETE FROM meta WHERE key = 'progress'")


def progress(database: Database) -> tuple[int, int, int] | None:
    """Return what `note_progress` stored last."""
    text = database.get("progress")
    if not text:
        return None
    started, done, total = json.loads(text)
    return started, done, total
