"""Detection at the end of a run that committed something: what it finds is kept, and what is to be told is noted."""

import json
import logging
import time

from maillogsentinel import clock, options
from maillogsentinel.alerting import logfile
from maillogsentinel.attempts import Attempts
from maillogsentinel.config import Config
from maillogsentinel.detect import telling
from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.logins import compromises
from maillogsentinel.detect.patterns import patterns
from maillogsentinel.detect.thresholds import thresholds
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.hourly import Hourly
from maillogsentinel.localtime import HOUR, SECOND
from maillogsentinel.store import alerts, findings, new_logins, runs
from maillogsentinel.store import logins as known_logins
from maillogsentinel.store.database import Database

log = logging.getLogger("maillogsentinel")

_DAY = 24 * HOUR
_MOST_KEPT = 20_000
"""Findings in state.db at most."""
_CLOCK = "clock"
_PAIRS = 8_000
"""Pairs of client and user that are counted in memory: so it needs no more of that than a batch did."""
_TOOK = "patterns_took"
_LONG = 5 * SECOND
_PAUSE = 20
"""Where it took `_LONG` to look at the failures, they are not looked at again for so many times as long: an attack by
hundreds of thousands of addresses does not keep the log from being read. Logins are looked at every time."""


class Detection:
    """One look at what was committed since the last one; needs the lock.

    It looks at the failures of the last 24 hours and at the logins since the last time. All that comes of it is stored
    in one transaction, together with how far it has seen: a run that is killed has found nothing, or found it once.
    """

    def __init__(self, config: Config, database: Database, geo: Geo) -> None:
        self._config = config
        self._database = database
        self._limits = thresholds(config)
        self._clock = clock.moment()
        self._now = self._clock.wall
        self._attempts = Attempts(config, database, geo, self._now)
        self._hourly = Hourly(config, database, self._limits, self._now)

    def run(self) -> list[str]:
        """Look, keep what was found, note what is to be told, and return what the admin should know of the clock.

        Raises StoreError.
        """
        database, now = self._database, self._now
        seen = runs.detected(database)
        pause = self._pause()
        began = time.monotonic_ns()
        found = [] if pause else self._patterns(seen or 0)
        took = (time.monotonic_ns() - began) // 1000
        found += self._hourly.bursts()
        found += self._logins(backlog=seen is None)
        before = database.get(_CLOCK)
        shift = clock.set_by(clock.Moment(*json.loads(before)), self._clock) if before else 0
        oldest = now - self._config[options.EVENT_DAYS] * _DAY
        with database.transaction():
            alerts.none_later(database, now)
            findings.save(database, found)
            findings.trim(database, oldest, _MOST_KEPT)
            told = self._note(found, seen is None, oldest)
            alerts.trim(database, min(oldest, now - self._config[options.ALERTS_QUIET] * HOUR))
            new_logins.judged(database)
            self._attempts.save()
            self._hourly.save()
            database.put(_CLOCK, json.dumps(self._clock))
            if not pause:
                database.put(_TOOK, json.dumps([now, took]))
                runs.note_detected(database, database.get("next_record", 1))
        log.info("Detection: %d findings, %d of them to be told", len(found), told)
        return [clock.sentence(shift)] if shift else []

    def _pause(self) -> bool:
        """Whether it is too early to look at the failures again, after a look that took long."""
        at, took = json.loads(self._database.get(_TOOK, "[0, 0]"))
        return bool(took > _LONG and 0 <= self._now - at < took * _PAUSE)

    def _patterns(self, seen: int) -> list[Finding]:
        """What the failures of the last 24 hours amount to, as far as any came since record `seen`."""
        attempts = self._attempts
        if not attempts.reach(seen):
            return []
        found = patterns(
            attempts.counted(), self._limits, self._config[options.STATE_DIR], attempts.several_servers(), _PAIRS
        )
        return attempts.dated(found.findings, seen)

    def _logins(self, backlog: bool) -> list[Finding]:
        """What the logins since the last look amount to; of the `backlog`, where all are new, those of the last day."""
        oldest = self._now - _DAY if backlog else 0
        logins = self._attempts.logins(oldest, self._config[options.LOGINS_MAX_ENTRIES])
        if not logins:
            return []
        failures = self._attempts.before(logins, self._limits.login_hours * HOUR)
        return compromises(logins, failures, self._limits, known_logins.since(self._database))

    def _note(self, found: list[Finding], backlog: bool, oldest: int) -> int:
        """Note which of `found` are to be told, and return how many; in a transaction of the caller.

        `backlog`: they were found in what stood in the log before the first run. One mail sums up those since `oldest`;
        the command and the log, which know alerts only, do not get them.
        """
        config, database = self._config, self._database
        if not config[options.ALERTS_ENABLED]:
            return 0
        ways = alerts.MAIL
        if not backlog:
            ways += alerts.COMMAND * bool(config[options.ALERTS_COMMAND]) + alerts.LOG * logfile.is_kept(config)
        count = 0
        for finding in sorted(found, key=order):
            new = (finding.last or 0) >= oldest if backlog else self._is_news(finding)
            if new and telling.severe(finding, config[options.ALERTS_SEVERITY]):
                alerts.note(database, finding, self._now, ways, backlog)
                count += 1
        return count

    def _is_news(self, finding: Finding) -> bool:
        """Whether a finding is of the last day, and was not told within the quiet time."""
        if not telling.near(finding, self._now):
            return False
        told = alerts.latest(self._database, finding)
        return not telling.quiet(finding, told, self._now, self._config[options.ALERTS_QUIET])
