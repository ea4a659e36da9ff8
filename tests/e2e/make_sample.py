"""Three days of a small mail server, lived through by a real Postfix, and what a reader of its log must find.

Writes demo/mail.log, mail.log.1 and mail.log.2.gz, and demo/expected.csv. The expectation comes from what the clients
sent and when, not from the log. Names, addresses and AS numbers are those that RFC 2606, 5737, 3849 and 5398 set aside.

The outer half starts the mail server (bed.py) and calls this file again inside of it, with the server's directory.
"""

import csv
import gzip
import ipaddress
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bed import Bed
from smtp_client import Client, encoded

DEMO = Path(__file__).parents[2] / "demo"
HEADER = ["server", "date", "ip", "user", "hostname", "reverse_dns_status", "country_code", "asn", "aso"]
FIRST_DAY = datetime(2025, 5, 25, tzinfo=UTC)
ROTATION = timedelta(hours=6, minutes=25)  # Debian's hour of cron.daily
OUTAGE = FIRST_DAY + timedelta(days=2, hours=14, minutes=5)

NAMED = {
    "192.0.2.33": "dsl-33.access.example.net",
    "192.0.2.81": "192-0-2-81.mobile.access.example.net",
    "192.0.2.140": "mail.example.com",
    "192.0.2.141": "mx2.example.net",
    "198.51.100.17": "vps17.hosting.example.com",
    "203.0.113.50": "203.0.113.50.static.example.com",
    "2001:db8:1::33": "dsl-33.access.example.net",
    "2001:db8:bad::1": "node1.cloud.example.com",
}

COMMON = [
    "info",
    "admin",
    "test",
    "postmaster",
    "sales",
    "office",
    "contact",
    "webmaster",
    "support",
    "root",
    "scanner",
    "backup",
    "user",
    "noreply",
]

# What is sent as a user name, and how the record must show it. Postfix writes ? for what it cannot print and cuts at
# 100 bytes, Dovecot hands a tab on as two characters; a spreadsheet must see text, never a formula.
HOSTILE = {
    '=HYPERLINK("http://198.51.100.1/","click")': '\'=HYPERLINK("http://198.51.100.1/","click")',
    "@SUM(1+1)": "'@SUM(1+1)",
    "+1 555 0100": "'+1 555 0100",
    "-admin": "'-admin",
    "'quoted": "''quoted",
    "null": "'null",
    "": "",
    "  admin  ": "  admin  ",
    "a,b; c": "a,b; c",
    "x, sasl_username=postmaster@example.org": "x, sasl_username=postmaster@example.org",
    "x]: SASL LOGIN authentication failed: y": "x]: SASL LOGIN authentication failed: y",
    "DOMAIN\\admin": "DOMAIN\\\\admin",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "%s%n$(id)`id`": "%s%n$(id)`id`",
    "jürgen@example.org": "jürgen@example.org",
    "用户@example.org": "用户@example.org",
    "\u202egro.elpmaxe@ofni": "\\u202Egro.elpmaxe@ofni",
    "line\u2028break": "line\\u2028break",
    "caf\udce9": "caf?",
    "tab\tname": "tab?tname",
    "\x1b[2Jcleared": "?[2Jcleared",
    "a" * 150: "a" * 100,
}


class Network:
    """A database of demo/, by address."""

    def __init__(self, path: Path) -> None:
        with open(path, encoding="utf-8", newline="") as file:
            self.rows = [
                (ipaddress.ip_address(first), ipaddress.ip_address(last), rest)
                for first, last, *rest in csv.reader(file)
            ]

    def find(self, address: str) -> list[str] | None:
        wanted = ipaddress.ip_address(address)
        for first, last, rest in self.rows:
            if first.version == wanted.version and first <= wanted <= last:
                return rest
        return None


