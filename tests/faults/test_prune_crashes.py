"""A prune, killed or hindered at its system calls: the CSV is the old or the new one, the next run mends the rest."""

import multiprocessing
import os
import shutil
import sqlite3
import time

import crash
import pytest
import world

from maillogsentinel import retention
from maillogsentinel.commands.extract import extract
from maillogsentinel.store import csvfile, days

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace"),
]

PRUNE = ("prune", "--older-than", "30")
KINDS = ("KILL", "EIO", "ENOSPC")


class Bed(crash.Bed):
    """A host with records of 60, 40, 10 and 1 days ago, in and out of order, and a token from between."""

    def ready(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.config = world.settings(self.directory, general={"log_file": "", "time_zone": "UTC"})
        self.live = world.live(self.directory)
        self.number = 0
        for ago in (60, 40, 10, 40, 1, 60):
            self.append(self.live, "".join(self.line(ago) for _ in range(4)))
            extract(self.config, None, offline=True, wait=False)
        self.generation = self.single()["csv_generation"]

    def line(self, ago):
        self.number += 1
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400 * ago))
        return (
            f"{day}T01:00:00.{self.number:06d}+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.7]:"
            f" SASL LOGIN authentication failed: x, sasl_username=d{ago}-{self.number}\n"
        )

    def single(self):
        with sqlite3.connect(f"file:{self.directory}/state/state.db?mode=ro", uri=True) as database:
            found = dict(database.execute("SELECT key, value FROM meta"))
            found["days"] = dict(database.execute("SELECT day, count FROM day"))
            found["events"] = [user for (user,) in database.execute("SELECT user FROM event ORDER BY record")]
        return found

    def names(self):
        return list(world.users(self.config.csv_path))

    def all_names(self):
        order = (60, 40, 10, 40, 1, 60)
        return [f"d{ago}-{4 * part + number}" for part, ago in enumerate(order) for number in range(1, 5)]

    def check(self):
        """Assert that after the next run the CSV is whole, the old or the new one, and that state.db agrees."""
        outcome = extract(self.config, None, offline=True, wait=False)
        assert not outcome.failed
        assert outcome.notices == []
        names, everything = self.names(), self.all_names()
        young = [name for name in everything if name.startswith(("d10-", "d1-"))]
        assert names in (everything, young), names
        single = self.single()
        assert single["csv_generation"] == self.generation
        assert single["csv_length"] == os.path.getsize(self.config.csv_path)
        assert single["csv_count"] == len(names) == sum(single["days"].values())
        # Events are kept for 35 days.
        assert single["events"] == young
        with open(self.config.csv_path, "rb") as file:
            found, _ = days.scan_days(file, len(csvfile.header(",")), ",")
        assert set(single["days"]) == set(found)
        assert "replacing" not in single
        # A run that is killed between two calls leaves the empty file that was to lose its name.
        left = [name for name in sorted(os.listdir(f"{self.directory}/state")) if not name.endswith(".tmp")]
        assert left == ["lock", "maillogsentinel.csv", "state.db"]
        return names == young


def attempt(job):
    directory, site, kind = job
    bed = Bed(f"{directory}/{os.getpid()}")
    try:
        bed.ready()
        done = crash.faulted(bed.directory, site, kind, *PRUNE)
        if kind == "KILL":
            assert done.returncode in crash.KILLED, f"not killed: {done.returncode}"
        elif done.returncode:
            crash.plain(done)
        else:
            assert not done.stderr, done.stderr
        gone = bed.check()
        assert gone or done.returncode, "it said that all was well, and nothing was pruned"
        retention.prune(bed.config, 30, wait=False)
        assert bed.check()
        # What was pruned is not read again, nor is anything recorded twice.
        shutil.copy(bed.live, f"{bed.directory}/old.log")
        extract(bed.config, f"{bed.directory}/old.log", offline=True, wait=False)
        assert bed.check()
    except Exception as error:
        return f"{kind} at {site}: {type(error).__name__}: {error}"
    return None


def test_whatever_system_call_of_a_prune_fails_or_is_the_last_nothing_is_lost_and_nothing_half_gone(tmp_path):
    bed = Bed(tmp_path / str(os.getpid()))
    bed.ready()
    sites = crash.sites(bed.directory, *PRUNE)
    assert bed.check()
    calls = {(site.call, site.file.rpartition("/")[2]) for site in sites}
    assert {
        ("fsync", "maillogsentinel.csv.pruned"),
        ("rename", "maillogsentinel.csv.pruned"),
        ("pwrite64", "state.db"),
    } <= calls
    # Of several calls in a row on the same file the first and the last stand for all.
    ends = [
        site
        for before, site, after in zip([None, *sites], sites, [*sites[1:], None], strict=False)
        if not (before and after and before[::2] == site[::2] == after[::2])
    ]
    jobs = [(str(tmp_path), site, kind) for site in ends for kind in KINDS]
    with multiprocessing.get_context("fork").Pool(max(2, os.cpu_count() or 1)) as pool:
        wrong = [result for result in pool.imap_unordered(attempt, jobs, chunksize=4) if result]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(jobs)}", *wrong[:10]])
