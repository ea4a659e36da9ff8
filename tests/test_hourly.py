"""Bursts that a run sees while they last."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from maillogsentinel.config import load
from maillogsentinel.detect.thresholds import thresholds
from maillogsentinel.hourly import Hourly, of_allowed
from maillogsentinel.localtime import LocalTime
from maillogsentinel.store import history
from maillogsentinel.store.database import Database

MINUTE = 60_000_000
HOUR = 60 * MINUTE
TODAY = datetime(2025, 5, 27, tzinfo=UTC)
NOW = int(TODAY.timestamp()) * 1_000_000 + 12 * HOUR + 50 * MINUTE


class Bed:
    """A server with ten failures an hour, whose days before were read whole and have digests."""

    def __init__(self, directory):
        self.directory = directory
        self.configure()
        self.database = Database(str(directory), create=True)
        self.record = 0
        with self.database.transaction():
            self.database.put("csv_generation", 3)
            for before in range(1, 29):
                self.day(before, [10] * 24)
            history.cover(self.database, "mail.log", NOW - 40 * 24 * HOUR, NOW)
            self.look()

    def configure(self, detection=""):
        path = self.directory / "test.conf"
        path.write_text(f"[paths]\nstate_dir = {self.directory}\n[general]\ntime_zone = UTC\n[detection]\n{detection}")
        self.config = load(str(path))

    def day(self, before, hours, count=240, generation=3):
        day = (TODAY - timedelta(before)).date().isoformat()
        self.database.run("INSERT OR REPLACE INTO day VALUES (?, 240)", (day,))
        self.database.run(
            "INSERT OR REPLACE INTO digest (day, generation, count, hours) VALUES (?, ?, ?, ?)",
            (day, generation, count, json.dumps(hours)),
        )

    def fail(self, times, ago=0, ip="192.0.2.1"):
        records = range(self.record + 1, self.record + times + 1)
        self.record += times
        with self.database.transaction():
            self.database.run_many(
                "INSERT INTO event (record, stamp, server, ip, user) VALUES (?, ?, 'mx', ?, 'u')",
                ((record, NOW - ago, ip) for record in records),
            )
            self.database.put("next_record", self.record + 1)

    def look(self, now=NOW):
        hourly = Hourly(self.config, self.database, thresholds(self.config), now)
        found = hourly.bursts()
        hourly.save()
        return [(one.severity, one.subject, one.attempts) for one in found]


@pytest.fixture
def bed(tmp_path):
    found = Bed(tmp_path)
    yield found
    found.database.close()


def test_a_burst_is_seen_by_the_look_that_completes_it_and_by_each_that_adds_to_it(bed):
    bed.fail(150)
    assert bed.look() == []
    bed.fail(50)
    assert bed.look() == [("notice", "2025-05-27 12:00", 200)]
    assert bed.look() == []
    bed.fail(400)
    assert bed.look() == [("warning", "2025-05-27 12:00", 600)]
    bed.fail(1, ago=11 * HOUR)
    assert bed.look() == []


def test_what_stood_in_the_log_before_the_first_look_is_not_counted(bed):
    bed.database.run("DELETE FROM meta WHERE key = 'hourly'")
    bed.fail(700)
    assert bed.look() == []
    bed.fail(200)
    assert bed.look() == [("notice", "2025-05-27 12:00", 200)]


def test_a_burst_goes_on_under_the_hour_in_which_it_began(bed):
    bed.fail(300, ago=2 * HOUR)
    bed.fail(300, ago=HOUR)
    bed.fail(250)
    (found,) = Hourly(bed.config, bed.database, thresholds(bed.config), NOW).bursts()
    assert (found.subject, found.attempts) == ("2025-05-27 10:00", 850)
    assert NOW - 2 * HOUR - 15 * MINUTE < found.first <= NOW - 2 * HOUR
    assert found.last == NOW


def test_what_came_shortly_before_midnight_is_seen_after_it(bed):
    bed.fail(200, ago=13 * HOUR)
    assert bed.look(NOW - 12 * HOUR) == [("notice", "2025-05-26 23:00", 200)]


def test_it_is_counted_once_also_where_a_look_was_not_stored(bed):
    bed.fail(150)
    Hourly(bed.config, bed.database, thresholds(bed.config), NOW)
    assert bed.look() == []
    bed.fail(49)
    assert bed.look() == []


def test_with_too_few_days_that_were_read_whole_and_have_a_digest_nothing_is_said(bed):
    bed.database.run("DELETE FROM digest WHERE day < '2025-05-21'")
    bed.fail(1000)
    assert bed.look() == []
    with bed.database.transaction():
        for before in range(7, 20):
            bed.day(before, [10] * 24, count=239)
            bed.day(before + 1, [10] * 24, generation=2)
    bed.fail(1)
    assert bed.look() == []
    bed.day(7, [10] * 24)
    bed.fail(1)
    assert bed.look() == [("warning", "2025-05-27 12:00", 1002)]
    start = NOW - 3 * 24 * HOUR
    history.note_gap(bed.database, "mail.log", history.Span(start, start + HOUR, "the log is gone"))
    bed.fail(1)
    assert bed.look() == []


def test_days_that_were_read_and_had_no_failure_count_as_such(bed):
    bed.database.run("DELETE FROM digest")
    bed.database.run("DELETE FROM day")
    bed.fail(200)
    assert bed.look() == [("notice", "2025-05-27 12:00", 200)]


def test_the_allow_list_makes_no_burst(bed):
    bed.configure("allow_networks = 203.0.113.0/24\n")
    bed.fail(1000, ip="203.0.113.7")
    bed.fail(199)
    assert bed.look() == []
    bed.fail(1)
    assert bed.look() == [("notice", "2025-05-27 12:00", 200)]


def test_what_the_allow_list_had_in_an_hour_can_be_asked(bed):
    bed.fail(7, ip="203.0.113.7")
    bed.fail(5, ago=13 * HOUR, ip="203.0.113.7")
    bed.fail(3)
    times = LocalTime("UTC")
    assert of_allowed(bed.database, times, TODAY.date(), thresholds(bed.config)) == [0] * 24
    bed.configure("allow_networks = 203.0.113.0/24\n")
    assert of_allowed(bed.database, times, TODAY.date(), thresholds(bed.config)) == [0] * 12 + [7] + [0] * 11


def test_what_is_remembered_stays_small_wherever_clocks_are(bed):
    for hours in (-900, -30, -3, 0, 20, 60, 900):
        bed.fail(1, ago=hours * HOUR)
    bed.look()
    kept = json.loads(bed.database.get("hourly"))
    assert len(kept[1]) == 3
    bed.look(NOW + 90 * 24 * HOUR)
    assert json.loads(bed.database.get("hourly"))[1] == {}


def test_zero_looks_for_no_burst(bed):
    bed.configure("burst_factor = 0\n")
    bed.fail(1000)
    assert bed.look() == []
