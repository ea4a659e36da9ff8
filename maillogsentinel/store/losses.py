"""Lines that are known to be missing from the logs, counted by day."""

from typing import NamedTuple

from maillogsentinel.store import history
from maillogsentinel.store.database import Database

DROPPED = "syslog dropped messages"
"""Why time is not covered in which a syslog daemon said so."""


class Loss(NamedTuple):
    """What is missing, of one kind (see `sources.loss`)."""

    kind: str
    times: int
    """How many sessions or notices told of it."""
    missing: int
    """How many lines at least, as far as they told."""


def count(database: Database, loss: Loss, day: str) -> None:
    """Add a loss to those of a day; in a transaction of the caller."""
    database.run(
        "INSERT INTO loss VALUES (?, ?, ?, ?) ON CONFLICT (day, kind)"
        " DO UPDATE SET times = times + excluded.times, missing = missing + excluded.missing",
        (day, *loss),
    )
    history.count_total(database, history.LOSS, loss.kind, loss.times)
    history.count_total(database, history.LOST, loss.kind, loss.missing)


def losses(database: Database, first: str, last: str) -> list[Loss]:
    """Return what is missing from day `first` to `last`, by kind."""
    rows = database.rows(
        "SELECT kind, sum(times), sum(missing) FROM loss WHERE day BETWEEN ? AND ? GROUP BY kind ORDER BY kind",
        (first, last),
    )
    return [Loss(*row) for row in rows]
