"""The journal: real files, read by journalctl."""

import os

import journal_bed
import pytest
from journal_bed import DAY, START, failure, smtpd, write

from maillogsentinel import config, journal_reading
from maillogsentinel.committing import Committer
from maillogsentinel.extraction import Outcome
from maillogsentinel.store.database import Database
from maillogsentinel.store.ledger import Ledger

pytestmark = pytest.mark.skipif(journal_bed.MISSING, reason=journal_bed.WHY_MISSING)


class Host:
    """A journal in a directory, and runs that read it."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.journal = f"{directory}/journal"
        os.mkdir(self.journal)
        self.name = f"journal:{self.journal}"
        path = f"{directory}/test.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[paths]\nworking_dir = {directory}/state\nstate_dir = {directory}/state\n")
            file.write("[geolocation]\ncountry_db_path =\n[general]\ntime_zone = UTC\n")
        self.config = config.load(path)
        os.mkdir(f"{directory}/state")
        self.end = START

    def append(self, entries, file="system", **where):
        """Append entries to one of the journal's files, each a second after the one before."""
        where.setdefault("start", self.end)
        write(f"{self.journal}/{file}.journal", entries, **where)
        self.end = where["start"] + len(entries) * 1_000_000

    def run(self):
        """Read what is new."""
        database = Database(f"{self.directory}/state", create=True)
        try:
            ledger = Ledger(database, self.config.csv_path, ",")
            ledger.recover()
            committer = Committer(self.config, database, ledger, True)
            read = journal_reading.JournalReading(committer, database).run(self.name)
            return Outcome(committer.records, committer.troubles, *read)
        finally:
            database.close()

    def rows(self):
        """The CSV's records, as lists of cells."""
        with open(self.config.csv_path, encoding="utf-8") as file:
            return [line.rstrip("\n").split(",") for line in file][1:]

    def users(self):
        return [row[3] for row in self.rows()]

    def database(self):
        return Database(f"{self.directory}/state")


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def users(*numbers):
    return [f"u{number:06d}" for number in numbers]


def test_entries_become_records_and_are_read_once(host):
    host.append([failure(1), smtpd("connect from unknown[192.0.2.1]"), failure(2)])
    assert host.run().records == 2
    assert host.rows()[0][:5] == ["mx1", f"{DAY} 12:00", "192.0.2.1", "u000001", "null"]
    assert host.run().records == 0
    host.append([failure(3)])
    outcome = host.run()
    assert (outcome.records, outcome.notices, outcome.problems, outcome.failed) == (1, [], [], False)
    assert host.users() == users(1, 2, 3)


def test_an_event_has_the_microseconds_of_its_entry(host):
    host.append([{**failure(1), "at": START + 123_457}])
    host.run()
    found = host.database().rows("SELECT stamp, source, server, service, pid FROM event")
    assert found == [(START + 123_457, host.name, "mx1", "submission", 42)]
