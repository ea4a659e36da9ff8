"""The days before a report's, and whether its own have more failures than those."""

from collections.abc import Sequence
from typing import NamedTuple

BEFORE = 28
"""Days before the first one covered by a report that it is compared with, and looks through for what is new."""
LEAST = 7
"""Of these at least so many must be covered whole: with fewer, nothing is compared."""
SHOWN = 29
"""Days that a trend shows: the one of the report and those before it."""
MOST_SHOWN = 62
"""Days of a trend over a longer span."""

FULL, PART, NONE = "full", "part", "none"


class Day(NamedTuple):
    """What is known of one day."""

    day: str
    """``YYYY-MM-DD``."""
    hours: tuple[int, ...]
    """Failures of each of its 24 hours."""
    coverage: str
    """``full``: all that was logged was read; ``part``: not all, or nobody knows; ``none``: nothing is known."""
    blank: frozenset[int] = frozenset()
    """Hours of which nothing is known, though something is of the day."""

    @property
    def failures(self) -> int:
        """Those of the whole day, as far as they are known."""
        return sum(self.hours)


def empty_hours(day: Day) -> frozenset[int]:
    """Return the hours of `day` without a failure."""
    return frozenset(hour for hour, count in enumerate(day.hours) if not count)


class Mean(NamedTuple):
    """What the days before had on average."""

    days: int
    """How many days it is made of, all covered whole."""
    failures: float
    """Of one day; where the report's day is not over, of its hours until then."""


class Comparison(NamedTuple):
    """A report's failures beside those of the days before."""

    failures: float
    """Of one day, on average where there are several."""
    until: int | None
    """The hour before which failures were counted, here and in the means; None: whole days."""
    week: Mean
    """The last 7 covered days of those before, or as many as there are."""
    month: Mean
    """All covered days of those before."""

    @property
    def factor(self) -> float | None:
        """How many times as many as in `month`; None where that had none."""
        return self.failures / self.month.failures if self.month.failures else None


def compare(days: Sequence[Day], before: Sequence[Day], until: int | None = None) -> Comparison | None:
    """Return how the failures of `days` compare with those of the days `before`; both in the order of time.

    `until` is the hour up to which the only one of `days` was read. None where too little is known: fewer than `LEAST`
    days before were covered whole, none of `days` was, or its first hour is not over.
    """
    covered = [day for day in before if day.coverage == FULL]
    own = [day for day in days if day.coverage == FULL]
    if len(covered) < LEAST or not own or until == 0:
        return None
    return Comparison(_mean(own, until).failures, until, _mean(covered[-7:], until), _mean(covered, until))


def _mean(days: Sequence[Day], until: int | None) -> Mean:
    return Mean(len(days), sum(sum(day.hours[:until]) for day in days) / len(days))


class Novelty(NamedTuple):
    """What the names of one kind have that the days before had not."""

    kind: str
    """``users``, ``addresses``, ``networks``, ``countries`` or ``asns``."""
    distinct: int
    """Different ones."""
    new: int
    """New ones among them."""
    exact: bool
    """Whether `new` is exact; else it is within a few per cent."""
    examples: tuple[tuple[str, int], ...]
    """The new ones with most failures, and how many these are."""


class News(NamedTuple):
    """What is new, and compared with what."""

    days: int
    """Days before of which something is known."""
    kinds: tuple[Novelty, ...]
