"""How long records are kept: the prune that a user asks for, and the one of each night."""

import glob
import logging
import os
from datetime import date, timedelta
from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.store import archive, pruning
from maillogsentinel.store.database import NAME, Database
from maillogsentinel.store.ledger import Ledger
from maillogsentinel.store.lock import locked
from maillogsentinel.store.pruning import Pruned

log = logging.getLogger("maillogsentinel")

_LOOKED = "retention_looked"
"""The key under which state.db keeps on which day (as ``date.toordinal`` counts) records_days was looked at last."""
_JUMP = 31


class Outcome(NamedTuple):
    """What a prune took away, or would."""

    pruned: Pruned
    archives: list[str]
    """Directories of the archive that went."""
    left: list[str]
    """Files that may hold older records and are left alone: a CSV that was set aside, rows that merge rejected."""
    notices: list[str]
    """What the admin should know of the CSV as it was found."""


def plan(config: Config, days: int) -> Outcome:
    """Return what `prune` would take away; changes nothing. Raises StoreError."""
    state_dir = config[options.STATE_DIR]
    found = Pruned(0, 0, "", "")
    if os.path.exists(os.path.join(state_dir, NAME)):
        database = Database(state_dir)
        found = pruning.older(database, _first_kept(config, days).isoformat())
        database.close()
    return Outcome(found, archive.expired(state_dir, days), _left(config), [])


def prune(config: Config, days: int, wait: bool) -> Outcome:
    """Take away what is of whole days more than `days` ago; `wait`: for the lock.

    Raises LockedError and StoreError: then all is as it was, or the next run finishes it.
    """
    state_dir = config[options.STATE_DIR]
    with locked(state_dir, wait):
        archive.finish_reset(state_dir)
        archives = archive.expire(state_dir, days)
        found, notices = Pruned(0, 0, "", ""), []
        if any(map(os.path.exists, (config.csv_path, os.path.join(state_dir, NAME)))):
            database = Database(state_dir, create=True)
            try:
                notices = Ledger(database, config.csv_path, config[options.CSV_DELIMITER]).recover()
                found = _prune(config, database, days)
            finally:
                database.close()
    return Outcome(found, archives, _left(config), notices)


def _prune(config: Config, database: Database, days: int) -> Pruned:
    times, first = LocalTime(config[options.TIME_ZONE]), _first_kept(config, days)
    moment, delimiter = times.start(first), config[options.CSV_DELIMITER]
    found = pruning.prune(database, config.csv_path, delimiter, first.isoformat(), moment, now())
    if found.records:
        log.info("Pruned %d records of %d days, %s to %s", *found)
    return found


def keep(config: Config) -> list[str]:
    """Do what [retention] records_days says, and return sentences for the admin. Raises StoreError.

    When the clock is a month ahead of the last night, nothing goes before the next night: it may be wrong, and what is
    gone does not come back when it is put right.
    """
    days = config[options.RECORDS_DAYS]
    if not days:
        return []
    skipped = _skipped(config)
    if skipped > _JUMP:
        return [
            f"It is {skipped} days since records older than [retention] records_days were looked for. If the clock is"
            " right, they go in the next night."
        ]
    return prune(config, days, wait=True).notices


def _skipped(config: Config) -> int:
    """Note that today was looked, and return how many days after the last time that is; 0 the first time."""
    today = LocalTime(config[options.TIME_ZONE]).today(now()).toordinal()
    with locked(config[options.STATE_DIR], wait=True):
        database = Database(config[options.STATE_DIR], create=True)
        try:
            before = database.get(_LOOKED, today)
            with database.transaction():
                database.put(_LOOKED, today)
        finally:
            database.close()
    return int(today - before)


def _first_kept(config: Config, days: int) -> date:
    return LocalTime(config[options.TIME_ZONE]).today(now()) - timedelta(days=days)


def _left(config: Config) -> list[str]:
    csv = config.csv_path
    found = glob.glob(glob.escape(csv) + ".foreign-*")
    return sorted(found + glob.glob(os.path.join(glob.escape(os.path.dirname(csv)), "*.rejected")))