class Clock:
    """The time that rsyslog believes in: it runs as ours does, and is put forward between sessions."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.offset = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.offset, UTC)

    def forward(self, moment: datetime) -> None:
        """Go to `moment`, or stay where the last session ended; never so late in a minute that a session leaves it."""
        time.sleep(0.05)  # rsyslog stamps the last lines before that
        moment = max(moment, self.now() + timedelta(seconds=1)) if self.offset else moment
        if moment.second > 50:
            moment = moment.replace(second=2) + timedelta(minutes=1)
        self.offset = moment.timestamp() - time.time()
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.offset:+.6f}\n")
        new.rename(self.file)


class Day:
    """What happens, and the record of every failure in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock(directory / "clock")
        self.random = random.Random(20250527)
        self.rows: list[list[str]] = []
        self.country = Network(DEMO / "country.csv")
        self.asn = Network(DEMO / "asn.csv")

    def failed(self, address: str, user: str | None) -> None:
        """Note the record that the failure just seen must become."""
        name = NAMED.get(address)
        place, system = self.country.find(address), self.asn.find(address)
        self.rows.append(
            ["mx1", f"{self.clock.now():%Y-%m-%d %H:%M}", address, "null" if user is None else user]
            + ([name, "OK"] if name else ["null", "Skipped"])
            + (place or ["null"])
            + (system or ["null", "null"])
        )

    def attempt(self, client: Client, address: str, how: str, user: str, password: str = "wrong") -> None:
        """One login; a refusal of the password (535) is a failure, a temporary one (454) is the server's trouble."""
        if getattr(client, how)(user, password).startswith("535"):
            self.failed(address, HOSTILE.get(user, user))

    def port(self) -> tuple[int, bool]:
        return self.random.choice([(25, False), (587, False), (587, False), (465, True)])

    def guess(self, address: str, users: list[str]) -> None:
        client = Client(address, *self.port())
        client.say(b"EHLO " + self.random.choice([b"User", b"[127.0.0.1]", b"ylmf-pc", b"client.example.com"]))
        for user in users:
            self.attempt(client, address, self.random.choice(["login", "login", "plain"]), user)
        if self.random.random() < 0.3:
            client.act("hang up")
        else:
            client.say(b"QUIT")

    def odd(self, address: str, command: bytes) -> None:
        """An AUTH command that names no user: a mechanism unknown here, or one that is no mechanism at all."""
        client = Client(address, 587)
        client.say(b"EHLO User")
        if client.say(command).startswith("535"):
            self.failed(address, None)
        client.say(b"QUIT")

    def give_up(self, address: str) -> None:
        client = Client(address, 587)
        client.say(b"EHLO User")
        client.say(b"AUTH LOGIN")
        client.say(b"*")
        client.say(b"QUIT")

    def send(self, address: str, user: str, recipient: str, slips: int = 0) -> None:
        """A user's own mail, after `slips` wrong passwords."""
        client = Client(address, 587)
        client.say(b"EHLO laptop.example.org")
        for _ in range(slips):
            self.attempt(client, address, "plain", user)
        self.attempt(client, address, "plain", user, "right")
        client.mail(user, recipient)
        client.say(b"QUIT")

    def receive(self, address: str, sender: str, recipient: str) -> None:
        client = Client(address, 25)
        client.say(b"EHLO " + NAMED.get(address, "mail.example.net").encode())
        client.mail(sender, recipient)
        client.say(b"QUIT")

    def outage(self) -> None:
        """Dovecot is gone for a quarter of an hour; clients that come meanwhile did nothing wrong."""
        caught = Client("192.0.2.33", 587)
        caught.say(b"EHLO laptop.example.org")
        caught.say(b"AUTH LOGIN")
        master = int((self.directory / "dovecot/run/master.pid").read_text())
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for process in (master, *map(int, children)):
            os.kill(process, signal.SIGKILL)
        (self.directory / "queue/private/auth").unlink()
        time.sleep(0.3)
        caught.say(encoded("alice@example.org"))
        caught.say(b"QUIT")
        for minutes in (2, 4, 9):
            self.clock.forward(OUTAGE + timedelta(minutes=minutes))
            with socket.create_connection(("192.0.2.25", 587), 10, ("203.0.113.50", 0)):
                time.sleep(1.5)  # smtpd dies without a greeting, and Postfix waits before it starts another
        self.clock.forward(OUTAGE + timedelta(minutes=14))
        (self.directory / "dovecot/run/master.pid").unlink()
        self.tool("dovecot", "-c", str(self.directory / "dovecot/dovecot.conf"))
        time.sleep(1)

    def rotate(self) -> None:
        self.tool("logrotate", "--force", "--state", f"{self.directory}/logrotate.state", f"{self.directory}/logrotate")
        time.sleep(0.5)

    def tool(self, *command: str) -> None:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )

    def plan(self) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """Every session of the three days, each with its moment, in no order."""
        pick = self.random
        for day in range(3):
            start = FIRST_DAY + timedelta(days=day)

            def at(low: float, high: float, start: datetime = start) -> datetime:
                return start + timedelta(hours=pick.uniform(low, high))

            # Many addresses with one or two guesses each: most of what a server sees.
            for _ in range(55):
                address = f"203.0.113.{pick.randint(1, 254)}"
                users = [
                    pick.choice([name, f"{name}@example.org"]) for name in pick.sample(COMMON, pick.choice([1, 1, 2]))
                ]
                yield at(0, 23.9), lambda a=address, u=users: self.guess(a, u)
            for _ in range(6):
                address = f"2001:db8:bad::{pick.randint(1, 9):x}"
                yield at(0, 23.9), lambda a=address: self.guess(a, ["info@example.org"])
            # One that is in a hurry.
            burst = at(8, 20)
            for minute in range(6):
                users = pick.sample(COMMON, 4)
                yield burst + timedelta(minutes=minute), lambda u=users: self.guess("198.51.100.77", u)
            # Work.
            for _ in range(12):
                yield at(8, 19), lambda: self.receive("192.0.2.140", "joe@example.com", "alice@example.org")
                yield at(8, 19), lambda: self.send("192.0.2.33", "alice@example.org", "joe@example.net")
            for _ in range(4):
                yield at(8, 19), lambda: self.send("2001:db8:1::33", "bob@example.org", "alice@example.org")
                yield at(0, 24), lambda: self.receive("198.51.100.17", "offers@example.net", "eve@example.org")
                yield at(0, 24), lambda: self.receive("198.51.100.200", "offers@example.net", "joe@example.com")
            yield at(9, 10), lambda: self.send("192.0.2.81", "bob@example.org", "joe@example.net", slips=2)
            for command in (b"AUTH XOAUTH2 dXNlcj1pbmZv", b"AUTH X]:[198.51.100.9]:,sasl_username=root"):
                yield at(0, 23.9), lambda c=command: self.odd("198.51.100.190", c)
            yield at(0, 23.9), lambda: self.give_up("203.0.113.50")
        for user in HOSTILE:
            address = pick.choice(
                ["198.51.100.17", "198.51.100.130", "203.0.113.50", "2001:db8:bad::1", "2001:db8:bad::dead"]
            )
            moment = FIRST_DAY + timedelta(hours=pick.uniform(30, 70))
            yield moment, lambda a=address, u=user: self.guess(a, [u])
        yield OUTAGE, self.outage
        for day in (1, 2):
            yield FIRST_DAY + timedelta(days=day) + ROTATION, self.rotate

    def live(self) -> None:
        for moment, happens in sorted(self.plan(), key=lambda item: item[0]):
            if OUTAGE < moment < OUTAGE + timedelta(minutes=15):
                moment = OUTAGE + timedelta(minutes=15)
            self.clock.forward(moment)
            happens()
        self.clock.forward(FIRST_DAY + timedelta(days=2, hours=23, minutes=59))


