"""What a report of some days needs of the days before: their failures by hour, how far they were read, their names."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect import left_out
from maillogsentinel.detect.bursts import HISTORY, bursts
from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import thresholds
from maillogsentinel.hourly import of_allowed
from maillogsentinel.localtime import LocalTime
from maillogsentinel.report.coverage import coverages, unread_hours
from maillogsentinel.report.trend import (
    BEFORE,
    FULL,
    LEAST,
    MOST_SHOWN,
    NONE,
    PART,
    SHOWN,
    Comparison,
    Day,
    compare,
    empty_hours,
)
from maillogsentinel.store import history
from maillogsentinel.store.database import Database
from maillogsentinel.store.digest import KINDS, Digests
from maillogsentinel.store.sketch import Gathering, Search, Sketch, Unseen, number

LONGEST = 31
"""Days of a span that is compared with the days before and looked through for what is new; a longer one is not."""

NOTE_CSV = (
    "A CSV does not tell which days were read: one without a record may have been quiet or unread. So nothing is"
    " compared, and what is new is not told."
)


class Lookback(NamedTuple):
    """What was found in the days before, and in the order of the days covered."""

    trend: tuple[Day, ...]
    comparison: Comparison | None
    bursts: tuple[Finding, ...]
    not_looked_for: tuple[str, ...]
    unseen: dict[str, Unseen] | None
    """By kind what is new; None where it was not asked for, or too little is known of the days before."""
    known_days: int
    """Days before of which something is known."""

    def is_new(self, kind: str, name: str) -> bool:
        """Whether `name` was certainly not there in the days before."""
        return bool(self.unseen and number(name) in self.unseen[kind].numbers)


def look_back(
    config: Config, database: Database, times: LocalTime, span: tuple[date, date], now: int, *, names: bool
) -> Lookback:
    """Return what state.db and the committed CSV tell of the days before `span` (its first and last day).

    `names`: also what is new. Digests made on the way are kept. Raises StoreError.
    """
    first, last = span
    today = times.today(now)
    digests = Digests(database, config[options.CSV_DELIMITER])
    length = (last - first).days + 1
    short = length <= LONGEST
    begin = min(first - timedelta(BEFORE), last - timedelta(SHOWN - 1)) if short else last - timedelta(MOST_SHOWN - 1)
    dates = [begin + timedelta(place) for place in range((last - begin).days + 1)]
    until = min(history.read_until(database), now)
    days = _days(digests, coverages(database, times, dates, until if last >= today else now))
    own = length if short else len(days)
    before, covered = days[:-own], days[-own:]
    found, missed = _bursts(config, database, times, days, own if short else 0)
    unseen = None
    known = [day.day for day in before[-BEFORE:] if day.coverage != NONE]
    if names and len(known) >= LEAST:
        unseen = _unseen(digests, [day.day for day in covered], known)
    comparison = compare(covered, before[-BEFORE:], _hour(times, until, last) if last == today else None)
    digests.keep(config[options.STATE_DIR], today.isoformat())
    return Lookback(
        trend=_with_blanks(database, times, days[-max(SHOWN, own) :], today.isoformat()),
        comparison=comparison if short else None,
        bursts=found,
        not_looked_for=missed,
        unseen=unseen,
        known_days=len(known),
    )


def _days(digests: Digests, coverage: dict[date, str]) -> list[Day]:
    hours = digests.hours([day.isoformat() for day in coverage])
    days = [Day(day.isoformat(), hours[day.isoformat()], covered) for day, covered in coverage.items()]
    # Records of a time that nobody is known to have read came with an older CSV: they may be all, or not.
    return [day._replace(coverage=PART) if day.coverage == NONE and day.failures else day for day in days]


def _with_blanks(database: Database, times: LocalTime, days: Sequence[Day], today: str) -> tuple[Day, ...]:
    """`days` with the hours of which nothing is known."""
    return tuple(
        day._replace(blank=unread_hours(database, times, date.fromisoformat(day.day)) & empty_hours(day))
        if day.coverage == PART or day.day >= today
        else day
        for day in days
    )


def _hour(times: LocalTime, until: int, today: date) -> int:
    """The hour of `today` before which everything was read."""
    moment = times.moment(until)
    return moment.hour if moment.date() == today else 0


def _bursts(
    config: Config, database: Database, times: LocalTime, days: Sequence[Day], own: int
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The bursts of the last `own` of `days`, and a sentence where there is too little to compare any with."""
    limits = thresholds(config)
    found: list[Finding] = []
    compared = False
    for place in range(len(days) - own, len(days)):
        earlier = [day.hours for day in days[max(0, place - BEFORE) : place] if day.coverage == FULL]
        compared = compared or len(earlier) >= HISTORY
        name, hours = days[place].day, days[place].hours
        if bursts(name, hours, earlier, limits):
            allowed = of_allowed(database, times, date.fromisoformat(name), limits)
            hours = tuple(max(0, count - less) for count, less in zip(hours, allowed, strict=True))
            found += bursts(name, hours, earlier, limits)
    return tuple(found), () if compared or not own else (left_out.NO_HISTORY,)


def _unseen(digests: Digests, own: Sequence[str], before: Sequence[str]) -> dict[str, Unseen]:
    searches = dict(zip(KINDS, map(Search, _together(digests, own)), strict=True))
    for names in digests.names(before):
        for search, sketch in zip(searches.values(), names, strict=True):
            search.take_away(sketch)
    return {kind: search.result() for kind, search in searches.items()}


def _together(digests: Digests, days: Sequence[str]) -> "list[Sketch[int]]":
    gathered = [Gathering() for _ in KINDS]
    for names in digests.names(days):
        for gathering, sketch in zip(gathered, names, strict=True):
            gathering.add(sketch)
    return [gathering.sketch() for gathering in gathered]
