"""A second process that reads ahead changes nothing but the time a run takes, whatever becomes of it."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources import scout
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.finder import Finder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLOCK = Clock(1_747_483_200_000_000)

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is only one processor")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Blocks so small that a short log has many, and no log too short for a second process."""
    monkeypatch.setattr(scout, "WORTHWHILE", 0)
    monkeypatch.setattr(scout, "BLOCK", 3000)


def said(message, program="postfix/smtpd[321]"):
    return f"2025-05-17T11:13:30.000001+00:00 mx {program}: {message}\n".encode()


LINES = (
    said("connect from unknown[192.0.2.7]"),
    said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=j\u00fcrgen"),
    said("warning: mail.example.org[2001:db8::7]: SASL PLAIN authentication failed: (reason unavailable)"),
    said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: generic failure"),
    said("warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted"),
    b"2025-05-17T11:13:31.000001+00:00 mx last message repeated 3 times\n",
    said("message repeated 2 times: [ warning: unknown[192.0.2.8]: SASL LOGIN authentication failed: x]"),
    said("message repeated 99999 times: [ warning: unknown[192.0.2.8]: SASL LOGIN authentication failed: x]"),
    said("disconnect from unknown[192.0.2.7] ehlo=1 auth=0/1 quit=1 commands=1/2"),
    said("1234: client=unknown[192.0.2.9], sasl_method=PLAIN, sasl_username=bob"),
    said("auth: passwd-file(bob,192.0.2.9): unknown user", program="dovecot"),
    said("warning: SASL: Connect to private/auth failed: Connection refused"),
    b"\n",
    b"\xff\x00th=th:thauth=\n",
)


def log(seed, lines=600):
    rng = random.Random(seed)
    return b"".join(rng.choice(LINES) for _ in range(lines))


def blocks(data, offset=0):
    """The blocks that a reader makes of the file, each with where it begins."""
    while True:
        part = data[offset : offset + scout.BLOCK]
        end = part.rfind(b"\n") + 1
        if not end:
            return
        yield offset, Block(part, end)
        offset += end


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "mail.log", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def started(descriptor, data, offset=0, finder=None):
    os.pwrite(descriptor, data, 0)
    ahead = scout.start(descriptor, offset, len(data), CLOCK, finder or Finder(None))
    assert ahead
    return ahead


@pytest.mark.parametrize("seed", range(6))
def test_it_finds_what_the_reader_would_have_found(seed, file):
    data, own = log(seed), Finder(None)
    parts = list(blocks(data))
    first = parts[: seed * 3]
    for _, block in first:
        own.find(block, CLOCK)
    ahead = started(file, data, sum(block.end for _, block in first), own)
    for _, block in parts[len(first) :]:
        assert ahead.found(block.end) == own.find(block, CLOCK)
    assert ahead.found(1) is None
    ahead.close()


def test_a_failure_before_the_first_block_is_known_to_it(file):
    own = Finder(None)
    before = LINES[1]
    own.find(Block(before, len(before)), CLOCK)
    ahead = started(file, before + LINES[5], len(before), own)
    found = ahead.found(len(LINES[5]))
    assert [failure.repeat for failure in found.failures] == [3]
    ahead.close()


def test_what_was_said_before_the_first_block_is_known_to_it(file):
    own = Finder(None)
    own.find(Block(LINES[11], len(LINES[11])), CLOCK)
    ahead = started(file, LINES[11] + LINES[2], len(LINES[11]), own)
    found = ahead.found(len(LINES[2]))
    assert (found.failures, len(found.troubles)) == ([], 1)
    ahead.close()


def test_it_ends_where_a_block_is_another_one_than_the_readers(file):
    data = log(7)
    ahead = started(file, data)
    parts = [block.end for _, block in blocks(data)]
    assert ahead.found(parts[0])
    assert ahead.found(parts[1] - 1) is None
    assert ahead.found(parts[1]) is None


def test_it_ends_at_a_line_that_is_longer_than_a_block(file):
    data = log(8, 30) + b"x" * 10_000 + b"\n" + log(9, 30)
    parts = list(blocks(data))
    ahead = started(file, data)
    for _, block in parts:
        assert ahead.found(block.end)
    assert ahead.found(scout.BLOCK) is None


def test_when_it_is_killed_the_reader_goes_on_alone(file):
    ahead = started(file, log(10, 100_000))
    os.kill(ahead._pid, signal.SIGKILL)
    sizes = [block.end for _, block in blocks(log(10, 100_000))]
    answers = [ahead.found(size) for size in sizes]
    assert answers[-1] is None


def test_none_is_left_behind(file):
    ahead = started(file, log(11, 100_000))
    ahead.close()
    ahead.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(ahead._pid, 0)


def test_it_goes_when_the_reader_is_killed(tmp_path):
    (tmp_path / "mail.log").write_bytes(log(12, 200_000))
    code = (
        "import os, sys, time\n"
        "from maillogsentinel.parse.stamp import Clock\n"
        "from maillogsentinel.sources import scout\n"
        "from maillogsentinel.sources.finder import Finder\n"
        "scout.WORTHWHILE, scout.BLOCK = 0, 3000\n"
        "ahead = scout.start(os.open(sys.argv[1], 0), 0, 1 << 40, Clock(0), Finder(None))\n"
        "print(ahead._pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "mail.log")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pid = int(reader.stdout.readline())
    reader.kill()
    reader.communicate()
    for _ in range(500):
        if not os.path.exists(f"/proc/{pid}") or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("it is still there ten seconds later")


def test_of_another_version_nothing_is_taken(file, monkeypatch):
    data = log(13)
    monkeypatch.setattr(scout, "__version__", "0.0")
    assert started(file, data).found(next(blocks(data))[1].end) is None


def test_small_files_and_single_processors_have_none(file, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert scout.start(file, 0, 1 << 30, CLOCK, Finder(None)) is None
    monkeypatch.undo()
    assert scout.start(file, 0, scout.WORTHWHILE - 1, CLOCK, Finder(None)) is None


def test_where_no_process_can_be_started_there_is_none(file, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python3")
    assert scout.start(file, 0, 1 << 30, CLOCK, Finder(None)) is None


def test_the_records_are_the_same_with_and_without_it(installation):
    quiet = b"".join(said(f"connect from unknown[192.0.2.{number % 250}]") for number in range(15_000))
    with open(installation.log, "wb") as file:
        for seed in range(70):
            file.write(quiet + log(seed, 200))
    command = [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config), "extract", "--offline"]
    outcomes = []
    for processors in (os.sched_getaffinity(0), {min(os.sched_getaffinity(0))}):
        run = subprocess.Popen(command, cwd=ROOT, preexec_fn=lambda only=processors: os.sched_setaffinity(0, only))
        helped = False
        while run.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                helped = bool(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()) or helped
            time.sleep(0.002)
        assert run.returncode == 0
        outcomes.append((helped, installation.csv.read_bytes()))
        shutil.rmtree(installation.state)
    assert [helped for helped, _ in outcomes] == [True, False]
    assert outcomes[0][1] == outcomes[1][1]
    assert outcomes[0][1].count(b"\n") > 1000
