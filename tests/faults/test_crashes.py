"""The real program, killed or hindered at its system calls: the next run makes everything right."""

import multiprocessing
import os
import shutil
import sqlite3
import subprocess

import crash
import pytest
import world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace"),
]


def all_right(jobs, attempt=crash.attempt):
    """Do `jobs` in as many processes as there are CPUs, and assert that nothing went wrong."""
    with multiprocessing.get_context("fork").Pool(max(2, os.cpu_count() or 1)) as pool:
        wrong = [result for result in pool.imap_unordered(attempt, jobs, chunksize=4) if result]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(jobs)}", *wrong[:10]])


@pytest.mark.parametrize("situation", ["first", "later", "pending"])
def test_whatever_system_call_fails_or_is_the_last_the_next_run_makes_it_right(situation, tmp_path):
    jobs = crash.jobs(tmp_path, situation)
    calls = {(site.call, site.file.rpartition("/")[2], kind) for _, _, site, kind in jobs}
    assert {("fdatasync", "maillogsentinel.csv", "KILL"), ("pwrite64", "maillogsentinel.csv", "ENOSPC")} <= calls
    assert {("unlink", "state.db-journal", "KILL"), ("pwrite64", "state.db", "EIO")} <= calls
    # Which error it was makes a difference to few; the first run of a host takes longest.
    all_right([job for job in jobs if situation != "first" or job[3] in ("KILL", "ENOSPC")])


@pytest.mark.parametrize("situation", ["later", "pending"])
def test_writes_that_fall_short_are_completed_by_the_next_run(situation, tmp_path):
    bed = crash.Bed(tmp_path / "world")
    getattr(bed, situation)()
    short = 0
    size = os.path.getsize(bed.config.csv_path)
    # No file may grow beyond the limit: a write across it is cut short, the one after it fails.
    for limit in (size, size + 1, size + 100, size + 500, size + 999, 1000, 30_000, 100_000):
        getattr(bed, situation)()
        done = crash.run(bed.directory, before=["prlimit", f"--fsize={limit}"])
        if done.returncode:
            crash.plain(done)
            short += 1
        bed.right()
    assert short > 4


# -- reset


def reset_job(job):
    directory, _, site, kind = job
    bed = crash.Bed(f"{directory}/{os.getpid()}")
    try:
        done_bed(bed)
        done = crash.faulted(bed.directory, site, kind, "reset")
        if done.returncode not in (0, *crash.KILLED):
            crash.plain(done)
        bed.right()
        archived = archives(bed.directory)
        assert len(archived) <= 1, archived
        for path in archived:
            assert world.users(f"{path}/maillogsentinel.csv") == bed.expected()
            assert os.path.exists(f"{path}/state.db")
    except Exception as error:
        return f"{kind} at {site}: {type(error).__name__}: {error}"
    return None


def done_bed(bed):
    bed.first()
    bed.right()


def archives(directory):
    """The archives of the world in `directory` that hold anything."""
    parent = f"{directory}/state/archive"
    names = os.listdir(parent) if os.path.exists(parent) else []
    return [f"{parent}/{name}" for name in names if os.listdir(f"{parent}/{name}")]


def test_a_reset_that_is_interrupted_happens_wholly_or_not_at_all(tmp_path):
    bed = crash.Bed(tmp_path / str(os.getpid()))
    done_bed(bed)
    found = crash.sites(bed.directory, "reset")
    assert {site.call for site in found} >= {"rename", "unlink", "fsync"}
    assert len(archives(bed.directory)) == 1
    kinds = ("KILL", "EIO", "ENOSPC")
    all_right([(str(tmp_path), "", site, kind) for site in found for kind in kinds], reset_job)


# -- report --due


def due_bed(bed):
    """A world with a day that is over, and a sendmail that keeps what it is handed."""
    bed.first()
    script = f"{bed.directory}/sendmail"
    mails = f"{bed.directory}.mails"
    shutil.rmtree(mails, ignore_errors=True)
    os.mkdir(mails)
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ncat > {mails}/$$ && mv {mails}/$$ {mails}/$$.mail\n")
    os.chmod(script, 0o755)
    bed.config = world.settings(bed.directory, report={"sendmail_path": script}, reverse_dns={"enabled": "no"})
    return mails


