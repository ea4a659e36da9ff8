"""Memory does not grow with what an attacker sends: the peak of anonymous memory of the real program."""

import gzip
import os
import subprocess
import time
import zlib
from pathlib import Path

import crash
import pytest
import world
from journal_world import journal_bed

from maillogsentinel.store import csvfile

pytestmark = pytest.mark.slow

MOST = 60 << 10
"""KiB."""


@pytest.fixture
def bed(tmp_path):
    """A host whose logs are there, but read already."""
    made = crash.Bed(tmp_path / "world")
    made.first()
    crash.run(made.directory)
    return made


def anonymous(pid):
    """The RssAnon of a process in KiB; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def children(pid):
    """The program's second process, where it has one; what journalctl needs is not ours to bound."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            found = file.read().split()
        return [child for child in found if Path(f"/proc/{child}/comm").read_text().startswith("python")]
    except (FileNotFoundError, ProcessLookupError):
        return []


def peak(bed, *arguments):
    """Run the program with its own batches, and return the most RssAnon of its processes together, in KiB."""
    command = crash.command(bed.directory, *(arguments or ("extract", "--offline")))
    command[command.index(str(crash.BATCH))] = str(2 << 20)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    most = 0
    while process.poll() is None:
        most = max(most, anonymous(process.pid) + sum(anonymous(child) for child in children(process.pid)))
        time.sleep(0.002)
    output, errors = process.communicate()
    assert (process.returncode, output, errors) == (0, "", "")
    return most


def test_a_million_different_user_names_need_no_more_memory(bed):
    day = world.yesterday()
    with open(bed.live, "a", encoding="utf-8") as file:
        for start in range(0, 1_000_000, 10_000):
            file.write(
                "".join(
                    f"{day}T02:{number // 10_000 % 60:02d}:00.{number % 10**6:06d}+00:00 mx postfix/smtpd[1]: warning:"
                    f" unknown[198.51.{number % 65_536 // 256}.{number % 256}]: SASL LOGIN authentication failed:"
                    f" (reason unavailable), sasl_username=many{number:07d}\n"
                    for number in range(start, start + 10_000)
                )
            )
    assert peak(bed) < MOST
    with open(bed.config.csv_path, "rb") as file:
        assert sum(b",many" in line for line in file) == 1_000_000


def test_a_line_of_100_megabytes_needs_no_more_memory(bed):
    with open(bed.live, "ab") as file:
        for _ in range(100):
            file.write(b" authentication failed: x" * 42_000)
        file.write(b"\n")
    bed.append(bed.live, bed.lines(3))
    assert peak(bed) < MOST
    bed.right()


def test_nuls_where_a_crash_left_a_hole_need_no_more_memory(bed):
    size = os.path.getsize(bed.live)
    os.truncate(bed.live, size + (300 << 20))
    bed.append(bed.live, "\n" + bed.lines(3))
    assert peak(bed) < MOST
    bed.right()


@pytest.mark.parametrize("what", ["zeros", "one line"])
def test_a_gzip_bomb_needs_no_more_memory(bed, what):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = (
        bytes(1 << 20)
        if what == "zeros"
        else b"x" * 99 + b"\n" + b"the same line of a log, over and over again\n" * 23_000
    )
    with open(f"{bed.live}.3.gz", "wb") as file:
        for _ in range(1024):
            file.write(packer.compress(block))
        file.write(packer.flush())
    assert os.path.getsize(f"{bed.live}.3.gz") < 32 << 20
    assert peak(bed) < MOST
    bed.right()


def test_many_archives_need_no_more_memory(bed):
    for number in range(2, 902):
        with open(f"{bed.live}.{number}.gz", "wb") as file:
            file.write(gzip.compress(bed.lines(3).encode()))
    assert peak(bed) < MOST
    bed.right()


@pytest.mark.parametrize("order", ["by day", "mixed"])
def test_a_prune_of_300000_records_needs_no_more_memory(bed, order):
    os.unlink(bed.config.csv_path)
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400 * ago)) for ago in (99, 98, 97, 5, 4, 3)]
    with open(bed.config.csv_path, "wb") as file:
        file.write(csvfile.header(","))
        for start in range(0, 300_000, 10_000):
            file.write(
                "".join(
                    f"mx,{days[number % 6 if order == 'mixed' else number // 50_000]} 11:13,192.0.2.7,"
                    f"many{number:07d},null,Skipped,null,null,null\n"
                    for number in range(start, start + 10_000)
                ).encode()
            )
    done = crash.run(bed.directory)
    assert "(300000 records)" in done.stderr
    before = peak(bed)
    assert peak(bed, "prune", "--older-than", "30") < max(before + (16 << 10), 24 << 10)
    with open(bed.config.csv_path, "rb") as file:
        assert sum(b",many" in line for line in file) == 150_000
    assert peak(bed, "prune", "--older-than", "5") < max(before + (16 << 10), 24 << 10)


@pytest.mark.skipif(journal_bed.MISSING, reason=journal_bed.WHY_MISSING)
def test_a_journal_of_many_and_of_huge_entries_needs_no_more_memory(tmp_path):
    bed = crash.Bed(tmp_path / "world")
    journal = f"{bed.directory}/journal"
    huge = journal_bed.smtpd("x" * 30_000_000)
    failures = [journal_bed.failure(number) for number in range(40_000)]
    journal_bed.write(f"{journal}/system.journal", [huge, *failures, huge], step=1000)
    bed.config = world.settings(bed.directory, paths={"mail_log": f"journal:{journal}"})
    assert peak(bed) < MOST
    with open(bed.config.csv_path, "rb") as file:
        assert sum(b",u0" in line for line in file) >= 40_000