def inside(directory: Path) -> None:
    day = Day(directory)
    day.live()
    with open(directory / "expected.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *day.rows])


def outside() -> None:
    hosts = [f"{address} {name}" for address, name in NAMED.items()]
    with Bed(hosts, clock=FIRST_DAY.timestamp() - time.time()) as bed:
        (bed.directory / "logrotate").write_text(
            f"{bed.log} {{\n weekly\n rotate 4\n missingok\n notifempty\n compress\n delaycompress\n"
            f" postrotate\n  kill -HUP $(cat {bed.directory}/rsyslogd.pid)\n endscript\n}}\n"
        )
        subprocess.run(bed.command(sys.executable, __file__, str(bed.directory)), stdin=subprocess.DEVNULL, check=True)
        time.sleep(0.5)
        for name in ("mail.log", "mail.log.1"):
            (DEMO / name).write_bytes((bed.log.parent / name).read_bytes())
        with gzip.open(bed.log.parent / "mail.log.2.gz") as old, open(DEMO / "mail.log.2.gz", "wb") as new:
            # Without the compressor's file name and time, which say nothing of the log.
            new.write(gzip.compress(old.read(), 9, mtime=0))
        shutil.copyfile(bed.directory / "expected.csv", DEMO / "expected.csv")


if __name__ == "__main__":
    inside(Path(sys.argv[1])) if len(sys.argv) > 1 else outside()
