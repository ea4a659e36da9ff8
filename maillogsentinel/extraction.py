"""One extraction: puts the CSV right, looks whether there is something new, and only then calls in what reads it."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from maillogsentinel import options, overlap
from maillogsentinel.config import Config
from maillogsentinel.errors import SourceError
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.sources import rotation
from maillogsentinel.sources.choice import AUTO_FILE, Choice, choose
from maillogsentinel.sources.names import JOURNAL, is_journal
from maillogsentinel.sources.source import tasks
from maillogsentinel.store import history, logins, positions, runs
from maillogsentinel.store.database import Database
from maillogsentinel.store.ledger import Ledger

if TYPE_CHECKING:
    from maillogsentinel.committing import Committer

log = logging.getLogger("maillogsentinel")

_LITTLE = 1 << 20
"""Bytes of room on the log's disk from which on the log daemon is believed to have had enough."""
_MARKER = "disk-was-full"
_DISK_FULL = "the disk was full, the log may lack lines"
_UNSEEN = f"Nothing came into {AUTO_FILE} for an hour, and the journal cannot be asked whether it has newer lines:"


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
    alerts: bool = False
    """Whether alerts are due, of this run or of earlier ones."""


class Read(NamedTuple):
    """What reading one source has to say; see `Outcome`."""

    notices: list[str]
    problems: list[str]
    failed: bool


Progress = Callable[[int, int, str], None]
"""Called with bytes read, bytes to read, and the file."""


class Extraction:
    """One run; needs the lock. Every method raises SourceError and StoreError; what was committed before stays."""

    def __init__(
        self,
        config: Config,
        database: Database,
        offline: bool,
        progress: Progress | None = None,
        for_report: bool = False,
    ) -> None:
        """`for_report`: look for what matters even where no alerts are wanted."""
        self._config = config
        self._detects = for_report or config[options.ALERTS_ENABLED]
        self._database = database
        self._offline = offline
        self._progress = progress
        self._started = now()
        self._ledger = Ledger(database, config.csv_path, config[options.CSV_DELIMITER])
        self._committer: Committer | None = None
        self._names: tuple[str, ...] = ()
        self._notices = self._ledger.recover()
        self._problems: list[str] = []
        self._failed = False
        if not config[options.LOGINS_REMEMBER]:
            logins.forget(database)

    def file(self, path: str) -> Outcome:
        """Read what is new of the file at `path` alone, without siblings."""
        self._read(path, siblings=False)
        return self._outcome()

    def configured(self) -> Outcome:
        """Read what is new of the sources that the configuration names."""
        database = self._database
        mail_log = self._config[options.MAIL_LOG]
        choice = choose(mail_log, has_journal, self._newest_entry)
        log.info("Reading %s%s", ", ".join(choice.names), f" ({choice.why})" if choice.why else "")
        full = not choice.journal and _was_full(self._config, choice.names)
        if full:
            self._notices += _tell_full_disk(self._config, database, choice.names, self._started)
        self._names = choice.names
        before = positions.load_choice(database)
        if before and before.names != choice.names and (before.journal or choice.journal):
            self._switch(before, choice)
        elif before != choice:
            with database.transaction():
                positions.save_choice(database, choice)
        if (
            not choice.journal
            and not overlap.pending(database)
            and all(_nothing_new(database, p) for p in choice.names)
        ):
            return self._nothing_new(choice.names)
        for number, name in enumerate(choice.names):
            self._source(name, alone=len(choice.names) == 1, last=number + 1 == len(choice.names))
        if overlap.pending(database):
            with database.transaction():
                overlap.forget(database)
        return self._outcome()

    def _newest_entry(self) -> int | None:
        """As `newest_entry`; that the journal cannot be read is told, for it may be what Postfix writes to."""
        try:
            return newest_entry()
        except SourceError as error:
            self._problems.append(f"{_UNSEEN} {error}")
            raise

    def _source(self, name: str, alone: bool, last: bool) -> None:
        """Read one source; that it cannot be read is told, and hinders no other one."""
        why = f"{name} could not be read"
        try:
            self._read(name)
        except SourceError as error:
            if alone:
                raise
            self._problems.append(str(error))
            self._failed = True
            if self._committer:
                self._committer.known = list(self._problems)
            with self._database.transaction():
                since = history.covered_until(self._database, name) or self._started
                history.note_gap(self._database, name, history.Span(since, self._started, why))
                if last and self._committer:
                    done, problems = self._committer, [*self._problems, *self._committer.problems]
                    runs.note_end(
                        self._database, runs.Run(self._started, now(), done.records, done.troubles, problems, "")
                    )
        else:
            if not alone:
                with self._database.transaction():
                    history.forget_gap(self._database, name, why)

    def _read(self, name: str, siblings: bool = True) -> None:
        # Imported late, since most of the program is only needed now; and all of it, before the first commit: an
        # upgrade may replace the files under us.
        from maillogsentinel.committing import Committer
        from maillogsentinel.journal_reading import JournalReading
        from maillogsentinel.reading import Reading

        if self._detects:
            import maillogsentinel.detection  # noqa: F401
        if self._committer is None:
            self._committer = Committer(self._config, self._database, self._ledger, self._offline)
            self._committer.known = list(self._problems)
        if is_journal(name):
            read = JournalReading(self._committer, self._database, self._progress).run(name)
        else:
            read = Reading(self._committer, self._database, self._progress).run(name, siblings, self._names)
        self._notices += read.notices
        self._problems += read.problems
        self._committer.known = list(self._problems)
        self._failed = self._failed or read.failed

    def _switch(self, before: Choice, choice: Choice) -> None:
        """Read the old sources to their end, and let the new one begin there."""
        for name in before.names:
            try:
                self._read(name)
            except SourceError as error:
                log.info("%s", error)  # which may be why it is not read any more
        last = positions.last_stamp(self._database, before.names)
        with self._database.transaction():
            positions.save_choice(self._database, choice)
            if last:
                overlap.note(self._database, last)
        times = LocalTime(self._config[options.TIME_ZONE], seconds=True)
        self._notices.append(
            f"Now reading {', '.join(choice.names)} in place of {', '.join(before.names)}"
            + (f" ({choice.why})" if choice.why else "")
            + (f", from {times.text(last)} on." if last else ".")
        )

    def _nothing_new(self, names: Sequence[str]) -> Outcome:
        database = self._database
        self._problems += [problem for problem in _problems_so_far(database) if not problem.startswith(_UNSEEN)]
        log.info("Nothing new")
        with database.transaction():
            for name in names:
                since = history.covered_until(database, name) or self._started
                history.cover(database, name, since, self._started)
            runs.note_end(database, runs.Run(self._started, now(), 0, 0, self._problems, ""))
            runs.note_progress(database, None)
        return self._outcome()

    def _outcome(self) -> Outcome:
        done = self._committer
        if done:
            done.forget()
            if done.too_old:
                since = LocalTime(self._config[options.TIME_ZONE]).text(history.pruned_before(self._database))
                self._notices.append(
                    f"{done.too_old} failures of before {since} were read and not recorded: records that old were"
                    " pruned (see prune in maillogsentinel(8))."
                )
        due = self._detect()
        for notice in self._notices:
            log.warning("%s", notice)
        problems = [*self._problems, *(done.problems if done else [])]
        return Outcome(
            done.records if done else 0, done.troubles if done else 0, self._notices, problems, self._failed, due
        )

    def _detect(self) -> bool:
        """Look for what matters in what this run has committed, or one that was killed; whether alerts are due."""
        undetected, due = runs.to_do(self._database)
        wanted = self._config[options.ALERTS_ENABLED]
        if due and not wanted:
            with self._database.transaction():
                runs.drop_alerts(self._database)
        if undetected and self._detects:
            from maillogsentinel.detection import Detection
            from maillogsentinel.enrich.geo import Geo

            geo = self._committer.geo if self._committer else Geo.open(self._config)
            self._notices += Detection(self._config, self._database, geo).run()
            due = runs.to_do(self._database)[1]
        return due and wanted


