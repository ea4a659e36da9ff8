"""What is read becomes records: enriched, encoded, and committed with the positions in one transaction a batch."""

import logging
import os
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.batch import Encoder
from maillogsentinel.config import Config
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.enrich.reverse_dns import Resolver
from maillogsentinel.localtime import HOUR, SECOND, LocalTime, now
from maillogsentinel.sources.loss import CERTAIN
from maillogsentinel.sources.position import Mark
from maillogsentinel.sources.scan import Batch
from maillogsentinel.sources.source import SourceState
from maillogsentinel.store import cuts, history, journal_positions, logins, losses, new_logins, positions, runs
from maillogsentinel.store.adopted import Adopted
from maillogsentinel.store.database import Database
from maillogsentinel.store.dnscache import DnsCache
from maillogsentinel.store.history import Span
from maillogsentinel.store.journal_positions import JournalPosition
from maillogsentinel.store.ledger import Ledger

log = logging.getLogger("maillogsentinel")

_DAY = 86_400 * SECOND


class Standing(NamedTuple):
    """What a commit says of the source beside the batch: how far it was read, and what of its time is standing."""

    path: str
    position: SourceState | JournalPosition | None
    """None where it has not changed, or is not kept."""
    covered: list[tuple[int, int]]
    """From when to when lines were read, UTC microseconds."""
    gaps: list[Span]
    progress: tuple[int, int] | None
    """Bytes read and bytes to read; None when the run is done."""
    problems: list[str]


