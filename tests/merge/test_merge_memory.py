"""Memory does not grow with what is merged: the peak of the real program, whatever order and crowd its inputs have."""

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


@pytest.mark.parametrize(
    ("users", "minute"), [(10**6, ""), (10**6, "11:13"), (1, "11:13")], ids=["out of order", "a flood", "one user"]
)
def test_a_merge_takes_no_more_than_it_may(tmp_path, users, minute):
    for name in ("a.csv", "b.csv", "c.csv"):
        write(tmp_path / name, 150_000, users, minute)
    command = [sys.executable, "-c", PROGRAM, "merge", "-o", "all.csv", "a.csv", "b.csv", "c.csv"]
    top = os.path.dirname(os.path.dirname(os.path.dirname(csvfile.__file__)))
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": top}, stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert int(done.stdout) < MOST
