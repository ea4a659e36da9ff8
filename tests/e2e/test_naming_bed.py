"""A real Postfix asks a real Dovecot; the users of its failures are cut out of the log, as an old Postfix writes it."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bed import MARKS, Bed
from test_postfix import Reader, plain, wait_for

pytestmark = MARKS

PASSWORD = "s3cret (given): x"
MORE = "auth_verbose = yes\nauth_verbose_passwords = plain"
PASSDB = "passdb {\n  driver = passwd-file"
# An external program that says, as with a database that is away, that it could not check.
AWAY = "passdb {{\n  driver = checkpassword\n  args = {0}/away\n}}\n"


class DovecotBed:
    """A mail server whose Dovecot also logs the passwords, and what was sent to it."""

    def __init__(self, bed: Bed, directory: Path) -> None:
        self.bed = bed
        self.directory = directory
        self.sent: list[tuple[str, str]] = []

    def configure(self, change: Callable[[str], str]) -> None:
        """Start Dovecot anew with a changed configuration."""
        directory = self.bed.directory
        (directory / "away").write_text("#!/bin/sh\nexit 111\n")
        (directory / "away").chmod(0o755)
        path = directory / "dovecot" / "dovecot.conf"
        path.write_text(change(path.read_text()).replace("auth_verbose = yes", MORE))
        pid = directory / "dovecot/run/master.pid"
        self.bed.run("sh", "-c", f"kill $(cat {pid}); while [ -e {pid} ]; do sleep 0.1; done")
        self.bed.run("sh", "-c", f"dovecot -c {path} </dev/null >{directory}/dovecot.out 2>&1")
        self.bed.run("sh", "-c", f"postfix reload </dev/null >{directory}/reload.out 2>&1")
        time.sleep(1.5)  # smtpd processes that lost Dovecot end, and the master waits a second with new ones

    def attack(self, sessions: list[tuple[str, list[str]]]) -> None:
        """Try these users, one session after another."""
        acts: list[dict[str, Any]] = []
        for source, users in sessions:
            acts.append({"source": source, "port": 587, "acts": [["login", user, PASSWORD] for user in users]})
            self.sent += [(source, user) for user in users]
        self.bed.talk(acts)

    def recorded(self, change: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        """Address and user of each record, once the log has everything; `change` is made to the log before."""
        deadline = time.monotonic() + 20
        while self.bed.log.read_bytes().count(b"authentication failed:") < len(self.sent):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        log = self.directory / "mail.log"
        log.write_bytes(change(self.bed.log.read_bytes()))
        assert PASSWORD.encode() in log.read_bytes()
        reader = Reader(self.directory, log)
        reader.extract()
        for path in self.directory.iterdir():
            assert path == log or PASSWORD.encode() not in path.read_bytes()
        return [(row["ip"], plain(row["user"])) for row in reader.records()]


@pytest.fixture
def dovecot(tmp_path: Path) -> Iterator[DovecotBed]:
    if not subprocess.run(["dovecot", "--version"], stdout=subprocess.PIPE, text=True).stdout.startswith("2.3"):
        pytest.skip("configures Dovecot 2.3")
    with Bed() as bed:
        yield DovecotBed(bed, tmp_path)


def without_users(log: bytes) -> bytes:
    """The log as Postfix before 3.7.8 writes it."""
    found = re.sub(rb"(authentication failed: )\(reason unavailable\), sasl_username=.*", rb"\1UGFzc3dvcmQ6", log)
    assert b"sasl_username" not in found
    return found


def two(text: str) -> str:
    """Two databases: only the second one's word counts."""
    block = text[text.index(PASSDB) :].partition("}\n")[0] + "}\n"
    return text.replace(block, block + block)


def shadow(text: str) -> str:
    """One that a worker asks, and then one that the master asks."""
    return text.replace(PASSDB, "passdb {\n  driver = shadow\n}\n" + PASSDB)


@pytest.mark.parametrize("change", [str, two, shadow])
def test_dovecot_names_whom_postfix_does_not(dovecot: DovecotBed, change: Callable[[str], str]) -> None:
    dovecot.configure(change)
    users = ["alice@example.org", "nobody", "info@example.org", "x" * 40, "root", "alice@example.org"]
    dovecot.attack([(f"192.0.2.{number}", users[number:]) for number in range(1, 5)] + [("2001:db8::1", users)])
    # Names that Dovecot refuses to look up are told in another way.
    dovecot.attack([("203.0.113.5", ["with, comma)", "été"])])
    assert dovecot.recorded(without_users) == dovecot.sent


def test_what_dovecot_could_not_check_is_no_attack(dovecot: DovecotBed) -> None:
    dovecot.configure(str)
    dovecot.attack([("192.0.2.1", ["alice@example.org", "nobody"])])
    attacked = list(dovecot.sent)
    wait_for(dovecot.bed, "sasl_username=nobody")
    dovecot.configure(lambda text: AWAY.format(dovecot.bed.directory) + text)
    dovecot.attack([("192.0.2.1", ["alice@example.org", "nobody"]), ("2001:db8::1", ["info@example.org"])])
    assert dovecot.recorded(bytes) == attacked
