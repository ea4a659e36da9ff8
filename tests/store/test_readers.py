"""state.db for those who only read it: also after a crash, and never changed by them."""

import shutil
import sqlite3

import pytest

from maillogsentinel.errors import StoreError
from maillogsentinel.store.database import Database


def test_a_reader_after_a_crash_sees_what_was_committed(tmp_path):
    database = Database(str(tmp_path), create=True)
    with database.transaction():
        database.put("word", "committed")
    database.close()
    writer = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE meta SET value = 'lost' WHERE key = 'word'")
    for number in range(3000):  # more than the cache holds, so that the file itself is changed and the journal is hot
        writer.execute("INSERT INTO meta VALUES (?, ?)", (f"k{number}", "x" * 100))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("state.db", "state.db-journal"):
        shutil.copy(tmp_path / name, crashed / name)
    writer.execute("ROLLBACK")
    writer.close()
    reader = Database(str(crashed))
    assert reader.get("word") == "committed"
    assert reader.rows("SELECT count(*) FROM meta") == [(1,)]


def test_a_reader_cannot_change_anything(tmp_path):
    Database(str(tmp_path), create=True).close()
    reader = Database(str(tmp_path))
    with pytest.raises(StoreError):
        reader.put("word", "written")
    assert reader.get("word") is None


def test_a_reader_makes_no_state(tmp_path):
    with pytest.raises(StoreError, match="maillogsentinel extract"):
        Database(str(tmp_path))
    assert not list(tmp_path.iterdir())