class Committer:
    """Commits the batches of one run; needs the lock."""

    def __init__(self, config: Config, database: Database, ledger: Ledger, offline: bool) -> None:
        self._database = database
        self._ledger = ledger
        self._config = config
        self._cache = DnsCache(database, config[options.CACHE_ENABLED], config[options.CACHE_SIZE])
        self.geo = Geo.open(config)
        self._started = now()
        self.times = LocalTime(config[options.TIME_ZONE], config[options.DATE_PRECISION] == "second")
        self._dns = Resolver(config, self._cache, offline)
        self._encoder = Encoder(
            self.times,
            config[options.CSV_DELIMITER],
            config[options.SERVER_NAME],
            os.uname().nodename,
            self.geo,
            self._dns,
        )
        self._adopted = Adopted(database, ledger.path, config[options.CSV_DELIMITER])
        self.records = self.troubles = 0
        """Committed in this run."""
        self.known: list[str] = []
        """Problems of the sources that this run is done with."""
        self._logins = 0
        self._pruned = history.pruned_before(database)
        self.too_old = 0
        """Failures read in this run that are older than what is kept."""
        self.remembers_logins = config[options.LOGINS_REMEMBER]
        """Whether successful logins are kept."""

    @property
    def problems(self) -> list[str]:
        """What keeps names and places from being known."""
        return [*self._dns.problems, *self.geo.problems]

    def commit(self, batch: Batch, standing: Standing, marks: Callable[[], list[Mark]]) -> None:
        """Commit `batch` together with the `standing` of its source.

        `marks` is called when nothing is left but the commit, and drops the batch by raising MovedError when a file was
        cut meanwhile. Raises StoreError.
        """
        database = self._database
        too_old = self._drop_pruned(batch) if self._pruned else 0
        if self._adopted.active:
            batch.failures = self._adopted.drop(batch.failures, self._encoder.identity)
        first = database.get("next_record", 1)
        encoded = self._encoder.encode(batch, standing.path, first, self._horizon())
        ready = marks()
        seen = batch.logins.seen() if self.remembers_logins else {}
        seen = {who: login for who, login in seen.items() if login.last >= self._pruned}
        known = [
            logins.Login(*who, self.geo.lookup(login.ip).country_code, login.first, login.last, login.count)
            for who, login in seen.items()
        ]
        compared = new_logins.compared(database, zip(known, (login.ip for login in seen.values()), strict=True))
        servers = self._encoder.by_server(batch.failures)
        troubles = Counter((self.times.text(found.stamp)[:10], found.kind) for found in batch.troubles)

        def also() -> None:
            database.run_many("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)", encoded.events)
            if encoded.count:
                database.put("next_record", first + encoded.count)
            for server, count in servers.items():
                history.count_total(database, history.FAILURE, server, count)
            for (day, kind), count in troubles.items():
                history.count_trouble(database, day, kind, count)
            self._save_losses(batch, standing.path)
            logins.save(database, known)
            new_logins.save(database, compared)
            if encoded.count or not all(login.known_network for login in compared):
                runs.note_undetected(database)
            self._cache.save()
            if self._adopted.active:
                self._adopted.save(last=standing.progress is None)
            self._save(standing, ready)
            if standing.progress is None:
                records, total = self.records + encoded.count, self.troubles + len(batch.troubles)
                problems = [*self.known, *standing.problems, *self.problems]
                runs.note_end(database, runs.Run(self._started, now(), records, total, problems, ""))

        self._ledger.commit(encoded.rows, encoded.days, encoded.count, also)
        self.records += encoded.count
        self.too_old += too_old
        self.troubles += len(batch.troubles)
        self._logins += len(known)
        if encoded.count:
            log.info("Committed %d records; the CSV has %d bytes", encoded.count, self._ledger.length)

    def _drop_pruned(self, batch: Batch) -> int:
        """Drop what is older than what is kept, and return how many failures: an old log brings nothing back."""
        old = sum(failure.repeat for failure in batch.failures if failure.stamp < self._pruned)
        if old:
            batch.failures = [failure for failure in batch.failures if failure.stamp >= self._pruned]
        batch.troubles = [trouble for trouble in batch.troubles if trouble.stamp >= self._pruned]
        found = batch.losses.found
        batch.losses.found = {key: loss for key, loss in found.items() if loss.last >= self._pruned}
        return old

    def _save_losses(self, batch: Batch, path: str) -> None:
        """Store what is missing; where a daemon says that it dropped lines, the time is not wholly covered."""
        for (_, kind), loss in batch.losses.found.items():
            losses.count(self._database, losses.Loss(kind, loss.times, loss.missing), self.times.text(loss.first)[:10])
            if kind in CERTAIN:
                gap = Span(loss.first, loss.last, losses.DROPPED)
                history.note_gap(self._database, path, gap, within=HOUR)

    def _save(self, standing: Standing, marks: list[Mark]) -> None:
        database, moment = self._database, now()
        for mark in marks:
            positions.save_mark(database, mark, moment)
        if isinstance(standing.position, JournalPosition):
            journal_positions.save(database, standing.position)
        elif standing.position:
            positions.save_source(database, standing.position)
        for start, end in standing.covered:
            history.cover(database, standing.path, start, min(end, moment))  # other hosts' clocks may be ahead
        for gap in standing.gaps:
            history.note_gap(database, standing.path, gap)
        runs.note_progress(database, (self._started, *standing.progress) if standing.progress else None)

    def _horizon(self) -> int:
        """Events from before this stamp are not kept."""
        return now() - self._config[options.EVENT_DAYS] * _DAY

    def forget(self) -> None:
        """Drop what is too old, after a run that added something. Raises StoreError."""
        if not self.records and not self._logins:
            return
        with self._database.overwriting(), self._database.transaction():
            oldest = now() - self._config[options.LOGINS_DAYS] * _DAY
            logins.trim(self._database, oldest, self._config[options.LOGINS_MAX_ENTRIES])
            new_logins.trim(self._database, self._horizon(), self._config[options.LOGINS_MAX_ENTRIES])
            self._cache.trim()
            positions.forget_marks(self._database)
            cuts.trim(self._database)
            self._database.run(
                "DELETE FROM event WHERE record <"
                " coalesce((SELECT record FROM event WHERE stamp >= ? ORDER BY record LIMIT 1), 1 << 62)",
                (self._horizon(),),
            )
