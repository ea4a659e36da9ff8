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
