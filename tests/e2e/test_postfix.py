"""A real Postfix is logged in to with wrong passwords; the CSV must hold exactly that, whatever happens to the log."""

import csv
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bed import HERE, MARKS, Bed

pytestmark = MARKS
Attempts = Counter[tuple[str, str]]

NAMED = "198.51.100.17 vps17.hosting.example.com"
CLIENTS = ["192.0.2.7", "198.51.100.17", "203.0.113.250", "2001:db8::1", "2001:db8:ffff:1::abcd"]
PORTS = [(25, False), (587, False), (465, True), (2587, False)]

# Sent as the user name, and what the record says: Postfix writes ? for what it cannot print, and cuts at 100 bytes.
USERS = {
    "alice@example.org": "alice@example.org",
    "info": "info",
    "": "",
    " padded ": " padded ",
    "null": "null",
    "(unavailable)x": "(unavailable)x",
    "x, sasl_username=root": "x, sasl_username=root",
    "]: SASL PLAIN authentication failed: y": "]: SASL PLAIN authentication failed: y",
    '=cmd|"/c calc"!A1': '=cmd|"/c calc"!A1',
    "@'-+": "@'-+",
    'quote"comma,semicolon;': 'quote"comma,semicolon;',
    "back\\slash": "back\\slash",
    "\\x41": "\\x41",
    "été😀": "été😀",
    "\u202eright to left": "\u202eright to left",
    "\x1b[31mred": "?[31mred",
    "not\udcffutf8": "not?utf8",
    "b" * 100: "b" * 100,
    "c" * 300: "c" * 100,
}
# Cyrus takes the blanks off and adds its realm in some cases; what it does to names is not the subject here.
CYRUS_USERS = ["info", "x, sasl_username=root", '=cmd|"/c calc"!A1', "back\\slash"]


