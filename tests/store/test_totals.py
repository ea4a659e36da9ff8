"""What is counted in all: it only grows, and has an end."""

import sqlite3

import pytest

from maillogsentinel.store import database as module
from maillogsentinel.store import history, losses
from maillogsentinel.store.database import Database


@pytest.fixture
def database(tmp_path):
    found = Database(str(tmp_path), create=True)
    yield found
    found.close()


def test_totals_grow_with_each_day_and_stay_when_days_are_deleted(database):
    with database.transaction():
        history.count_trouble(database, "2025-05-26", "cut", 2)
        history.count_trouble(database, "2025-05-27", "cut", 3)
        losses.count(database, losses.Loss("rsyslog", 1, 40), "2025-05-27")
        losses.count(database, losses.Loss("rsyslog", 1, 2), "2025-05-28")
        for table in ("trouble", "loss"):
            database.run(f"DELETE FROM {table}")
    assert history.totals(database, history.TROUBLE) == [("cut", 5)]
    assert history.totals(database, history.LOSS) == [("rsyslog", 2)]
    assert history.totals(database, history.LOST) == [("rsyslog", 42)]


def test_more_names_than_anybody_has_are_counted_together(database):
    with database.transaction():
        for _ in range(2):
            for number in range(60):
                history.count_total(database, history.FAILURE, f"host{number}", 1)
    found = dict(history.totals(database, history.FAILURE))
    assert len(found) == 51
    assert found["host49"] == 2
    assert found[history.OTHERS] == 20


def test_an_older_state_begins_with_the_sums_of_its_days(tmp_path):
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.executescript(module._SCHEMA)
        connection.execute("INSERT INTO trouble VALUES ('2025-05-26', 'cut', 2), ('2025-05-27', 'cut', 3)")
        connection.execute("INSERT INTO loss VALUES ('2025-05-26', 'journald', 1, 7)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    database = Database(str(tmp_path), create=True)
    assert history.totals(database, history.TROUBLE) == [("cut", 5)]
    assert history.totals(database, history.LOST) == [("journald", 7)]
    database.close()
