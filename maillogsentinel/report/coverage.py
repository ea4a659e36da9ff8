"""How far days were read, as state.db tells it."""

from collections.abc import Iterable, Sequence
from datetime import date

from maillogsentinel.localtime import HOUR, MINUTE, LocalTime
from maillogsentinel.report.trend import FULL, NONE, PART
from maillogsentinel.store import history
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import NEVER_READ, UNKNOWN, Span


def worth_telling(gap: Span) -> bool:
    """A log that begins some seconds after midnight has no gap there; a loss is one however short."""
    return gap.why != NEVER_READ or gap.end - gap.start >= MINUTE


def coverages(database: Database, times: LocalTime, days: Sequence[date], until: int) -> dict[date, str]:
    """Return for each of `days`, which are in order, how far it was read: ``full``, ``part`` or ``none``.

    The last one may not be over: nothing is asked of what comes after `until` (UTC microseconds).
    """
    if not days:
        return {}
    spans = {day: times.span(day, day) for day in days}
    last = days[-1]
    spans[last] = (spans[last][0], max(spans[last][0], min(spans[last][1], until)))
    gaps = history.not_covered(database, spans[days[0]][0], spans[last][1])
    return {day: _coverage(gaps, *span) for day, span in spans.items()}


def unread_hours(database: Database, times: LocalTime, day: date) -> frozenset[int]:
    """Return the hours of `day` (0 to 23, in local time) of which nothing is known."""
    start, end = times.span(day, day)
    gaps = [gap for gap in history.not_covered(database, start, end) if gap.why in UNKNOWN]
    unread: set[int] = set()
    other: set[int] = set()
    for begin in range(start, end, HOUR):
        whole = any(gap.start <= begin and gap.end >= min(begin + HOUR, end) for gap in gaps)
        (unread if whole else other).add(times.moment(begin).hour)
    return frozenset(unread - other)


def _coverage(gaps: Iterable[Span], start: int, end: int) -> str:
    within = [
        Span(max(gap.start, start), min(gap.end, end), gap.why) for gap in gaps if gap.start < end and gap.end >= start
    ]
    unread = sum(gap.end - gap.start for gap in within if gap.why in UNKNOWN)
    if unread >= end - start:
        return NONE
    # What was pruned ends where the first day begins that is kept, and is nothing of it; a loss may be of one moment.
    told = [gap for gap in within if worth_telling(gap) and (gap.why not in UNKNOWN or gap.end > gap.start)]
    return PART if told else FULL
