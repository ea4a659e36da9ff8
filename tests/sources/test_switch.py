"""From a file to the journal and back, while both hold the same events or only one of them: each is one record."""

import random
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import journal_bed
import pytest
from journal_bed import smtpd, write

pytestmark = pytest.mark.skipif(journal_bed.MISSING, reason=journal_bed.WHY_MISSING)

SECOND = 1_000_000
CHECKOUT = Path(__file__).parents[2]


class Both:
    """A host on which events go to a log file, to the journal, or to both; with stamps that differ a little."""

    def __init__(self, installation, chance: random.Random, whole: bool) -> None:
        self.installation = installation
        self.chance = chance
        self.whole = whole
        self.directory = installation.directory / "journal"
        self.directory.mkdir()
        now = int(datetime.now(UTC).timestamp())
        self.clock = (now - 40_000) * SECOND
        self.sent: Counter = Counter()
        self.number = 0

    def log(self, count: int, file: bool = True, journal: bool = True) -> None:
        """Let so many logins fail, some of them within one second."""
        entries = []
        text = ""
        start = self.clock
        for _ in range(count):
            self.number += 1
            user = f"u{self.number // 3}"  # of each name there are three, hard to tell apart
            self.sent[user] += 1
            message = f"warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x, sasl_username={user}"
            entries.append(smtpd(message, pid=7))
            stamp = self.clock + self.chance.randrange(-20_000, 20_000)
            moment = datetime.fromtimestamp(stamp / SECOND, UTC)
            shown = moment.isoformat(timespec="seconds" if self.whole else "microseconds")
            text += f"{shown} mx1 postfix/smtpd[7]: {message}\n"
            self.clock += 200_000
        if file:
            with open(self.installation.log, "a", encoding="utf-8") as log:
                log.write(text)
        if journal:
            write(f"{self.directory}/system.journal", entries, start=start, step=200_000)

    def configure(self, source: str) -> None:
        name = str(self.installation.log) if source == "file" else f"journal:{self.directory}"
        self.installation.configure("[reverse_dns]\nenabled = no\n", mail_log=name)

    def extract(self, source: str) -> str:
        """Run with `source` configured, and return what it says."""
        self.configure(source)
        done = self.installation.run("extract")
        assert done.returncode == 0, done.stderr
        return done.stderr.decode()

    def recorded(self) -> Counter:
        return Counter(row["user"] for row in self.installation.rows())


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_no_event_counts_twice_and_none_is_left_out(installation, seed, whole):
    chance = random.Random(seed)
    host = Both(installation, chance, whole)
    host.log(5)
    source = "file"
    assert host.extract(source) == ""
    for _ in range(6):
        host.log(chance.randrange(1, 12))
        if chance.random() < 0.5:
            host.extract(source)
            host.log(chance.randrange(0, 12))
        before, source = source, chance.choice(("file", "journal"))
        said = host.extract(source)
        assert ("Now reading" in said) <= (before != source)  # a second time on a day, only the own log has it
        assert host.recorded() == host.sent


@pytest.mark.parametrize("seed", range(5))
def test_a_switch_that_is_killed_at_any_moment_is_finished_by_the_next_run(installation, seed):
    chance = random.Random(seed)
    host = Both(installation, chance, whole=False)
    host.log(30)
    host.extract("file")
    living = 0
    for source in ("journal", "file") * 3:
        host.log(20)
        host.configure(source)
        for _ in range(4):
            command = [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config), "extract"]
            with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.DEVNULL) as process:
                try:
                    process.wait(chance.uniform(0.02, 0.25))
                except subprocess.TimeoutExpired:
                    process.kill()
                    living += 1
        host.extract(source)
        assert host.recorded() == host.sent
    assert living, "no run was killed while it worked"


def test_what_only_the_file_had_before_it_was_given_up_is_read_first(installation):
    host = Both(installation, random.Random(1), False)
    host.log(4)
    host.extract("file")
    host.log(4, journal=False)
    host.log(4, file=False)
    said = host.extract("journal")
    assert f"Now reading journal:{host.directory} in place of {installation.log}, from " in said
    assert host.recorded() == host.sent


def test_what_only_the_journal_had_before_the_file_was_fed_again_is_read_first(installation):
    host = Both(installation, random.Random(1), False)
    host.log(4)
    host.extract("journal")
    host.log(4, file=False)
    host.log(4)
    host.extract("file")
    host.log(4)
    assert host.extract("file") == ""
    assert host.recorded() == host.sent


def test_a_journal_under_another_name_is_read_on_and_counts_nothing_twice(installation):
    """``journal`` and ``journal:/var/log/journal`` hold the same entries."""
    host = Both(installation, random.Random(1), False)
    host.log(9, file=False)
    host.extract("journal")
    there = host.directory
    host.directory = there.with_name("other")
    host.directory.symlink_to(there)
    host.log(9, file=False)
    assert f"Now reading journal:{host.directory} in place of journal:{there}, from " in host.extract("journal")
    assert host.recorded() == host.sent
    host.directory = there
    host.log(9, file=False)
    host.extract("journal")
    assert host.extract("journal") == ""
    assert host.recorded() == host.sent


def test_a_file_that_is_gone_gives_way_without_a_word_of_its_own(installation):
    host = Both(installation, random.Random(1), False)
    host.log(4)
    host.extract("file")
    installation.log.unlink()
    host.log(4, file=False)
    assert len(host.extract("journal").splitlines()) == 1
    assert host.recorded() == host.sent


def test_status_tells_of_both(installation):
    host = Both(installation, random.Random(1), False)
    host.log(4)
    host.extract("file")
    host.extract("journal")
    said = installation.run("status").stdout.decode()
    assert f"Reading:    journal:{host.directory}\n" in said
    assert f"Source:     {installation.log}, 1 files, read until " in said
    assert f"Source:     journal:{host.directory}, read until " in said
    assert "Position:   last entry " in said
