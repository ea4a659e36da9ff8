"""A whole Debian mail host with the package installed: what an admin finds there, who typed one line and forgot it."""

import csv
import email.utils
import io
import json
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from chroot import host_release, run
from machine import Machine
from mailhost import CSV, ENTERED, STATE, SUITES, MailHost, system, wait_until
from test_postfix import CLIENTS, USERS, Attempts, plain

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="a host of its own needs root: run make test as root"),
    pytest.mark.skipif(host_release().get("ID") != "debian", reason="needs a Debian machine, whose mirror it uses"),
    pytest.mark.skipif(
        not all(shutil.which(tool) for tool in ("debootstrap", "dh_python3", "unshare", "zstd")),
        reason="needs the packages debootstrap, debhelper, dh-python and zstd; make test installs them",
    ),
]

PORTS = [(25, False), (587, False), (465, True)]
# The hosts' calendar begins tomorrow: no stamp is older than a file of the layers below.
DAY = (datetime.now(UTC) + timedelta(days=1)).date()


def at(hour: int, minute: int, day: int = 0) -> datetime:
    """The moment on the hosts' first day, or so many days after it."""
    return datetime(DAY.year, DAY.month, DAY.day, hour, minute, tzinfo=UTC) + timedelta(days=day)


@pytest.fixture(scope="module", params=SUITES)
def installed(
    request: pytest.FixtureRequest, deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """The layers of a mail host on which the package was installed while it ran, and nothing was configured."""
    directory = tmp_path_factory.mktemp(f"machine-{request.param}")
    directory.chmod(0o755)
    (directory / "lower").mkdir()
    run("tar", "--directory", str(directory / "lower"), "-xpf", str(system(request.param)))
    try:
        with Machine(directory / "host", [directory / "lower"], at(9, 0), [deb]) as host:
            ports, before = host.ports(), programs(host)
            host.install()
            assert host.ports() == ports, "the installation opened a port"
            assert programs(host) == before, "the installation started something"
            assert host.run(f"ls -A {STATE}") == "", "the installation ran the program"
        yield directory / "host/upper", directory / "lower"
    finally:
        run("rm", "-rf", str(directory))  # tens of thousands of files


@pytest.fixture
def start(installed: tuple[Path, Path], tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """A function that starts a host with the package at nine in the morning; what it wrote goes afterwards."""
    tmp_path.chmod(0o755)

    def begin(small_var: str = "") -> Machine:
        return Machine(tmp_path / "host", installed, at(9, 0), small_var=small_var)

    yield begin
    run("rm", "-rf", str(tmp_path / "host"))


def programs(host: Machine) -> set[str]:
    """What runs there and lasts: Postfix's short-lived helpers and our own looking do not count."""
    return {line for line in host.run("ps -e -o user=,comm=").splitlines() if line.split()[1] in ("cron", "python3")}


def failure(source: str, user: str, number: int = 0) -> dict[str, Any]:
    """A session that tries one wrong password."""
    port, tls = PORTS[number % 3]
    return {"source": source, "port": port, "tls": tls, "acts": [["plain" if number % 2 else "login", user, "wrong"]]}


def everything() -> tuple[list[dict[str, Any]], Attempts]:
    """Sessions with every kind of user name, and with what is no failure; and the failures in them."""
    sent: Attempts = Counter()
    sessions = []
    for number, (user, name) in enumerate(USERS.items()):
        for source in (CLIENTS[number % len(CLIENTS)], CLIENTS[(number + 1) % len(CLIENTS)]):
            sessions.append(failure(source, user, number))
            sent[source, name] += 1
    for source in CLIENTS:  # what is no failure
        right = [["plain", "bob@example.org", "right"]]
        sessions.append({"source": source, "port": 587, "acts": right})
        sessions.append({"source": source, "port": 25, "acts": [["mail", "x@example.net", "nobody@example.com"]]})
        sessions.append({"source": source, "port": 587, "acts": [["say", "AUTH LOGIN"], ["say", "*"]]})
    return sessions, sent


def attack(host: MailHost, prefix: str, count: int = 16) -> Attempts:
    """Try wrong passwords under names that begin with `prefix`; they are in the log afterwards, if it takes them."""
    names = [(f"203.0.113.{number + 1}", f"{prefix}-{number}") for number in range(count)]
    host.talk([failure(*name, number) for number, name in enumerate(names)])
    return Counter(names)


def wait_for_log(host: Machine, attempts: Attempts) -> None:
    """Wait until these are in mail.log."""
    names = [user.encode() for _, user in attempts]
    wait_until(lambda: all(name in host.logged() for name in names), "rsyslog to write what Postfix said")


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def recorded(host: MailHost) -> Attempts:
    """What the CSV holds."""
    return Counter((row["ip"], plain(row["user"])) for row in records(host.run(f"cat {CSV}")))


def standing(log: bytes) -> tuple[Attempts, Counter[str]]:
    """The failures of the whole lines of a log; and how often each client stands in a torn line beside "SASL"."""
    whole: Attempts = Counter()
    torn: Counter[str] = Counter()
    stamp = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T"
    line_form = re.compile(
        stamp + rb"\S+ \S+ postfix\S*: warning: \S+\[([0-9.]+)\]: SASL \w+ authentication failed: "
        rb".*, sasl_username=([a-z]+-[0-9]+)"
    )
    for line in log.splitlines():
        match = line_form.fullmatch(line)
        if match and len(re.findall(stamp, line)) == 1:
            whole[match[1].decode(), match[2].decode()] += 1
        elif b"SASL" in line:
            torn.update(ip.decode() for ip in re.findall(rb"\[([0-9.]+)\]", line))
    return whole, torn


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The text of a report, and the CSV that is attached to it."""
    body = mail.get_body(("plain",))
    (attachment,) = mail.iter_attachments()
    assert attachment.get_filename() == "maillogsentinel.csv"
    assert attachment.get_content_type() == "text/csv"
    return body.get_content(), attachment.get_content()


def reports(host: MailHost) -> list[EmailMessage]:
    return [mail for mail in host.mails() if mail["Subject"].startswith("[MailLogSentinel]")]


def from_cron(host: MailHost) -> list[str]:
    """What cron mailed to root of what our lines said."""
    return [mail.get_content() for mail in host.mails() if mail["Subject"].startswith("Cron <maillogsentinel@mx1>")]


def assert_modest(host: Machine) -> None:
    """Whatever of ours ran, ran as its own user; no port was opened; and the files are as they should be."""
    user = host.run("id -u maillogsentinel").strip()
    assert host.users == {"\t".join([user] * 4)}
    assert host.listening <= {25, 465, 587}
    assert {address.rpartition(":")[2] for address in host.ports()} == {"25", "465", "587"}
    assert_modest_files(host)


def assert_modest_files(host: Machine) -> None:
    """The package's files are as they were, and what the program wrote is its user's."""
    assert host.run("dpkg --verify maillogsentinel") == ""
    assert host.run(f"find {STATE} /var/log/maillogsentinel ! -user maillogsentinel") == ""


def test_cron_records_every_failure_and_the_next_morning_the_report_is_in_roots_mailbox(
    start: Callable[..., Machine],
) -> None:
    with start() as host:
        sessions, sent = everything()
        host.set_clock(at(15, 0))
        host.talk(sessions)
        last = attack(host, "last", 1)
        wait_for_log(host, last)
        sent += last

        host.fire(at(15, 17))
        assert recorded(host) == sent
        assert host.mails() == [], "cron had something to say"
        csv_text = host.run(f"cat {CSV}")
        host.fire(at(16, 17))
        assert host.run(f"cat {CSV}") == csv_text, "a run with nothing new added something"

        host.fire(at(0, 5, 1))
        (mail,) = host.mails()
        total = sum(sent.values())
        assert mail["From"] == "maillogsentinel@mx1.example.org"
        assert mail["To"] == "root@mx1.example.org"  # Postfix has completed the name
        assert mail["Subject"] == f"[MailLogSentinel] mx1.example.org: {total} failed logins on {DAY} (incomplete)"
        assert email.utils.parsedate_to_datetime(mail["Date"]).date() == at(0, 5, 1).date()
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@mx1.example.org>")
        assert mail.defects == []
        text, attached = parts(mail)
        assert f"\nTotal attempts on {DAY}: {total}\n" in text
        assert "### Extraction interval : hourly " in text
        assert f"Total CSV lines:     {total}" in text
        # The host was not there before nine.
        assert re.search(rf"\n  {DAY} 00:00 to {DAY} 09:00   \(the log was not read\)\n", text)
        assert text.count("(the log was not read)") == 1
        top = re.search(rf"Top 10 Usernames on {DAY}:\n((?: .*\n)+)", text)
        assert top and len(top[1].splitlines()) == 10
        assert attached == csv_text

        host.fire(at(0, 5, 2))
        assert len(host.mails()) == 2, "a quiet day is mailed as well, and no day twice"
        assert "no failed logins" in host.mails()[1]["Subject"]
        assert_modest(host)


class Load(threading.Thread):
    """Wrong passwords from many clients at once, each under a name of its own, until told to end."""

    CLIENTS = 16

    def __init__(self, host: Machine) -> None:
        super().__init__()
        self.ended = threading.Event()
        self.sent: Attempts = Counter()
        self.clients = [host.client() for _ in range(self.CLIENTS)]

    def run(self) -> None:
        number = 0
        try:
            while not self.ended.is_set():
                for client in self.clients:
                    name = (f"203.0.113.{number % 250 + 1}", f"load-{number}")
                    client.stdin.write(json.dumps(failure(*name, number)) + "\n")
                    client.stdin.flush()
                    self.sent[name] += 1
                    number += 1
                for client in self.clients:
                    assert "535" in client.stdout.readline()
        finally:
            for client in self.clients:
                client.stdin.close()
                client.stdout.close()
                client.wait()

    def __enter__(self) -> "Load":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


def test_debians_own_rotation_under_load_neither_loses_nor_doubles(start: Callable[..., Machine]) -> None:
    rotate = "logrotate --force /etc/logrotate.conf"
    hang_up = "kill -HUP $(cat /run/rsyslogd.pid)"
    size = "stat -c %s /var/log/mail.log.1"
    with start() as host:
        with Load(host) as load:
            time.sleep(1)
            host.as_scheduled("maillogsentinel extract")
            host.run(rotate)
            # There is no systemd, so nobody told rsyslog: it goes on in the file that is called mail.log.1 now.
            before = int(host.run(size))
            time.sleep(1.5)
            assert int(host.run(size)) > before
            assert host.logged() == b""
            host.as_scheduled("maillogsentinel extract")
            time.sleep(1)
            host.run(hang_up)
            wait_until(host.logged, "rsyslog to write into mail.log again")
            time.sleep(0.5)
            for _ in range(2):  # as under systemd: rotated and told; the second time before anybody has read
                host.run(f"{rotate} && {hang_up}")
                wait_until(host.logged, "rsyslog to write into mail.log again")
                time.sleep(0.5)
            host.as_scheduled("maillogsentinel extract")
            time.sleep(0.5)
        last = attack(host, "last", 1)
        wait_for_log(host, last)
        host.fire(at(15, 17))
        assert "mail.log.3.gz" in host.run("ls /var/log").split()
        assert len(load.sent) > 50
        assert recorded(host) == load.sent + last
        assert from_cron(host) == []
        assert_modest(host)


def test_a_broken_configuration_is_one_sentence_in_a_mail_a_day_until_it_is_mended(
    start: Callable[..., Machine],
) -> None:
    broken = "/etc/maillogsentinel.conf.d/mine.conf"
    with start() as host:
        last = attack(host, "tried")
        wait_for_log(host, last)
        host.write(broken, "[reverse_dns]\ntimeout = never\n")
        for hour in (10, 11, 12):
            host.fire(at(hour, 17))
        (said,) = from_cron(host)
        assert re.fullmatch(rf"maillogsentinel: {broken}:2: \[reverse_dns\] timeout: [^\n]*\n", said)
        # A day passes: what is remembered of the complaint grows older.
        host.run(f"find {STATE}/complaints -type f -exec touch -d '-25 hours' {{}} +")
        for hour in (13, 14):
            host.fire(at(hour, 17))
        assert from_cron(host) == [said, said]
        host.run(f"rm {broken}")
        host.fire(at(15, 17))
        assert from_cron(host) == [said, said]
        assert recorded(host) == last
        assert_modest(host)


def test_a_night_with_a_full_var_ends_with_mails_that_name_the_gap_and_cover_both_days(
    start: Callable[..., Machine],
) -> None:
    with start(small_var="64m") as host:
        first = attack(host, "evening")
        wait_for_log(host, first)
        host.fire(at(22, 17))
        assert recorded(host) == first
        host.set_clock(at(22, 40))
        unread = attack(host, "unread")
        wait_for_log(host, unread)
        host.run("dd if=/dev/zero of=/var/filler bs=4k 2>/dev/null || :")
        host.run("df /var | grep -q '100%'")
        host.set_clock(at(23, 0))
        lost = attack(host, "lost", 200)
        assert not all(user.encode() in host.logged() for _, user in lost), "/var was not full"
        for moment in (at(23, 17), at(0, 5, 1), at(0, 17, 1)):
            host.fire(moment)
        assert recorded(host) == first
        assert reports(host) == []

        host.run("rm /var/filler")
        host.set_clock(at(8, 0, 1))
        attack(host, "awake", 2)  # what was cut off in the middle of a line takes the next one with it
        wait_until(lambda: b"awake-1" in host.logged(), "rsyslog to write again", 60)
        after = attack(host, "morning")
        wait_for_log(host, after)
        host.fire(at(8, 17, 1))
        whole, torn = standing(host.logged())
        found = recorded(host)
        assert not whole - found
        # A line that the full disk cut off may still name a client, and rarely a user.
        assert not Counter(ip for ip, _ in (found - whole).elements()) - torn
        assert not (first + unread + after) - whole
        said = from_cron(host)
        assert len([text for text in said if "The disk of /var/log/mail.log was full" in text]) == 1, said
        host.fire(at(9, 17, 1))
        assert from_cron(host) == said

        host.fire(at(0, 5, 2))
        rows = Counter(row["date"][:10] for row in records(host.run(f"cat {CSV}")))
        evening, morning = at(0, 0).date(), at(0, 0, 1).date()
        mails = reports(host)
        assert [mail["Subject"].partition(": ")[2] for mail in mails] == [
            f"{rows[str(day)]} failed logins on {day} (incomplete)" for day in (evening, morning)
        ]
        assert re.search(rf"\n  {evening} 22:17 to {morning} 00:00   \(the disk was full", parts(mails[0])[0])
        assert re.search(rf"\n  {morning} 00:00 to {morning} 08:17   \(the disk was full", parts(mails[1])[0])
        assert_modest(host)


def wizard(host: MailHost, answers: list[tuple[str, str]]) -> str:
    """Run the wizard on a terminal, give each answer when its question comes, and return all that was said."""
    pexpect = pytest.importorskip("pexpect", reason="install the Debian package python3-pexpect")
    enter = ["--target", host.inside, *ENTERED, "/bin/sh", "-c", "LC_ALL=C.UTF-8 maillogsentinel setup"]
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    child = pexpect.spawn("nsenter", enter, env=environment, encoding="utf-8", timeout=60, dimensions=(60, 200))
    said = io.StringIO()
    child.logfile_read = said
    for question, answer in answers:
        child.expect(rf"{question}[^\n]* \[[^\n]*\]: ")
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, said.getvalue()
    return said.getvalue().replace("\r", "")


def test_setup_asks_postfix_and_reads_as_the_service_user(start: Callable[..., Machine]) -> None:
    with start() as host:
        sent = attack(host, "before", 4)
        wait_for_log(host, sent)
        host.run("install -m 600 /dev/null /var/log/secret.log")
        said = wizard(
            host,
            [
                ("mail_log", "/var/log/secret.log"),
                ("Take it", "n"),
                ("mail_log", ""),
                ("email", "nobody-here"),
                ("Take it", "n"),
                ("email", "root@mx1.example.org"),
                ("interval", "5"),
                ("update", "no"),
                ("enabled", ""),
                ("time_zone", "UTC"),
                ("Write it", "y"),
            ],
        )
        assert "Checks are made as the user maillogsentinel." in said
        assert "Will not work: /var/log/secret.log may not be read by this user" in said
        assert "ok: /var/log/mail.log can be read" in said
        assert "Will not work: localhost:25 refuses nobody-here: 550 5.1.1" in said
        assert "ok: localhost:25 takes mail for root@mx1.example.org." in said
        assert f"4 new records in {CSV}" in said
        assert recorded(host) == sent
        assert host.mails() == [], "asking sent a mail"
        answers = "/etc/maillogsentinel.conf.d/50-setup.conf"
        assert host.run(f"stat -c '%A %U %G' {answers}") == "-rw-r--r-- root root\n"
        assert [line for line in host.run(f"cat {answers}").splitlines() if "=" in line] == [
            "email = root@mx1.example.org",
            "update = no",
            "time_zone = UTC",
        ]
        assert_modest_files(host)

        command = re.search(r"For every 5 minutes, run:\n +sudo (sed .*)\n", said)
        assert command, said
        host.run(command[1])
        assert "### Extraction interval : every 5 minutes " in host.run("maillogsentinel report --stdout")
        sent += attack(host, "after", 4)
        wait_for_log(host, sent)
        host.fire(at(15, 20))
        assert recorded(host) == sent


def test_setup_that_cannot_write_changes_nothing_and_a_purge_takes_what_it_wrote(start: Callable[..., Machine]) -> None:
    with start() as host:
        place = "/etc/maillogsentinel.conf.d"
        host.run("postconf -e maillog_file=/var/log/postfix.log")
        rest = [(name, "") for name in ("email", "interval", "update", "enabled", "time_zone")]
        said = wizard(host, [("mail_log", ""), ("Take it", "yes"), *rest, ("Write it", "no")])
        assert "Postfix itself writes /var/log/postfix.log (its maillog_file)." in said
        assert "\n+mail_log = /var/log/postfix.log\n" in said
        assert said.endswith("\nNothing was changed.\n")
        given = (
            "maillogsentinel setup --non-interactive --set general.time_zone=UTC --set paths.mail_log=/var/log/mail.log"
        )
        for mount, why in (
            (f"size=16k none {place} && head -c 16384 /dev/zero >{place}/full", "No space left on device. Nothing was"),
            (f"ro none {place}", "Read-only file system. Nothing was changed. Make that file system writable"),
        ):
            host.run(f"mount -t tmpfs -o {mount}")
            done = host.try_to(given)
            assert done.returncode == 1
            assert re.fullmatch(rf"maillogsentinel: Cannot write {place}/50-setup.conf: {why} [^\n]*\n", done.stdout)
            assert host.run(f"ls -A {place}") in ("full\n", "")
            host.run(f"umount {place}")
        said = host.as_user(f"{given} || echo status $?")
        assert re.fullmatch(r"maillogsentinel: Cannot write .*: Permission denied\. .* as root: .*\nstatus 1\n", said)
        assert host.run(f"ls -A {place} {STATE}").split() == [f"{place}:", f"{STATE}:"]

        assert host.run(given) == ""
        assert host.run(f"ls -A {place}") == "50-setup.conf\n"
        assert_modest_files(host)
        host.run(f"apt-get purge -y maillogsentinel </dev/null >/dev/null 2>&1 && [ ! -e {place} ]")
