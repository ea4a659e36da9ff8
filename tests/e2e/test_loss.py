"""A real Postfix and a real rsyslog: a log that is whole has no loss, and one with holes has just those."""

import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from bed import MARKS, Bed

pytestmark = MARKS

# What Postfix refuses without a failed login, or with the reason in another line.
REFUSED = [
    [["say", "AUTH LOGIN"], ["say", "*"]],
    [["say", "AUTH LOGIN"], ["hang up"]],
    [["plain", "alice", "right"], ["plain", "alice", "right"]],
    [["plain", "alice", "wrong"], ["plain", "alice", "right"]],
    [["plain", "alice", "wrong"], ["plain", "bob", "wrong"], ["say", "AUTH PLAIN"], ["say", "*"]],
]


def sessions(count, chance):
    """SMTP sessions on the port of Cyrus SASL, some of them with a refusal that is no failed login."""
    for number in range(count):
        acts = [["plain", f"user{number}", "wrong"]] * chance.randint(1, 3)
        if chance.random() < 0.3:
            acts = chance.choice(REFUSED)
        yield {"source": f"203.0.113.{number % 250 + 1}", "port": 2587, "acts": acts}


def report(directory: Path, log: Path) -> dict:
    """What the program says of today, having read this log with a new state."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    config = directory / "my.conf"
    config.write_text(
        f"[paths]\nworking_dir = {directory}\nstate_dir = {directory}\nmail_log = {log}\n"
        f"[general]\nlog_file = {directory}/own.log\n[alerts]\nenabled = no\n"
    )
    for command in (["extract", "--offline"], ["report", "--stdout", "--format", "json", "--since", "2020-01-01"]):
        done = subprocess.run(
            [sys.executable, "-m", "maillogsentinel", "--config", str(config), *command],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_just_the_lines_that_were_taken_out_are_missing(tmp_path):
    chance = random.Random(1)
    with Bed() as bed:
        bed.talk(sessions(150, chance))
        deadline = time.monotonic() + 20
        while b"203.0.113.150" not in (text := bed.log.read_bytes()) or text.count(b": disconnect from") < 150:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        lines = bed.log.read_bytes().splitlines(keepends=True)
    whole = tmp_path / "whole.log"
    whole.write_bytes(b"".join(lines))
    found = report(tmp_path / "whole", whole)
    assert found["total"] > 150
    assert found["losses"] == []
    # Where a session has a refusal of another kind, or its process had no failure before, nobody can know.
    failures = [place for place, line in enumerate(lines) if b"authentication failed" in line and b"=user" in line]
    gone = set(chance.sample(failures[10:], 40))
    torn = tmp_path / "torn.log"
    torn.write_bytes(b"".join(line for place, line in enumerate(lines) if place not in gone))
    after = report(tmp_path / "torn", torn)
    assert after["total"] == found["total"] - 40
    assert [(loss["kind"], loss["missing"]) for loss in after["losses"]] == [("session", 40)]


def test_rsyslog_tells_what_it_drops_and_the_report_says_so(tmp_path):
    path, log = tmp_path / "socket", tmp_path / "mail.log"
    (tmp_path / "conf").write_text(
        f'module(load="imuxsock" SysSock.Use="off")\n'
        f'global(workDirectory="{tmp_path}" processInternalMessages="on")\n'
        f'input(type="imuxsock" Socket="{path}" RateLimit.Interval="2" RateLimit.Burst="5" RateLimit.Severity="0")\n'
        f"$FileCreateMode 0644\n*.* {log}\n"
    )
    command = ["rsyslogd", "-n", "-f", str(tmp_path / "conf"), "-i", str(tmp_path / "pid")]
    daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline and daemon.poll() is None
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(path))
            fail = b"<20>May 17 11:13:00 postfix/smtpd[9]: warning: a[192.0.2.7]: SASL LOGIN authentication failed: x"
            for _ in range(20):
                sender.send(fail)
            time.sleep(3.5)  # more than the interval in whole seconds
            sender.send(fail)
        while b"messages lost" not in (log.read_bytes() if log.exists() else b""):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(10)
    found = report(tmp_path / "state", log)
    assert found["total"] == 6
    assert found["losses"] == [{"kind": "rsyslog", "times": 1, "missing": 15}]
    assert found["coverage"] == "part"
