"""Where one source follows another, an event of both is one record, however far their stamps are apart."""

import random

import pytest

from maillogsentinel import overlap
from maillogsentinel.localtime import SECOND
from maillogsentinel.model import Failure, Trouble
from maillogsentinel.overlap import Overlap
from maillogsentinel.sources.scan import Batch
from maillogsentinel.store.database import Database

LAST = 1_747_483_200_400_000
"""The stamp of the old source's last line."""
SECOND_OF_LAST = LAST - LAST % SECOND


@pytest.fixture
def database(tmp_path):
    database = Database(str(tmp_path), create=True)
    yield database
    database.close()


def failure(stamp: int, pid: int = 7, ip: str = "192.0.2.1", user: str | None = "bob", repeat: int = 1) -> Failure:
    return Failure(stamp, "mx", ip, user, None, "LOGIN", "(reason unavailable)", "smtpd", pid, repeat)


def record(database: Database, *failures: Failure, source: str = "/var/log/mail.log") -> None:
    """Have these as the old source's events."""
    first = database.rows("SELECT coalesce(max(record), 0) + 1 FROM event")[0][0]
    with database.transaction():
        for number, one in enumerate(failures, first):
            row = (number, one.stamp, source, "mx", one.ip, one.user, one.mechanism, one.service, one.reason, one.pid)
            database.run("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?)", row)


def left(database: Database, *found: Failure) -> list[Failure]:
    batch = Batch()
    batch.failures = [failure(1), *found]  # what stands before is none of its business
    Overlap(database, "journal", LAST).drop(batch, 1, 0)
    assert batch.failures[0].stamp == 1
    return batch.failures[1:]


def test_what_the_old_source_recorded_is_not_taken_again(database):
    record(database, failure(LAST))
    assert left(database, failure(LAST + 300)) == []
    assert left(database, failure(LAST - 300)) == []
    assert left(database, failure(SECOND_OF_LAST - 10)) == []


def test_older_events_are_the_old_sources(database):
    assert left(database, failure(SECOND_OF_LAST - 2 * SECOND - 1)) == []
    assert left(database, failure(SECOND_OF_LAST - SECOND - 1)) == []
    assert left(database, failure(LAST - 3600 * SECOND)) == []


def test_an_equal_event_more_than_a_second_later_is_another_one(database):
    record(database, failure(LAST - 600_000))
    other = failure(LAST + 500_000)
    assert left(database, other) == [other]


def test_later_events_are_all_taken(database):
    record(database, failure(LAST))
    late = failure(SECOND_OF_LAST + 2 * SECOND)
    assert left(database, late) == [late]


@pytest.mark.parametrize("change", [{"pid": 8}, {"ip": "192.0.2.2"}, {"user": "eve"}])
def test_another_process_or_client_in_that_second_is_another_event(database, change):
    record(database, failure(LAST))
    other = failure(LAST, **change)
    assert left(database, other) == [other]


def test_each_recorded_event_cancels_one(database):
    record(database, failure(LAST), failure(LAST))
    again = [failure(LAST + number) for number in range(5)]
    assert left(database, *again) == again[2:]


def test_repeated_messages_cancel_as_often_as_they_count(database):
    record(database, failure(LAST), failure(LAST))
    assert [one.repeat for one in left(database, failure(LAST, repeat=5))] == [3]
    assert left(database, failure(LAST, repeat=2)) == []


def test_events_of_the_new_source_itself_cancel_nothing(database):
    record(database, failure(LAST), source="journal")
    assert len(left(database, failure(LAST))) == 1


def test_trouble_up_to_the_last_line_is_known(database):
    batch = Batch()
    batch.troubles = [Trouble(LAST + by, "mx", "kind") for by in (-1, 0, 1)]
    Overlap(database, "journal", LAST).drop(batch, 0, 0)
    assert [found.stamp - LAST for found in batch.troubles] == [1]


def test_it_is_remembered_until_it_is_forgotten(database):
    assert not overlap.pending(database)
    assert overlap.load(database, "journal") is None
    overlap.note(database, LAST)
    assert overlap.pending(database)
    found = overlap.load(database, "journal")
    assert found
    assert found.last == LAST
    overlap.forget(database)
    assert not overlap.pending(database)


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_order_each_event_is_one_record(database, seed):
    """The old source has a prefix of the events, with stamps some milliseconds off or in whole seconds."""
    chance = random.Random(seed)
    stamps = sorted(LAST + chance.randrange(-4 * SECOND, 4 * SECOND) for _ in range(30))
    events = [failure(stamp, chance.choice((7, 8)), f"192.0.2.{chance.randrange(2)}") for stamp in stamps]
    had = chance.randrange(1, 30)
    whole = chance.random() < 0.5

    def seen(one: Failure) -> Failure:
        stamp = one.stamp - one.stamp % SECOND if whole else one.stamp + chance.randrange(-20_000, 20_000)
        return one._replace(stamp=stamp)

    old = [seen(one) for one in events[:had]]
    record(database, *old)
    batch = Batch()
    batch.failures = list(events)
    Overlap(database, "journal", max(one.stamp for one in old)).drop(batch, 0, 0)
    assert len(batch.failures) == 30 - had
    assert sorted((one.pid, one.ip) for one in batch.failures) == sorted((one.pid, one.ip) for one in events[had:])