def handed_over(mails):
    return len([name for name in os.listdir(mails) if name.endswith(".mail")])


def due_job(job):
    directory, _, site, kind = job
    bed = crash.Bed(f"{directory}/{os.getpid()}")
    try:
        mails = due_bed(bed)
        done = crash.faulted(bed.directory, site, kind, "report", "--due")
        assert "Traceback" not in done.stderr
        assert "Internal error" not in done.stderr
        database = f"{bed.directory}/state/state.db"
        if not handed_over(mails) and os.path.exists(database):
            with sqlite3.connect(database) as connection:
                tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
                assert "mailed" not in tables or not connection.execute("SELECT * FROM mailed").fetchall(), "marked"
        again = crash.run(bed.directory, "report", "--due")
        assert again.returncode == 0, again.stderr
        count = handed_over(mails)
        assert count in (1, 2), f"{count} mails"
        if kind != "KILL" and done.returncode == 0:
            assert count == 1, "mailed twice, though the first run said that all was well"
        assert crash.run(bed.directory, "report", "--due").returncode == 0
        assert handed_over(mails) == count, "a day was mailed again after it was marked"
        bed.right()
    except Exception as error:
        return f"{kind} at {site}: {type(error).__name__}: {error}"
    return None


def test_a_day_is_mailed_at_least_once_and_marked_only_after_it_was_handed_over(tmp_path):
    bed = crash.Bed(tmp_path / str(os.getpid()))
    mails = due_bed(bed)
    crash.run(bed.directory, "extract", "--offline")
    found = crash.sites(bed.directory, "report", "--due")
    assert handed_over(mails) == 1
    found = [site for site in found if "mail" not in site.file.rpartition("/")[2]]
    last = [site for site in found if site.file.startswith("state/state.db")][-14:]
    all_right([(str(tmp_path), "", site, kind) for site in last for kind in ("KILL", "EIO", "ENOSPC")], due_job)


# -- a test of the tests

MUTANTS = {
    "position saved before the append, append without announcement": """
def commit(self, rows, days, count, also):
    with self._database.transaction():
        also()
    if count:
        self._append(rows, json.dumps(days), count)
""",
    "append before the position is saved": """
def commit(self, rows, days, count, also):
    if count:
        self._append(rows, json.dumps(days), count)
    with self._database.transaction():
        also()
""",
    "the announcement is taken back before the append is synced": """
def commit(self, rows, days, count, also):
    with self._database.transaction():
        also()
        self._database.put("csv_length", self.length)
    descriptor = os.open(self.path, os.O_RDWR)
    csvfile.write_all(descriptor, rows, self.length)
    os.fdatasync(descriptor)
    os.close(descriptor)
    self._confirm(rows, json.dumps(days), count)
""",
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_protocol_that_is_wrong_is_noticed(mutant, tmp_path, monkeypatch):
    with open(crash.PROGRAM, encoding="utf-8") as file:
        head, tail = file.read().split("reading.BATCH_BYTES")
    program = tmp_path / "mutant.py"
    patch = f"import json, os\nfrom maillogsentinel.store import csvfile, ledger\n{MUTANTS[mutant]}\n"
    program.write_text(f"{head}{patch}ledger.Ledger.commit = commit\nreading.BATCH_BYTES{tail}", encoding="utf-8")
    monkeypatch.setattr(crash, "PROGRAM", str(program))
    around = [
        job for job in crash.jobs(tmp_path, "later") if job[3] == "KILL" and job[2].call in ("pwrite64", "unlink")
    ]
    assert any("lost" in wrong or "Error" in wrong for wrong in map(crash.attempt, around) if wrong)


def test_what_is_killed_is_this_program(tmp_path):
    bed = crash.Bed(tmp_path / "world")
    bed.first()
    done = crash.run(bed.directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    bed.right()
    assert subprocess.run([*crash.command(bed.directory, "--version")], capture_output=True, check=False).stdout
