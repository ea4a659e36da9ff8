"""One extraction: puts the CSV right, looks whether there is something new, and only then calls in what reads it."""

import logging
import os
from collections.abc import Callable
from typing import NamedTuple

from maillogsentinel import config as options
from maillogsentinel.config import Config
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.sources import rotation
from maillogsentinel.sources.source import tasks
from maillogsentinel.store import history, logins, positions, runs
from maillogsentinel.store.database import Database
from maillogsentinel.store.ledger import Ledger

log = logging.getLogger("maillogsentinel")

_LITTLE = 1 << 20
"""Bytes of room on the log's disk from which on the log daemon is believed to have had enough."""
_MARKER = "disk-was-full"
_DISK_FULL = "the disk was full, the log may lack lines"


class Outcome(NamedTuple):
    """What an extraction did."""

    records: int
    troubles: int
    notices: list[str]
    """What the admin should know of this run: gaps, a CSV that was replaced."""
    problems: list[str]
    """What is wrong and stays wrong until somebody mends it: damaged archives, databases."""
    failed: bool
    """Whether something could not be read that was not known to be unreadable before."""


Progress = Callable[[int, int, str], None]
"""Called with bytes read, bytes to read, and the file."""


def extract_source(
    config: Config, database: Database, path: str, siblings: bool, offline: bool, progress: Progress | None = None
) -> Outcome:
    """Read what is new of the log at `path`, with its rotated siblings or alone, and commit it. Needs the lock.

    Raises SourceError and StoreError; what was committed before stays.
    """
    started = now()
    full = siblings and _was_full(config, path)
    ledger = Ledger(database, config.csv_path, config[options.CSV_DELIMITER])
    said = ledger.recover()
    if not config[options.LOGINS_REMEMBER]:
        logins.forget(database)
    if full:
        said += _tell_full_disk(config, database, path, started)
    if siblings and _nothing_new(database, path):
        outcome = Outcome(0, 0, [], _problems_so_far(database), False)
        log.info("Source %s: nothing new", path)
        with database.transaction():
            history.cover(database, path, history.covered_until(database, path) or started, started)
            runs.note_end(database, runs.Run(started, now(), 0, 0, outcome.problems, ""))
            runs.note_progress(database, None)
    else:
        # Imported late, since most of the program is only needed now; and all of it, before the first commit: an
        # upgrade may replace the files under us.
        from maillogsentinel.reading import Reading

        outcome = Reading(config, database, ledger, offline, progress).run(path, siblings)
    said += outcome.notices
    for notice in said:
        log.warning("%s", notice)
    return outcome._replace(notices=said)


def _was_full(config: Config, path: str) -> bool:
    """Whether the disk of the log has no room, or had none when an earlier run looked and could not write that down.

    The log daemon drops what it cannot write, and a log with a hole looks like any other. What remembers it is an empty
    file, since that can still be made on a full disk.
    """
    marker = os.path.join(config[options.STATE_DIR], _MARKER)
    if not _is_full(path):
        return os.path.exists(marker)
    try:
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640))
    except OSError:
        pass
    return True


def _is_full(path: str) -> bool:
    try:
        room = os.statvfs(os.path.dirname(path))
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LITTLE


def _tell_full_disk(config: Config, database: Database, path: str, started: int) -> list[str]:
    """Note that lines may be missing since the last run that could write, and return the sentence that says so."""
    since = history.covered_until(database, path) or started
    with database.transaction():
        history.note_gap(database, path, history.Span(since, started, _DISK_FULL))
    if not _is_full(path):
        try:
            os.unlink(os.path.join(config[options.STATE_DIR], _MARKER))
        except OSError:
            pass
    times = LocalTime(config[options.TIME_ZONE])
    return [f"The disk of {path} was full: lines between {times.text(since)} and {times.text(started)} may be missing."]


def _nothing_new(database: Database, path: str) -> bool:
    """Whether the listing is the one that the last run left behind; no file is opened for it."""
    state = positions.load_source(database, path)
    todo, seen = tasks(rotation.list_set(path), state)
    return not todo and seen == state.listing


def _problems_so_far(database: Database) -> list[str]:
    """The last run's problems, which have not gone away while nothing was read."""
    last = runs.last_run(database)
    return [problem for problem in last.problems if problem != last.error] if last else []
