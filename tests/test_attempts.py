"""The failures that detection looks at: which, and how few others are looked through for them."""

import pytest

from maillogsentinel.attempts import Attempts
from maillogsentinel.config import load
from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.logins import Before, NewLogin
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.store import new_logins
from maillogsentinel.store.database import Database

HOUR = 3_600_000_000
NOW = 20_000 * 24 * HOUR


class Bed:
    def __init__(self, directory):
        (directory / "test.conf").write_text(f"[paths]\nstate_dir = {directory}\n")
        self.config = load(str(directory / "test.conf"))
        self.database = Database(str(directory), create=True)
        self.record = 0

    def events(self, *found):
        """Let failures be recorded, each hours before NOW, an address and a user."""
        for hours, ip, user in found:
            self.record += 1
            self.database.run(
                "INSERT INTO event (record, stamp, server, ip, user) VALUES (?, ?, 'mx', ?, ?)",
                (self.record, int(NOW - hours * HOUR), ip, user),
            )
        self.database.put("next_record", self.record + 1)

    def look(self, later=0):
        found = Attempts(self.config, self.database, Geo({}, []), NOW + later * HOUR)
        found.save()
        return found

    def users(self, later=0):
        return sorted(attempt.user for attempt, _ in self.look(later).counted())

    def bound(self):
        return self.look()._bounds["day"][1]


@pytest.fixture
def bed(tmp_path):
    found = Bed(tmp_path)
    yield found
    found.database.close()


def test_those_of_the_last_24_hours_are_counted_in_whatever_order_they_were_recorded(bed):
    bed.events((30, "192.0.2.1", "old"), (2, "192.0.2.1", "a"), (23, "192.0.2.1", "b"), (2, "192.0.2.1", "a"))
    bed.events((40, "192.0.2.1", "older"), (1, "192.0.2.2", "c"), (-30, "192.0.2.2", "future"))
    assert sorted((found.ip, found.user, times) for found, times in bed.look().counted()) == [
        ("192.0.2.1", "a", 2),
        ("192.0.2.1", "b", 1),
        ("192.0.2.2", "c", 1),
    ]


def test_older_records_are_not_looked_through_again(bed):
    bed.events(*((30, "192.0.2.1", f"old{number}") for number in range(50)), (20, "192.0.2.1", "a"))
    bed.events((1, "192.0.2.1", "b"))
    assert bed.users() == ["a", "b"]
    bed.database.run("UPDATE event SET stamp = ? WHERE record <= 50", (NOW,))  # which nothing but a second look sees
    assert bed.users(later=1) == ["a", "b"]
    assert bed.users(later=5) == ["b"]
    assert bed.users(later=48) == []


def test_a_clock_that_went_back_is_no_reason_to_overlook_any(bed):
    bed.events((30, "192.0.2.1", "a"), (1, "192.0.2.1", "b"))
    assert bed.users() == ["b"]
    assert bed.users(later=-10) == ["a", "b"]


def test_a_finding_gets_the_times_of_its_attempts_if_one_of_them_is_new(bed):
    bed.events((20, "192.0.2.1", "Bob"), (2, "198.51.100.1", "BOB"), (1, "198.51.100.9", "eve"))
    found = [
        Finding(kind, "warning", subject, "It is.", 3, 3, 1)
        for kind, subject in [
            ("distributed", "bob"),
            ("spraying", "192.0.2.1"),
            ("network", "198.51.100.0/24"),
            ("bait", "203.0.113.1"),
        ]
    ]
    dated = bed.look().dated(found, record=2)
    assert [(one.kind, (NOW - one.first) // HOUR, (NOW - one.last) // HOUR) for one in dated] == [
        ("distributed", 20, 2),
        ("network", 2, 1),
    ]


def test_a_log_is_that_of_several_servers_where_lines_name_several(bed):
    bed.events((1, "192.0.2.1", "a"))
    assert not bed.look().several_servers()
    bed.database.run("INSERT INTO event (record, stamp, server) VALUES (90, ?, 'mx2')", (NOW,))
    assert bed.look().several_servers()


def login(user, ip, hours=1):
    return NewLogin(NOW - hours * HOUR, user, ip, ip.rpartition(".")[0] + ".0/24", None, 1, False, True)


def test_the_latest_logins_that_nobody_has_seen_are_looked_at(bed):
    with bed.database.transaction():
        new_logins.save(bed.database, [login("alice", "203.0.113.9", hours=30), login("eve", "203.0.113.3")])
    assert [one.user for one in bed.look().logins(0, 10)] == ["alice", "eve"]
    assert [one.user for one in bed.look().logins(0, 1)] == ["eve"]
    assert [one.user for one in bed.look().logins(NOW - 24 * HOUR, 10)] == ["eve"]
    new_logins.judged(bed.database)
    assert bed.look().logins(0, 10) == []


def test_the_failures_before_a_login_are_those_of_its_network_and_its_user(bed):
    bed.events(
        (30, "203.0.113.77", "before"),
        (25, "203.0.113.77", "x"),
        (20, "198.51.100.1", "Alice"),
        (20, "198.51.100.1", "alice@example.org"),
        (20, "198.51.100.1", "alicex"),
        (20, "2001:db8::1", "y"),
        (0.5, "203.0.113.77", "after"),
    )
    found = bed.look().before([login("ALICE@example.org", "203.0.113.9")], 24 * HOUR)
    assert [one.user for one in found] == ["x", "Alice", "alice@example.org", "y"]
    assert list(bed.look().before([login("nobody", "192.0.2.9")], HOUR)) == []
    assert next(bed.look().before([login("z", "203.0.113.9", hours=29)], 24 * HOUR)) == Before(
        NOW - 30 * HOUR, "203.0.113.77", "before"
    )
