"""Memory does not grow with what is collected and merged: the peak of the real program, whatever its inputs hold."""

import gzip
import itertools
import os
import random
import subprocess
import sys

import pytest

from maillogsentinel.store import csvfile

pytestmark = pytest.mark.slow

MOST = 60 << 10
"""KiB, libraries included."""

# What wait4 tells is at least what this process had when it was copied; the kernel's own count begins with the program.
PROGRAM = """
import re, sys
from maillogsentinel.cli import main
status = main()
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
sys.exit(status)
"""


def write(path, rows, users, minute):
    chance = random.Random(path.name)
    with open(path, "w") as file:
        file.write(csvfile.header(",").decode())
        for _ in range(rows):
            time = minute or f"{chance.randrange(24):02}:{chance.randrange(60):02}"
            user = f"user{chance.randrange(users)}@example.org"
            file.write(f"mx,2025-05-17 {time},192.0.2.7,{user},null,Errno 1,DE,64496,Example\n")


def peak(directory, *arguments):
    """Return the memory that the program took at most, in KiB."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    top = os.path.dirname(os.path.dirname(os.path.dirname(csvfile.__file__)))
    done = subprocess.run(command, cwd=directory, env={**os.environ, "PYTHONPATH": top}, stdout=subprocess.PIPE)
    assert done.returncode == 0
    return int(done.stdout)


@pytest.mark.parametrize(
    ("users", "minute"), [(10**6, ""), (10**6, "11:13"), (1, "11:13")], ids=["out of order", "a flood", "one user"]
)
def test_a_merge_takes_no_more_than_it_may(tmp_path, users, minute):
    for name in ("a.csv", "b.csv", "c.csv"):
        write(tmp_path / name, 150_000, users, minute)
    assert peak(tmp_path, "merge", "-o", "all.csv", "a.csv", "b.csv", "c.csv") < MOST


@pytest.mark.parametrize("what", ["a flood of users", "a flood of one user", "servers", "files"])
def test_nor_with_the_longest_rows_that_a_hostile_host_can_write(tmp_path, what):
    """Compressed they are next to nothing."""
    long = "x" * 60_000
    for file in range(1000 if what == "files" else 2):
        with gzip.open(tmp_path / f"{file}.csv.gz", "wb", compresslevel=1) as packed:
            packed.write(csvfile.header(","))
            for number in range(2 if what == "files" else 1000):
                server = f"{number}{long}" if what == "servers" else "mx"
                user = {"a flood of users": f"{number}{long}", "servers": "bob"}.get(what, long)
                minute = 13 if "flood" in what else number % 60
                row = f"{server},2025-05-17 11:{minute:02},192.0.2.7,{user},h{number},OK,DE,64496,Example\n"
                packed.write(row.encode())
    assert peak(tmp_path, "merge", "-o", "all.csv.gz", *sorted(path.name for path in tmp_path.iterdir())) < MOST


def test_nor_with_the_length_of_a_slice_that_is_appended(tmp_path):
    host = tmp_path / "collection/mx"
    host.mkdir(parents=True)
    line = b"mx,2025-05-17 11:13,192.0.2.7,bob,null,Errno 1,DE,64496,Example\n"
    tokens = ["start", *(f"1-{number}-0123456789abcdef" for number in (1, 2))]
    for since, token in itertools.pairwise(tokens):
        with gzip.open(host / f"{since}_{token}.slice", "wb", compresslevel=0) as packed:
            if since == "start":
                packed.write(csvfile.header(","))
            for _ in range(100):
                packed.write(line * 15_000)
        assert peak(tmp_path, "append", "collection") < MOST
    (copy,) = host.glob("*.csv.gz")
    assert copy.stat().st_size > 2 * 100 * 15_000 * len(line)