class Reader:
    """The program, as cron would run it on the bed's log, with everything that it writes in a directory of its own."""

    def __init__(self, directory: Path, log: Path) -> None:
        self.config = directory / "my.conf"
        self.csv = directory / "maillogsentinel.csv"
        self.config.write_text(
            f"[paths]\nworking_dir = {directory}\nstate_dir = {directory}\nmail_log = {log}\n"
            f"[general]\nlog_file = {directory}/own.log\nlog_level = DEBUG\n[alerts]\nenabled = no\n"
        )

    def extract(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "maillogsentinel", "--config", str(self.config), "extract", "--offline"],
            cwd=HERE.parents[1],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr

    def records(self) -> list[dict[str, str]]:
        with open(self.csv, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def attempts(self) -> Attempts:
        return Counter((row["ip"], plain(row["user"])) for row in self.records())


def plain(value: str) -> str:
    """Take the two layers off that make a value safe: the spreadsheet's apostrophe, then the escapes."""
    value = value.removeprefix("'")
    found = r"\\\\|\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})"
    return re.sub(found, lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else "\\", value)


@pytest.fixture(params=["rsyslog", "postlogd"])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    with Bed([NAMED], postlogd=request.param == "postlogd") as bed:
        yield bed


@pytest.fixture
def reader(bed: Bed, tmp_path: Path) -> Reader:
    return Reader(tmp_path, bed.log)


def wait_for(bed: Bed, text: str, seconds: float = 20) -> None:
    """Wait until the log has `text`, which was logged last; what was logged before it is in the file then."""
    deadline = time.monotonic() + seconds
    while text.encode() not in (bed.log.read_bytes() if bed.log.exists() else b""):
        assert time.monotonic() < deadline, f"{text} never reached the log"
        time.sleep(0.05)


def last_word(bed: Bed) -> tuple[str, str]:
    """One more failure, and wait for its line: everything said before it is in the log then."""
    user = f"last-word-{time.monotonic_ns()}"
    bed.talk([{"source": "192.0.2.99", "port": 2587, "acts": [["plain", user, "wrong"]]}])
    wait_for(bed, user)
    return "192.0.2.99", user


def test_the_csv_holds_what_was_sent(bed: Bed, reader: Reader) -> None:
    sent: Attempts = Counter()
    sessions: list[dict[str, Any]] = []
    for number, (user, recorded) in enumerate(USERS.items()):
        source, (port, tls) = CLIENTS[number % len(CLIENTS)], PORTS[number % 3]
        acts = [["plain" if number % 2 else "login", user, "wrong"]] * (1 + number % 2)
        sessions.append({"source": source, "port": port, "tls": tls, "acts": acts})
        sent[source, recorded] += len(acts)
    for source in CLIENTS:
        for user in CYRUS_USERS:
            sessions.append({"source": source, "port": 2587, "acts": [["plain", user, "wrong"]]})
            sent[source, user] += 1
        # What is no failure: a success, mail under a known name, a look around, an exchange that the client breaks off.
        sessions += [
            {
                "source": source,
                "port": 587,
                "acts": [["plain", "bob@example.org", "right"], ["mail", "bob@example.org", "x@example.net"]],
            },
            {"source": source, "port": 25, "acts": [["mail", "x@example.net", "alice@example.org"]]},
            {"source": source, "port": 25, "helo": "[192.0.2.1]: SASL LOGIN authentication failed: z", "acts": []},
            {"source": source, "port": 587, "acts": [["say", "AUTH LOGIN"], ["say", "*"]]},
        ]
    bed.talk(sessions)
    sent[last_word(bed)] += 1
    reader.extract()
    assert reader.attempts() == sent
    named = {row["hostname"] for row in reader.records() if row["ip"] == "198.51.100.17"}
    assert named == {"vps17.hosting.example.com"}
    before = reader.csv.read_bytes()
    reader.extract()
    assert reader.csv.read_bytes() == before, "a run with nothing new added something"


class Load(threading.Thread):
    """Wrong passwords as fast as Postfix takes them, each under a name of its own, until told to end."""

    def __init__(self, bed: Bed) -> None:
        super().__init__()
        self.ended = threading.Event()
        self.unexpected = ""
        self.sent: list[tuple[str, str]] = []
        self.client = subprocess.Popen(
            bed.command(sys.executable, str(HERE / "smtp_client.py")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> None:
        while not self.ended.is_set():
            attempt = (f"203.0.113.{len(self.sent) % 250 + 1}", f"load-{len(self.sent)}")
            session = {"source": attempt[0], "port": 2587, "acts": [["plain", attempt[1], "wrong"]]}
            self.client.stdin.write(json.dumps(session) + "\n")
            self.client.stdin.flush()
            answers = self.client.stdout.readline()
            if "535" not in answers:
                self.unexpected = answers or "the client ended"
                break
            self.sent.append(attempt)
        self.client.stdin.close()
        self.client.wait()

    def __enter__(self) -> "Load":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()
        assert not self.unexpected


def standing(log: Path) -> Attempts:
    """What the log and its rotated siblings hold now, told by grep."""
    found: Attempts = Counter()
    for path in log.parent.iterdir():
        text = subprocess.run(["zgrep", "-a", "sasl_username=", str(path)], stdout=subprocess.PIPE, text=True).stdout
        found.update(re.findall(r"\[([0-9.]+)\]: SASL PLAIN authentication failed: .*, sasl_username=(.*)", text))
    return found


def rotate(bed: Bed, how: str) -> None:
    """Rotate the bed's log: by Postfix itself, or by logrotate in the way that `how` says."""
    if how == "postfix logrotate":
        bed.run("postfix", "logrotate")  # renames to mail.log.DATE-TIME, reloads and compresses
        return
    file = bed.directory / "logrotate.conf"
    file.write_text(
        f"{bed.log} {{\n rotate 50\n {how}\n compress\n delaycompress\n"
        f" postrotate\n  kill -HUP $(cat {bed.directory}/rsyslogd.pid)\n endscript\n}}\n"
    )
    bed.run("logrotate", "--force", "--state", str(bed.directory / "logrotate.state"), str(file))


@pytest.mark.parametrize(
    ("bed", "how"),
    [("rsyslog", "create"), ("rsyslog", "copytruncate"), ("postlogd", "postfix logrotate")],
    indirect=["bed"],
)
def test_rotation_under_load_neither_loses_nor_doubles(bed: Bed, reader: Reader, how: str) -> None:
    with Load(bed) as load:
        for turn in range(6):
            time.sleep(0.5)
            if turn % 3:  # so that some files are rotated twice between two runs
                reader.extract()
            rotate(bed, how)
    sent = Counter([*load.sent, last_word(bed)])
    reader.extract()
    recorded = reader.attempts()
    assert len(load.sent) > 100
    assert any(path.suffix == ".gz" for path in bed.log.parent.iterdir())
    assert not recorded - sent, "recorded twice, or never sent"
    assert not standing(bed.log) - recorded, "stands in the log and has no record"
    if how != "copytruncate":  # it cuts off what is written between its copy and its cut; no reader can see that
        assert recorded == sent
