"""What state.db remembers beside records: covered time, gaps, server trouble, totals, and which days were mailed."""

from typing import NamedTuple

from maillogsentinel.localtime import MINUTE, now
from maillogsentinel.store.database import Database


class Span(NamedTuple):
    """A stretch of time in UTC microseconds, and why it is told."""

    start: int
    end: int
    why: str


NEVER_READ = "the log was not read"
PRUNED = "records that old are not kept"
UNKNOWN = (NEVER_READ, PRUNED)
"""Why nothing at all is known of a time; with any other reason there may be something missing in it."""
_PRUNED_BEFORE = "pruned_before"
FAILURE, TROUBLE, LOSS, LOST = "failure", "trouble", "loss", "lost"
"""What is counted in all: records by server; server trouble, losses and the lines lost by them, each by kind."""
OTHERS = "(others)"
"""Stands for the kinds beyond the first 50: names in log lines make no endless table."""
_MOST_KINDS = 50


def pruned_before(database: Database) -> int:
    """Return the moment (UTC microseconds) before which nothing is kept, since it was pruned; 0 for never.

    One that lies ahead is of a clock that was wrong, and would keep out all that comes.
    """
    moment = int(database.get(_PRUNED_BEFORE, 0))
    return moment if moment <= now() else 0


def note_pruned(database: Database, before: int) -> None:
    """Note that nothing from before this moment (UTC microseconds) is kept any more; in a transaction of the caller."""
    database.put(_PRUNED_BEFORE, max(before, pruned_before(database)))


def cover(database: Database, path: str, start: int, end: int) -> None:
    """Note that the source at `path` was read from `start` to `end`; in a transaction of the caller.

    Of time of which nothing is kept, nothing is covered, however often it is read.
    """
    start = max(start, pruned_before(database))
    if end < start:
        return
    touching = database.rows(
        "SELECT start, end FROM coverage WHERE path = ? AND start <= ? AND end >= ?", (path, end, start)
    )
    for old_start, old_end in touching:
        database.run("DELETE FROM coverage WHERE path = ? AND start = ?", (path, old_start))
        start, end = min(start, old_start), max(end, old_end)
    database.run("INSERT INTO coverage VALUES (?, ?, ?)", (path, start, end))


def covered_until(database: Database, path: str) -> int:
    """Return up to when the source at `path` has been read; 0 when never."""
    return int(database.rows("SELECT coalesce(max(end), 0) FROM coverage WHERE path = ?", (path,))[0][0])


def read_until(database: Database) -> int:
    """Return up to when any source has been read; 0 when never."""
    return int(database.rows("SELECT coalesce(max(end), 0) FROM coverage")[0][0])


def note_gap(database: Database, path: str, gap: Span, within: int = MINUTE) -> None:
    """Note that lines may be missing; in a transaction of the caller. What follows `within` so many microseconds makes
    no second gap."""
    if gap.end < pruned_before(database):
        return
    before = database.rows(
        "SELECT min(start) FROM gap WHERE path = ? AND why = ? AND start <= ? AND end >= ?",
        (path, gap.why, gap.start, gap.start - within),
    )[0][0]
    gap = gap._replace(start=gap.start if before is None else before)
    database.run("INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?)", (path, *gap))


def forget_gap(database: Database, path: str, why: str) -> None:
    """Forget what was noted for this reason, since nothing is missing after all; in a transaction of the caller."""
    database.run("DELETE FROM gap WHERE path = ? AND why = ?", (path, why))


def not_covered(database: Database, start: int, end: int) -> list[Span]:
    """Return the parts of the time from `start` to `end` that no source covers, and those with a gap, in order."""
    found: list[Span] = []
    at = start
    pruned = pruned_before(database)
    if start < pruned:
        at = min(pruned, end)
        found.append(Span(start, at, PRUNED))
        start = at
    for begin, until in database.rows(
        "SELECT start, end FROM coverage WHERE end > ? AND start < ? ORDER BY start", (start, end)
    ):
        if begin > at:
            found.append(Span(at, begin, NEVER_READ))
        at = max(at, until)
    if at < end:
        found.append(Span(at, end, NEVER_READ))
    for begin, until, why in database.rows(
        "SELECT start, end, why FROM gap WHERE end >= ? AND start < ? ORDER BY start", (start, end)
    ):
        found.append(Span(max(begin, start), min(until, end), why))
    return sorted(found)


def count_trouble(database: Database, day: str, kind: str, count: int) -> None:
    """Add to the number of times that the server itself failed on a day; in a transaction of the caller."""
    database.run(
        "INSERT INTO trouble VALUES (?, ?, ?) ON CONFLICT (day, kind) DO UPDATE SET count = count + excluded.count",
        (day, kind, count),
    )
    count_total(database, TROUBLE, kind, count)


def troubles(database: Database, first: str, last: str) -> list[tuple[str, int]]:
    """Return how often the server itself failed from day `first` to `last`, by kind, the most frequent first."""
    return [
        (kind, count)
        for kind, count in database.rows(
            "SELECT kind, sum(count) FROM trouble WHERE day BETWEEN ? AND ? GROUP BY kind ORDER BY 2 DESC, 1",
            (first, last),
        )
    ]


def count_total(database: Database, what: str, kind: str, count: int) -> None:
    """Add to what was counted since state.db began; in a transaction of the caller."""
    kinds, known = database.rows("SELECT count(*), coalesce(max(kind = ?), 0) FROM total WHERE what = ?", (kind, what))[
        0
    ]
    database.run(
        "INSERT INTO total VALUES (?, ?, ?) ON CONFLICT (what, kind) DO UPDATE SET count = count + excluded.count",
        (what, kind if known or kinds < _MOST_KINDS else OTHERS, count),
    )


def totals(database: Database, what: str) -> list[tuple[str, int]]:
    """Return by kind what was counted of `what` since state.db began: it only grows, whatever is deleted beside it."""
    return [(kind, count) for kind, count in database.rows("SELECT kind, count FROM total WHERE what = ?", (what,))]


def mailed(database: Database) -> set[str]:
    """Return the days whose report was handed over."""
    return {day for (day,) in database.rows("SELECT day FROM mailed")}


def note_mailed(database: Database, days: list[str], at: int) -> None:
    """Note that the report of `days` was handed over at `at` (UTC microseconds)."""
    with database.transaction():
        database.run_many("INSERT OR REPLACE INTO mailed VALUES (?, ?)", [(day, at) for day in days])
