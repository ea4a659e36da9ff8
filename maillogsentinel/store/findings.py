"""What detection has found: kept for reports, and for the exports to other programs."""

import json
from collections.abc import Iterable
from typing import Any

from maillogsentinel.detect.finding import SEVERITIES, Finding, order
from maillogsentinel.localtime import HOUR
from maillogsentinel.store.database import Database

_DAY = 24 * HOUR


def of_day(database: Database, first_stamp: int, last_stamp: int) -> list[Finding]:
    """Return what became a finding between two moments (UTC microseconds, the second not among them), and the logins
    that lie between them at least in part with the failures before; each subject once, the most severe first.

    Numbers are those of the worst 24 hours that a detection looked back on, which may reach into the day before; of a
    login, those before it.
    """
    rows = database.rows(
        "SELECT kind, severity, subject, sentence, attempts, users, addresses, first, last, servers, examples"
        " FROM finding WHERE CASE kind WHEN 'login' THEN last >= ?1 AND first < ?2 ELSE begun >= ?1 AND begun < ?2 END",
        (first_stamp, last_stamp),
    )
    found: dict[tuple[str, str], Finding] = {}
    for finding in sorted((_finding(row) for row in rows), key=order):
        found.setdefault((finding.kind, finding.subject), finding)
    return list(found.values())


def by_severity(database: Database, since: int) -> list[tuple[str, int]]:
    """Return for each severity how much was found that goes on to `since` (UTC microseconds) or later, each subject
    once, as the most severe that it was."""
    names = ",".join(SEVERITIES)
    counts = dict(
        database.rows(
            "SELECT worst, count(*) FROM (SELECT max(instr(?, severity)) AS worst FROM finding WHERE last >= ?"
            " GROUP BY kind, subject) GROUP BY worst",
            (names, since),
        )
    )
    return [(severity, counts.get(names.index(severity) + 1, 0)) for severity in SEVERITIES]


def save(database: Database, found: Iterable[Finding]) -> None:
    """Keep findings; one that goes on changes its row, for 24 hours. In a transaction of the caller."""
    for finding in found:
        first, last = finding.first or 0, finding.last or 0
        begun = last
        before = database.rows(
            "SELECT id, severity, attempts, first, last, begun FROM finding WHERE kind = ? AND subject = ?"
            " AND last >= ? AND first <= ? AND begun BETWEEN ? AND ? ORDER BY begun DESC LIMIT 1",
            (finding.kind, finding.subject, first, last, last - _DAY, last),
        )
        if before:
            number, severity, attempts, first_before, last_before, begun = before[0]
            first, last = min(first, first_before), max(last, last_before)
            if (SEVERITIES.index(severity), attempts) > (SEVERITIES.index(finding.severity), finding.attempts):
                database.run("UPDATE finding SET first = ?, last = ? WHERE id = ?", (first, last, number))
                continue
            database.run("DELETE FROM finding WHERE id = ?", (number,))
        database.run(
            "INSERT INTO finding (kind, severity, subject, sentence, attempts, users, addresses, first, last, servers,"
            " examples, begun) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*finding[:7], first, last, json.dumps(finding.servers), json.dumps(finding.examples), begun),
        )


def trim(database: Database, oldest: int, most: int) -> None:
    """Drop what ended before `oldest` (UTC microseconds), and of the rest what is more than `most`, the oldest first;
    in a transaction of the caller."""
    database.run("DELETE FROM finding WHERE last < ?", (oldest,))
    database.run("DELETE FROM finding WHERE id <= (SELECT max(id) FROM finding) - ?", (most,))


def packed(finding: Finding) -> str:
    """Return a finding as text for a cell of the database."""
    return json.dumps(finding, separators=(",", ":"))


def unpacked(text: str) -> Finding:
    """Return the finding that `packed` made `text` of."""
    return _with_lists(json.loads(text))


def _finding(row: tuple[Any, ...]) -> Finding:
    return _with_lists([*row[:9], json.loads(row[9]), json.loads(row[10])])


def _with_lists(values: list[Any]) -> Finding:
    return Finding._make([*values[:9], tuple(values[9]), tuple(values[10])])
