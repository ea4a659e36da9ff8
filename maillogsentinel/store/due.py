"""Which days' reports are due: completed, covered by what was read, and not yet mailed."""

from datetime import date, timedelta

from maillogsentinel.localtime import LocalTime
from maillogsentinel.store import history
from maillogsentinel.store.database import Database

MOST_DAYS = 3660
"""Days back that are looked at: a stray stamp of 1970 makes no mail over half a century."""


def days_due(database: Database, times: LocalTime, now: int) -> list[date]:
    """Return the completed days, from the first one covered to yesterday, that were not mailed, in order."""
    first = database.rows("SELECT min(start) FROM coverage")[0][0]
    if first is None:
        return []
    yesterday = times.today(now) - timedelta(days=1)
    day = max(times.today(first), yesterday - timedelta(days=MOST_DAYS))
    done = history.mailed(database)
    found = []
    while day <= yesterday:
        if day.isoformat() not in done:
            found.append(day)
        day += timedelta(days=1)
    return found
