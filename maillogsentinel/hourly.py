"""The failures of each hour that detection compares with those of the days before: it counts what is new alone."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.bursts import HISTORY, HOURS, Burst, spans
from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import Thresholds
from maillogsentinel.localtime import HOUR, LocalTime
from maillogsentinel.store.database import Database

_KEY = "hourly"
_QUARTER = HOUR // 4
"""No time zone's hour begins within one."""
_DAY = 24 * HOUR
_BEFORE = 28
"""Days that one is compared with at most."""


def of_allowed(database: Database, times: LocalTime, day: date, limits: Thresholds) -> list[int]:
    """Return how many failures of the allow-lists each hour of `day` had, while events are kept. Raises StoreError."""
    hours = [0] * HOURS
    allowed = Allowed(limits)
    if allowed:
        for at, ip, user, count in _quarters(database, 0, *times.span(day, day), named=True):
            if allowed.attempt(ip, user):
                hours[times.moment(at * _QUARTER).hour] += count
    return hours


def _quarters(
    database: Database, record: int, begin: int, end: int, named: bool
) -> Iterator[tuple[int, Any, Any, int]]:
    """Yield how many failures from number `record` on each quarter of an hour from `begin` to `end` had; where they are
    `named`, by address and user."""
    return database.each(
        f"SELECT stamp / {_QUARTER}, {'ip, user' if named else 'NULL, NULL'}, count(*) FROM event"  # noqa: S608
        f" WHERE record >= ? AND stamp >= ? AND stamp < ? GROUP BY 1{', 2, 3' if named else ''}",
        (record, begin, end),
    )


class Hourly:
    """How many failures each quarter of an hour had, since yesterday began; kept from look to look.

    Failures of the allow-lists are not among them.
    """

    def __init__(self, config: Config, database: Database, limits: Thresholds, now: int) -> None:
        """Count what was committed since the last look. Raises StoreError.

        The first one counts nothing of what was there before: it may be much, and there is nothing to compare it with.
        """
        self._database, self._limits, self._now = database, limits, now
        self._times = LocalTime(config[options.TIME_ZONE])
        self._today = self._times.today(now)
        begin, end = self._times.start(self._today - timedelta(1)), now + _DAY
        self._next = database.get("next_record", 1)
        record, kept = json.loads(database.get(_KEY) or json.dumps([self._next, {}]))
        self._counts = {at: count for key, count in kept.items() if begin <= (at := int(key)) * _QUARTER < end}
        self._new: set[int] = set()
        """Quarters to which something was added."""
        allowed = Allowed(limits)
        for at, ip, user, count in _quarters(database, record, begin, end, named=bool(allowed)):
            if not (allowed and allowed.attempt(ip, user)):
                self._counts[at] = self._counts.get(at, 0) + count
                self._new.add(at)

    def save(self) -> None:
        """Note what was counted; in a transaction of the caller."""
        self._database.put(_KEY, json.dumps([self._next, self._counts]))

    def bursts(self) -> list[Finding]:
        """Return the bursts of yesterday and today to which something was added, beside the days before as far as
        reports have left digests of them. Raises StoreError."""
        found = []
        for day in sorted({self._times.moment(at * _QUARTER).date() for at in self._new}):
            hours = [0] * HOURS
            quarters: dict[int, list[int]] = {}
            for at, count in self._counts.items():
                moment = self._times.moment(at * _QUARTER)
                if moment.date() == day:
                    hours[moment.hour] += count
                    quarters.setdefault(moment.hour, []).append(at)
            if max(hours) < self._limits.burst_minimum or not self._limits.burst_factor:
                continue  # as nearly always: no more is looked at
            for burst in spans(day.isoformat(), hours, self._earlier(day), self._limits):
                found += self._dated(burst, [at for hour in range(*burst.hours) for at in quarters.get(hour, ())])
        return found

    def _dated(self, burst: Burst, quarters: Iterable[int]) -> list[Finding]:
        """The finding with its times, to a quarter of an hour; none where nothing was added to it."""
        if self._new.isdisjoint(quarters):
            return []
        first, last = min(quarters) * _QUARTER, (max(quarters) + 1) * _QUARTER - 1
        return [burst.finding._replace(first=first, last=max(first, min(last, self._now)))]

    def _earlier(self, day: date) -> list[tuple[int, ...]]:
        """The hours of the days before that were read whole and have a digest; none where they are too few."""
        from maillogsentinel.report.coverage import coverages
        from maillogsentinel.report.trend import FULL
        from maillogsentinel.store.digest import kept_hours

        days = [day - timedelta(before) for before in range(_BEFORE, 0, -1)]
        kept = kept_hours(self._database, [one.isoformat() for one in days])
        if len(kept) < HISTORY:
            return []
        covered = coverages(self._database, self._times, days, self._now)
        return [kept[one.isoformat()] for one in days if covered[one] == FULL and one.isoformat() in kept]
