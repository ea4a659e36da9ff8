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


def note_undetected(database: Database) -> None:
    """Note that something is committed that detection has not seen; in the transaction that commits it."""
    database.put("undetected", 1)


def note_detected(database: Database, record: int) -> None:
    """Note that detection has seen all before the `record` that comes next; in a transaction of the caller."""
    database.put("detected", record)
    database.run("DELETE FROM meta WHERE key = 'undetected'")


def detected(database: Database) -> int | None:
    """Return the number of the first record that detection has not seen; None where it has never looked."""
    found: int | None = database.get("detected")
    return found


def drop_alerts(database: Database) -> None:
    """Let no alert be due any more; in a transaction of the caller."""
    database.run("UPDATE alert SET due = 0 WHERE due > 0")


def to_do(database: Database) -> tuple[bool, bool]:
    """Return whether detection has not seen all yet, and whether alerts are due: in one look, since every run asks."""
    detected, undetected, due = database.rows(
        "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'detected'),"
        " EXISTS (SELECT 1 FROM meta WHERE key = 'undetected'), EXISTS (SELECT 1 FROM alert WHERE due > 0)"
    )[0]
    return bool(undetected or not detected), bool(due)
