"""How far days were read, from a real state.db."""

from datetime import UTC, date, datetime

import pytest

from maillogsentinel.localtime import HOUR, MINUTE, SECOND, LocalTime
from maillogsentinel.report.coverage import coverages, unread_hours
from maillogsentinel.store import history
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import Span

DAYS = [date(2025, 3, day) for day in (28, 29, 30, 31)]


def stamp(day, hour=0, minute=0):
    return int(datetime(2025, 3, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND


@pytest.fixture
def database(tmp_path):
    found = Database(str(tmp_path), create=True)
    yield found
    found.close()


def read(database, *spans):
    with database.transaction():
        for start, end in spans:
            history.cover(database, "/var/log/mail.log", start, end)


def test_a_day_is_read_whole_in_part_or_not_at_all(database):
    read(database, (stamp(28), stamp(29)), (stamp(30, 6), stamp(31, 5)))
    found = coverages(database, LocalTime("UTC"), DAYS[:3], stamp(31))
    assert list(found.values()) == ["full", "none", "part"]


def test_some_seconds_at_midnight_are_no_gap_but_a_loss_is_one(database):
    read(database, (stamp(28) + 5 * SECOND, stamp(31)))
    with database.transaction():
        history.note_gap(database, "/var/log/mail.log", Span(stamp(29, 7), stamp(29, 7), "syslog dropped messages"))
    found = coverages(database, LocalTime("UTC"), DAYS[:3], stamp(31))
    assert list(found.values()) == ["full", "part", "full"]


def test_of_a_day_that_is_not_over_only_what_was_read_counts(database):
    read(database, (stamp(28), stamp(31, 9, 30)))
    assert history.read_until(database) == stamp(31, 9, 30)
    assert coverages(database, LocalTime("UTC"), DAYS, stamp(31, 9, 30))[DAYS[3]] == "full"
    assert coverages(database, LocalTime("UTC"), DAYS, stamp(31, 11))[DAYS[3]] == "part"


def test_without_anything_read_nothing_is_known(database):
    assert history.read_until(database) == 0
    assert set(coverages(database, LocalTime("UTC"), DAYS, stamp(31, 9)).values()) == {"none"}
    assert coverages(database, LocalTime("UTC"), [], 0) == {}


def test_what_was_pruned_is_as_unknown_as_what_nobody_read(database):
    with database.transaction():
        history.note_pruned(database, stamp(30))
    found = coverages(database, LocalTime("UTC"), DAYS, stamp(31, 9))
    assert list(found.values())[:2] == ["none", "none"]
    assert unread_hours(database, LocalTime("UTC"), date(2025, 3, 29)) == frozenset(range(24))


def test_the_first_day_that_a_prune_left_is_whole(database):
    read(database, (stamp(28), stamp(31)))
    with database.transaction():
        history.note_pruned(database, stamp(29))
    found = coverages(database, LocalTime("UTC"), DAYS[:3], stamp(31))
    assert list(found.values()) == ["none", "full", "full"]


def test_hours_that_nobody_read_are_told(database):
    read(database, (stamp(29, 2, 30), stamp(29, 20)))
    assert unread_hours(database, LocalTime("UTC"), DAYS[1]) == {0, 1, 20, 21, 22, 23}
    assert unread_hours(database, LocalTime("UTC"), DAYS[0]) == set(range(24))


def test_days_of_23_hours_have_no_hour_that_was_not_read(database):
    times = LocalTime("Europe/Paris")
    start, end = times.span(DAYS[2], DAYS[2])
    assert end - start == 23 * HOUR
    read(database, (start, end))
    assert coverages(database, times, [DAYS[2]], end + MINUTE) == {DAYS[2]: "full"}
    assert unread_hours(database, times, DAYS[2]) == set()