def has_journal() -> bool:
    """Whether there is a journal that may hold Postfix's lines."""
    from maillogsentinel.sources.journal import Journal

    return Journal(JOURNAL).available()


def newest_entry() -> int | None:
    """Return when the journal's newest line of Postfix was written; None for no line. Raises SourceError."""
    from maillogsentinel.sources.journal import Journal

    newest = Journal(JOURNAL).newest_of_postfix()
    return newest.stamp if newest else None


def _was_full(config: Config, paths: Sequence[str]) -> bool:
    """Whether a log's disk has no room, or had none when an earlier run looked and could not write that down.

    The log daemon drops what it cannot write, and a log with a hole looks like any other. What remembers it is an empty
    file, since that can still be made on a full disk.
    """
    marker = os.path.join(config[options.STATE_DIR], _MARKER)
    if not any(map(_is_full, paths)):
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


def _tell_full_disk(config: Config, database: Database, paths: Sequence[str], started: int) -> list[str]:
    """Note that lines may be missing since the last run that could write, and return the sentences that say so."""
    times = LocalTime(config[options.TIME_ZONE])
    said = []
    with database.transaction():
        for path in paths:
            since = history.covered_until(database, path) or started
            history.note_gap(database, path, history.Span(since, started, _DISK_FULL))
            said.append(
                f"The disk of {path} was full: lines between {times.text(since)} and {times.text(started)} may be"
                " missing."
            )
    if not any(map(_is_full, paths)):
        try:
            os.unlink(os.path.join(config[options.STATE_DIR], _MARKER))
        except OSError:
            pass
    return said


def _nothing_new(database: Database, path: str) -> bool:
    """Whether the listing is the one that the last run left behind; no file is opened for it."""
    state = positions.load_source(database, path)
    todo, seen = tasks(rotation.list_set(path), state)
    return not todo and seen == state.listing


def _problems_so_far(database: Database) -> list[str]:
    """The last run's problems, which have not gone away while nothing was read."""
    last = runs.last_run(database)
    return [problem for problem in last.problems if problem != last.error] if last else []
