"""A log daemon drops what it cannot write: a log from a disk that was full may have a hole, which nobody sees in it."""

import json
import os
import re
import types
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maillogsentinel import config, extraction, options
from maillogsentinel.errors import StoreError
from maillogsentinel.store import history
from maillogsentinel.store.database import Database

NOW = datetime.now(UTC).isoformat(timespec="microseconds")
LINE = (
    f"{NOW} mx postfix/smtpd[7]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed:"
    " (reason unavailable), sasl_username=bob\n"
)


class Disk:
    """The log's disk, and the runs of one installation that look at it."""

    def __init__(self, installation, monkeypatch):
        self.installation = installation
        self.monkeypatch = monkeypatch
        self.config = config.load(str(installation.config))
        self.room(1 << 40)

    def room(self, size: int) -> None:
        answer = types.SimpleNamespace(f_bavail=size // 4096, f_frsize=4096)
        self.monkeypatch.setattr(os, "statvfs", lambda path: answer)

    def log(self, text: str) -> None:
        with open(self.installation.log, "a", encoding="utf-8") as file:
            file.write(text)

    def extract(self, siblings: bool = True) -> list[str]:
        database = Database(self.config[options.STATE_DIR], create=True)
        try:
            run = extraction.Extraction(self.config, database, offline=True)
            return (run.configured() if siblings else run.file(str(self.installation.log))).notices
        finally:
            database.close()

    def gaps(self) -> list[history.Span]:
        database = Database(self.config[options.STATE_DIR])
        found = [span for span in history.not_covered(database, 0, 1 << 62) if span.why != history.NEVER_READ]
        database.close()
        return found


@pytest.fixture
def disk(installation, monkeypatch):
    installation.log.write_text(LINE)
    installation.extract()
    return Disk(installation, monkeypatch)


def cannot_write(*_):
    raise StoreError("No space left for state.db.")


def test_after_runs_that_could_not_write_anything_one_gap_reaches_from_the_last_good_one_to_the_next(disk):
    assert disk.extract() == []
    before = extraction.now()
    disk.room(0)
    with disk.monkeypatch.context() as broken:
        broken.setattr(Database, "transaction", cannot_write)
        for _ in range(3):
            with pytest.raises(StoreError):
                disk.extract()
    disk.room(1 << 40)
    disk.log(LINE)
    middle = extraction.now()
    (sentence,) = disk.extract()
    minute = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    log = re.escape(str(disk.installation.log))
    assert re.fullmatch(rf"The disk of {log} was full: lines between {minute} and {minute} may be missing\.", sentence)
    (gap,) = disk.gaps()
    assert gap.start <= before <= middle <= gap.end <= extraction.now()
    assert len(disk.installation.rows()) == 2
    assert disk.extract() == []
    assert disk.gaps() == [gap]


def test_while_only_the_disk_of_the_log_is_full_each_run_says_so_and_the_gap_grows(disk):
    disk.room(1 << 19)
    for _ in range(3):
        assert len(disk.extract()) == 1
        assert len(disk.gaps()) == 1
    disk.room(1 << 40)
    assert len(disk.extract()) == 1, "the time since the last of them is part of it"
    assert disk.extract() == []
    (gap,) = disk.gaps()
    assert gap.why == "the disk was full, the log may lack lines"


def test_a_report_names_the_hours(disk):
    disk.room(0)
    disk.extract()
    done = disk.installation.run("report", "--stdout", "--format", "json")
    found = json.loads(done.stdout)
    assert found["coverage"] == "part"
    assert [gap for gap in found["not_covered"] if gap["why"] == "the disk was full, the log may lack lines"]


def test_a_file_read_alone_is_no_log_that_somebody_writes(disk):
    disk.room(0)
    assert disk.extract(siblings=False) == []
    assert disk.gaps() == []
    assert not Path(disk.config[options.STATE_DIR], "disk-was-full").exists()
