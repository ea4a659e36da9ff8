"""What detection found, as reports ask for it, and what is told of it."""

import pytest

from maillogsentinel.detect.finding import Finding
from maillogsentinel.store import alerts, findings
from maillogsentinel.store.database import Database

HOUR = 3_600_000_000
DAY = 24 * HOUR
BEGIN = 20_000 * DAY


@pytest.fixture
def database(tmp_path):
    found = Database(str(tmp_path), create=True)
    yield found
    found.close()


def finding(first, last, severity="warning", attempts=3, subject="192.0.2.7", kind="spraying"):
    return Finding(kind, severity, subject, f"{attempts} times.", attempts, 3, 1, first, last, ("mx",), ("a", "b"))


def save(database, *found):
    for one in found:
        with database.transaction():
            findings.save(database, [one])


def test_a_day_has_what_became_a_finding_on_it_the_most_severe_first(database):
    early, late = finding(BEGIN - 5, BEGIN, subject="early"), finding(BEGIN + DAY - 1, BEGIN + DAY, subject="late")
    grave = finding(BEGIN + 5, BEGIN + 9, "critical", 1, "grave")
    save(database, early, late, grave, finding(BEGIN - 9, BEGIN - 1), finding(BEGIN + DAY, BEGIN + DAY))
    assert findings.of_day(database, BEGIN, BEGIN + DAY) == [grave, early]
    goes_on = finding(BEGIN + 5, BEGIN + DAY + 9, "critical", 2, "grave")
    save(database, goes_on)
    assert findings.of_day(database, BEGIN, BEGIN + DAY) == [goes_on, early]
    assert goes_on not in findings.of_day(database, BEGIN + DAY, BEGIN + 2 * DAY)


def test_a_day_has_the_logins_that_lie_in_it_at_least_in_part(database):
    login = finding(BEGIN - 5, BEGIN, kind="login")
    save(database, login)
    assert [findings.of_day(database, BEGIN + day * DAY, BEGIN + (day + 1) * DAY) for day in (-1, 0, 1)] == [
        [login],
        [login],
        [],
    ]


def test_a_subject_counts_once_as_the_most_severe_that_it_was(database):
    save(database, finding(BEGIN, BEGIN), finding(BEGIN + 2 * DAY, BEGIN + 2 * DAY, "critical"))
    save(database, finding(BEGIN, BEGIN, "notice", subject="b"), finding(BEGIN, BEGIN, "notice", kind="network"))
    assert findings.by_severity(database, BEGIN) == [("notice", 2), ("warning", 0), ("critical", 1)]
    assert findings.by_severity(database, BEGIN + 1) == [("notice", 0), ("warning", 0), ("critical", 1)]


def test_what_goes_on_is_one_finding_with_its_worst_moment(database):
    save(database, finding(BEGIN, BEGIN + 5, attempts=3), finding(BEGIN + 2, BEGIN + 8, attempts=9))
    save(database, finding(BEGIN + 6, BEGIN + 20, attempts=4), finding(BEGIN + 7, BEGIN + 21, "notice", 99))
    assert findings.of_day(database, BEGIN, BEGIN + DAY) == [finding(BEGIN, BEGIN + 21, attempts=9)]


def test_what_goes_on_for_days_is_a_finding_of_each(database):
    for hour in range(0, 72, 3):
        save(database, finding(BEGIN + max(0, hour - 24) * HOUR, BEGIN + hour * HOUR, attempts=hour + 1))
    for day in range(3):
        assert len(findings.of_day(database, BEGIN + day * DAY, BEGIN + (day + 1) * DAY)) == 1
    assert database.rows("SELECT count(*) FROM finding")[0][0] == 3


def test_an_attack_after_a_pause_is_another_finding(database):
    save(database, finding(BEGIN, BEGIN + 5), finding(BEGIN + 6, BEGIN + 9))
    assert database.rows("SELECT first, last FROM finding") == [(BEGIN, BEGIN + 5), (BEGIN + 6, BEGIN + 9)]


def test_old_findings_and_too_many_are_dropped(database):
    save(database, *(finding(BEGIN + number, BEGIN + number, subject=str(number)) for number in range(30)))
    with database.transaction():
        findings.trim(database, BEGIN + 5, 20)
    assert [one.subject for one in findings.of_day(database, 0, 1 << 62)] == sorted(map(str, range(10, 30)))


def test_a_finding_is_the_same_when_it_is_told(database):
    with database.transaction():
        alerts.note(database, finding(1, 2), 77, alerts.MAIL | alerts.LOG, backlog=False)
    (alert,) = alerts.due(database, alerts.LOG)
    assert (alert.finding, alert.at, alert.name, alert.backlog) == (finding(1, 2), 77, "77-1", False)
    assert alerts.due(database, alerts.COMMAND) == []
    alerts.told(database, [alert._replace(at=78)], alerts.LOG)  # another alert of that number, before a reset
    assert alerts.numbers(database) == (77, 1)
    alerts.told(database, [alert], alerts.LOG)
    assert (alerts.due(database, alerts.LOG), len(alerts.due(database, alerts.MAIL))) == ([], 1)
    alerts.told(database, [alert], alerts.MAIL)
    assert alerts.numbers(database) == (77, 0)


def test_alerts_that_nobody_takes_do_not_pile_up(database):
    with database.transaction():
        for number in range(alerts.MOST_DUE + 50):
            alerts.note(database, finding(1, 2, subject=str(number)), number, alerts.MAIL, backlog=False)
        alerts.trim(database, 60)
    due = alerts.due(database, alerts.MAIL)
    assert (len(due), due[0].finding.subject) == (alerts.MOST_DUE, "50")
    with database.transaction():
        alerts.trim(database, 60)
    assert database.rows("SELECT count(*) FROM alert")[0][0] == alerts.MOST_DUE
