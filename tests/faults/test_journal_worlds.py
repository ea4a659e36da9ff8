"""Exactly once out of a real journald's files, whatever is rotated, vacuumed and killed."""

import os
import shutil

import journal_world
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a journald of our own"),
    pytest.mark.skipif(
        not (os.path.exists(journal_world.journal_bed.JOURNALD) and shutil.which("unshare")),
        reason="needs journald: apt-get install systemd util-linux",
    ),
]


@pytest.mark.parametrize("seed", range(12))
def test_every_entry_that_a_run_could_see_is_recorded_once(seed, tmp_path):
    journal_world.JournalWorld(seed, tmp_path).live_through(16)


def wrong(directory):
    """What the first world says that finds something wrong; nothing when none does."""
    for seed in range(15):
        (directory / str(seed)).mkdir()
        try:
            journal_world.JournalWorld(seed, directory / str(seed)).live_through(16)
        except AssertionError as error:
            return str(error)
    return ""


MUTANTS = {
    "the position is taken for the first unread entry": (
        "journal_reading.JournalReading._rest = lambda self, output, blocks, first=None, rest="
        "journal_reading.JournalReading._rest: rest(self, output, blocks, first and first._replace(begin=0))",
        "doubled",
    ),
    "what stands in the position's block is passed over": (
        "journal_reading.JournalReading._rest = lambda self, output, blocks, first=None, rest="
        "journal_reading.JournalReading._rest: rest(self, output, blocks)",
        "lost",
    ),
    "a vacuum is not told": ("journal_reading.JournalReading._tell_gap = lambda *_: None", "was not said"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_reading_that_is_wrong_is_noticed(mutant, tmp_path, monkeypatch):
    patch, expected = MUTANTS[mutant]
    with open(journal_world.crash.PROGRAM, encoding="utf-8") as file:
        head, tail = file.read().split("reading.BATCH_BYTES", 1)
    program = tmp_path / "mutant.py"
    program.write_text(
        f"{head}from maillogsentinel import journal_reading\n{patch}\nreading.BATCH_BYTES{tail}", encoding="utf-8"
    )
    monkeypatch.setattr(journal_world.crash, "PROGRAM", str(program))
    assert expected in wrong(tmp_path)
