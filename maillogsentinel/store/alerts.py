"""What is told at once: what was decided to be told, and by which ways it is still due."""

from collections.abc import Iterable
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding
from maillogsentinel.store.database import Database
from maillogsentinel.store.findings import packed, unpacked

MAIL, COMMAND, LOG = 1, 2, 4
"""The ways; their sum says by which an alert is due."""
MOST_DUE = 1000
"""Alerts that wait for a way at most; an older one is dropped."""


class Alert(NamedTuple):
    """One finding that is told."""

    id: int
    at: int
    """When it was decided, UTC microseconds."""
    finding: Finding
    backlog: bool
    """Whether it was found in what stood in the log before the first run."""
    due: int
    """The ways by which it has still to be told, see `MAIL`."""

    @property
    def name(self) -> str:
        """What no other alert of this host is called."""
        return f"{self.at}-{self.id}"


def note(database: Database, finding: Finding, at: int, due: int, backlog: bool) -> None:
    """Keep that `finding` is told, by the ways that `due` says; in a transaction of the caller."""
    database.run(
        "INSERT INTO alert (at, since, kind, subject, severity, finding, backlog, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (at, at, finding.kind, finding.subject, finding.severity, packed(finding), backlog, due),
    )


def latest(database: Database, finding: Finding) -> tuple[int, str] | None:
    """Return since when the same is not told again (UTC microseconds), and as how severe it was told; None where it
    never was."""
    rows = database.rows(
        "SELECT since, severity FROM alert WHERE kind = ? AND subject = ? ORDER BY id DESC LIMIT 1",
        (finding.kind, finding.subject),
    )
    return rows[0] if rows else None


def none_later(database: Database, now: int) -> None:
    """Let quiet times that began after `now`, by a clock that was ahead, begin then; in a transaction of the caller."""
    database.run("UPDATE alert SET since = ? WHERE since > ?", (now, now))


def due(database: Database, way: int) -> list[Alert]:
    """Return what is due by one way, the oldest first."""
    rows = database.rows(
        "SELECT id, at, finding, backlog, due FROM alert WHERE due > 0 AND due & ? ORDER BY id", (way,)
    )
    return [Alert(number, at, unpacked(text), bool(backlog), ways) for number, at, text, backlog, ways in rows]


def told(database: Database, done: Iterable[Alert], way: int) -> None:
    """Note that alerts were told by one way."""
    with database.transaction():
        # After a reset another alert may have the number, but not also the moment.
        database.run_many(
            "UPDATE alert SET due = due & ~? WHERE id = ? AND at = ?", [(way, alert.id, alert.at) for alert in done]
        )


def numbers(database: Database) -> tuple[int | None, int]:
    """Return when the last alert was (UTC microseconds; None for none), and how many are due."""
    last, count = database.rows("SELECT (SELECT max(at) FROM alert), (SELECT count(*) FROM alert WHERE due > 0)")[0]
    return last, count


def trim(database: Database, oldest: int) -> None:
    """Drop what was told before `oldest` (UTC microseconds), and what is due beyond `MOST_DUE`; in a transaction of the
    caller."""
    database.run("DELETE FROM alert WHERE due = 0 AND since < ?", (oldest,))
    database.run(
        "UPDATE alert SET due = 0 WHERE id IN (SELECT id FROM alert WHERE due > 0 ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (MOST_DUE,),
    )
