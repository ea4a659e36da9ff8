"""A state.db of an earlier format is brought up to date, and loses nothing."""

import sqlite3

import pytest

from maillogsentinel.errors import StoreError
from maillogsentinel.store import database as module
from maillogsentinel.store.database import FORMAT, Database


def tables(path):
    with sqlite3.connect(path) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL"))


@pytest.fixture
def first_format(tmp_path):
    """A state.db as the first format had it, with a value in it."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(module._SCHEMA)
        connection.execute("INSERT INTO meta VALUES ('next_record', 7)")
        connection.execute("PRAGMA user_version = 1")
    return path


def test_an_older_state_gets_the_tables_of_a_new_one_and_keeps_what_it_had(first_format, tmp_path):
    (tmp_path / "new").mkdir()
    Database(str(tmp_path / "new"), create=True).close()
    database = Database(str(tmp_path), create=True)
    assert database.get("next_record") == 7
    database.close()
    assert tables(first_format) == tables(tmp_path / "new/state.db")
    with sqlite3.connect(first_format) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_a_reader_leaves_an_older_state_alone_and_says_what_to_run(first_format, tmp_path):
    before = first_format.read_bytes()
    with pytest.raises(StoreError, match=r"state\.db is of an older version\. Run: maillogsentinel extract"):
        Database(str(tmp_path))
    assert first_format.read_bytes() == before
