"""Digests of days, over a real installation: what is kept is used, and never when it is out of date."""

import os
import sqlite3
import time
from datetime import UTC, date, datetime, timedelta

import pytest

from maillogsentinel.store import digest as digests
from maillogsentinel.store.database import Database
from maillogsentinel.store.digest import KINDS, Digests, digest_of
from maillogsentinel.store.sketch import number

TODAY = datetime.now(UTC).date()
DAYS = [(TODAY - timedelta(days=back)).isoformat() for back in (3, 2, 1)]


def line(day, user, ip="192.0.2.1", hour=3):
    return (
        f"{day}T{hour:02d}:00:00.000001+00:00 mx postfix/smtpd[7]: warning: unknown[{ip}]: SASL LOGIN authentication"
        f" failed: (reason unavailable), sasl_username={user}\n"
    )


@pytest.fixture
def three_days(installation):
    """A log of three past days, extracted: one, two and three failures."""
    installation.log.write_text(
        "".join(line(day, f"u{place}") for place, day in enumerate(DAYS) for _ in range(place + 1))
    )
    installation.extract()
    return installation


def opened(installation):
    database = Database(str(installation.state))
    return database, Digests(database, ",")


def counts(installation, days=DAYS, keep=True):
    """Failures of each day, and how many digests had to be made for that."""
    database, found = opened(installation)
    numbers = [sum(hours) for hours in found.hours(days).values()]
    if keep:
        found.keep(str(installation.state), TODAY.isoformat())
    database.close()
    return numbers, len(found._made)


def test_a_digest_is_made_once(three_days):
    assert counts(three_days) == ([1, 2, 3], 3)
    assert counts(three_days) == ([1, 2, 3], 0)


def test_hours_and_names_are_those_of_the_day():
    rows = [
        f"mx,{DAYS[0]} 03:10,192.0.2.1,bob,null,OK,FR,64496,Net\n",
        f"mx,{DAYS[0]} 03:50,192.0.2.9,bob,null,OK,null,64496,Net\n",
        f'mx,{DAYS[0]} 23:59,2001:db8:1::9,"a,b",null,OK,DE,null,"Net, ""Work"""\n',
        f'mx,{DAYS[0]} 00:00,null,\'=x,null,OK,DE,64497,"Net, Inc."\n',
        f"mx,{DAYS[1]} 03:10,203.0.113.1,other,null,OK,FR,64496,Net\n",
        "no record\n",
    ]
    found = digest_of([one.encode() for one in rows], DAYS[0], ",")
    assert {hour: count for hour, count in enumerate(found.hours) if count} == {0: 1, 3: 2, 23: 1}
    expected = {
        "users": ["bob", "a,b", "=x"],
        "addresses": ["192.0.2.1", "192.0.2.9", "2001:db8:1::9"],
        "networks": ["192.0.2.0/24", "2001:db8:1::/48"],
        "countries": ["FR", "DE"],
        "asns": ["64496", "64497"],
    }
    for kind, names in zip(KINDS, found.names, strict=True):
        assert list(names) == sorted(map(number, expected[kind])), kind


def test_more_records_of_a_day_make_its_digest_anew(three_days):
    counts(three_days)
    with open(three_days.log, "a") as file:
        file.write(line(DAYS[2], "late", hour=5))
    three_days.extract()
    assert counts(three_days) == ([1, 2, 4], 1)


def test_an_edited_csv_makes_all_anew_before_and_after_the_next_extract(three_days):
    counts(three_days)
    lines = three_days.csv.read_text().splitlines(keepends=True)
    moved = lines[-1].replace(" 03:00", " 04:00")
    three_days.csv.write_text("".join([*lines[:-1], moved]))  # as long as before
    database, found = opened(three_days)
    assert found.hours(DAYS)[DAYS[2]][3:5] == (2, 1)
    found.keep(str(three_days.state), TODAY.isoformat())
    database.close()
    assert counts(three_days)[1] == 3, "what was made of a CSV that nobody has taken in is not kept"
    three_days.run("extract", "--offline")
    assert counts(three_days) == ([1, 2, 3], 3)
    assert counts(three_days) == ([1, 2, 3], 0)


def test_after_a_reset_nothing_is_left_of_the_old_digests(three_days):
    counts(three_days)
    assert three_days.run("reset").returncode == 0
    three_days.log.write_text(line(DAYS[0], "new") * 5)
    three_days.extract()
    assert counts(three_days, DAYS[:1]) == ([5], 1)


def test_the_day_that_is_not_over_is_not_kept(three_days):
    with open(three_days.log, "a") as file:
        file.write(line(TODAY, "now", hour=0))
    three_days.extract()
    for _ in range(2):
        assert counts(three_days, [TODAY.isoformat()]) == ([1], 1)


def test_a_run_that_commits_meanwhile_keeps_its_readers_from_keeping(three_days):
    database, found = opened(three_days)
    found.hours(DAYS)
    with open(three_days.log, "a") as file:
        file.write(line(DAYS[2], "late", hour=5))
    three_days.extract()
    found.keep(str(three_days.state), TODAY.isoformat())
    database.close()
    assert counts(three_days, keep=False) == ([1, 2, 4], 3)


def test_who_may_not_write_gets_the_same_numbers_and_keeps_nothing(three_days, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    for _ in range(2):
        assert counts(three_days) == ([1, 2, 3], 3)


def test_a_state_that_is_locked_is_no_fault(three_days, monkeypatch):
    monkeypatch.setattr("maillogsentinel.store.database._BUSY_SECONDS", 0.1)
    with sqlite3.connect(three_days.state / "state.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        assert counts(three_days) == ([1, 2, 3], 3)
        assert time.monotonic() - begin < 20
        connection.execute("ROLLBACK")
    assert counts(three_days) == ([1, 2, 3], 3)


def test_state_db_keeps_a_bounded_number(three_days, monkeypatch):
    monkeypatch.setattr(digests, "KEPT", 2)
    counts(three_days)
    assert counts(three_days)[1] == 1
    assert counts(three_days, DAYS[:1])[1] == 0, "the one that was made last is there"


def test_days_without_a_record_need_no_digest(three_days):
    quiet = (date.fromisoformat(DAYS[0]) - timedelta(days=9)).isoformat()
    database, found = opened(three_days)
    assert found.hours([quiet]) == {quiet: (0,) * 24}
    assert [list(map(len, names)) for names in found.names([quiet])] == [[0] * 5]
    database.close()
