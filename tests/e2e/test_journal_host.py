"""A Debian mail host as it is installed today: systemd is its first process, and Postfix logs to the journal alone."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chroot import run
from mailhost import CSV, STATE, SUITES, system, wait_until
from systemd_host import SystemdHost
from test_machine import (
    attack,
    everything,
    failure,
    from_cron,
    parts,
    pytestmark,
    recorded,
    records,
    reports,
    wizard,
)
from test_postfix import Attempts

FILE = "/var/log/mail.log"
pytestmark = [
    *pytestmark,
    pytest.mark.skipif(
        "cgroup2" not in Path("/proc/filesystems").read_text(), reason="systemd needs a kernel with cgroup2"
    ),
]
POSTFIX = [f"--identifier=postfix/{service}" for service in ("smtpd", "submission/smtpd", "submissions/smtpd")]


@pytest.fixture(scope="module", params=SUITES)
def installed(
    request: pytest.FixtureRequest, deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """The layers of a host on which the package was installed while it ran, and which was then switched off."""
    directory = tmp_path_factory.mktemp(f"systemd-{request.param}")
    directory.chmod(0o755)
    (directory / "lower").mkdir()
    run("tar", "--directory", str(directory / "lower"), "-xpf", str(system(request.param)))
    try:
        with SystemdHost(directory / "host", [directory / "lower"], [deb]) as host:
            ports = host.ports()
            host.install()
            assert host.ports() == ports, "the installation opened a port"
            assert host.state() == "running"
            assert host.run(f"ls -A {STATE}") == "", "the installation ran the program"
            host.power_off()
        yield directory / "host/upper", directory / "lower"
    finally:
        run("rm", "-rf", str(directory))


@pytest.fixture
def host(installed: tuple[Path, Path], tmp_path: Path) -> Iterator[SystemdHost]:
    """A running host with the package; what it wrote goes afterwards."""
    tmp_path.chmod(0o755)
    try:
        with SystemdHost(tmp_path / "host", installed) as host:
            yield host
    finally:
        run("rm", "-rf", str(tmp_path / "host"))


def wait_for_journal(host: SystemdHost, attempts: Attempts) -> None:
    """Wait until these are in the journal."""

    def there() -> bool:
        host.run("journalctl --sync")
        text = "\n".join(str(entry["MESSAGE"]) for entry in host.entries(*POSTFIX))
        return all(f"sasl_username={user}" in text for _, user in attempts)

    wait_until(there, "the journal to hold what Postfix said", 120)


def wait_for_file(host: SystemdHost, attempts: Attempts) -> None:
    """Wait until these are in mail.log."""
    names = [f"sasl_username={user}\n".encode() for _, user in attempts]
    wait_until(lambda: all(name in host.logged() for name in names), "rsyslog to write what Postfix said", 120)


def told(host: SystemdHost) -> str:
    """What the program's own log holds."""
    return host.run("cat /var/log/maillogsentinel/maillogsentinel.log")


def switches(host: SystemdHost) -> list[tuple[str, str]]:
    """The sources that were taken in place of others, and those others, as the program said it so far."""
    return re.findall(r" Now reading (\S+) in place of (\S+?),? (?:from|\()", told(host))


def reading(host: SystemdHost) -> str:
    """What ``status`` says of where the lines come from."""
    (line,) = re.findall(r"(?m)^Reading: +(.*)$", host.as_user("maillogsentinel status"))
    return line


def test_cron_reads_the_journal_and_the_report_is_in_roots_mailbox(host: SystemdHost) -> None:
    assert "systemd-journal" in host.run("id -nG maillogsentinel").split()
    assert not (host.root / "var/log/mail.log").exists()
    sessions, sent = everything()
    # systemd-journald keeps a text with a C1 character as binary data.
    sessions.append(failure("203.0.113.200", "next\u0085line"))
    sent["203.0.113.200", "next\u0085line"] += 1
    host.talk(sessions)
    last = attack(host, "last", 1)
    wait_for_journal(host, last)
    sent += last

    host.fire(datetime.now(UTC).replace(minute=17, second=0))
    assert recorded(host) == sent
    assert host.mails() == [], "cron had something to say"
    assert reading(host).startswith("journal (auto: ")
    csv_text = host.run(f"cat {CSV}")
    host.as_scheduled("maillogsentinel extract")
    assert host.run(f"cat {CSV}") == csv_text, "a run with nothing new added something"
    assert {row["server"] for row in records(csv_text)} == {"mx1"}

    tomorrow = datetime.now(UTC).replace(hour=0, minute=5, second=0) + timedelta(days=1)
    host.fire(tomorrow, jobs=True)
    assert from_cron(host) == []
    mails = reports(host)
    # More than one where midnight came meanwhile; a day without a failure says "no failed logins".
    numbers = re.findall(r": (\d+) failed logins on ", "\n".join(mail["Subject"] for mail in mails))
    assert sum(map(int, numbers)) == sum(sent.values())
    text, attached = parts(mails[-1])
    assert f"Total CSV lines:     {sum(sent.values())}" in text
    assert attached == csv_text
    assert {address.rpartition(":")[2] for address in host.ports()} == {"25", "465", "587"}
    assert host.run("dpkg --verify maillogsentinel") == ""
    assert host.run(f"find {STATE} /var/log/maillogsentinel ! -user maillogsentinel") == ""


def test_the_journals_rotation_loses_nothing_and_what_vacuum_took_is_told(host: SystemdHost) -> None:
    sent = attack(host, "first")
    wait_for_journal(host, sent)
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    host.run("journalctl --rotate")
    for name in ("second", "third"):
        more = attack(host, name)
        wait_for_journal(host, more)
        host.run("journalctl --rotate")
        sent += more
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent

    wait_for_journal(host, attack(host, "lost"))
    host.run("journalctl --rotate --vacuum-files=1")
    assert not [entry for entry in host.entries(*POSTFIX) if "sasl_username=lost" in entry["MESSAGE"]]
    more = attack(host, "last")
    wait_for_journal(host, more)
    sent += more
    said = host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert said.startswith("maillogsentinel: journal: ")
    assert said.strip().removeprefix("maillogsentinel: ") in told(host)
    report = host.as_user("maillogsentinel report --stdout")
    assert re.search(r"\n--- Hours not covered ---\n(?:.*\n)*  .*\(the journal was vacuumed\)\n", report)


def test_rsyslog_comes_and_goes_and_no_failure_is_counted_twice(host: SystemdHost) -> None:
    override = "/etc/maillogsentinel.conf.d/source.conf"
    sent = attack(host, "first")
    wait_for_journal(host, sent)
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent

    host.install("rsyslog")
    assert reading(host).startswith("journal (auto: ")
    # Both have these.
    more = attack(host, "both")
    wait_for_file(host, more)
    wait_for_journal(host, more)
    sent += more
    assert "Now reading /var/log/mail.log in place of journal" in host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert reading(host).startswith("/var/log/mail.log (auto: ")
    more = attack(host, "file")
    wait_for_file(host, more)
    sent += more
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent

    # The admin wants the journal, and then again what is fed; nothing is new in the file when it is taken.
    host.write(override, "[paths]\nmail_log = journal\n")
    more = attack(host, "wanted")
    wait_for_file(host, more)
    wait_for_journal(host, more)
    sent += more
    host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert reading(host) == "journal"
    host.run(f"rm {override}")
    host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert switches(host) == [(FILE, "journal"), ("journal", FILE), (FILE, "journal")]

    # Gone for good: the file keeps what it has, and grows no more.
    host.run("systemctl stop rsyslog.service syslog.socket")
    host.write(override, "[paths]\nmail_log = journal\n")
    more = attack(host, "gone")
    wait_for_journal(host, more)
    sent += more
    host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent


def test_the_journal_is_taken_when_the_file_is_an_hour_behind(host: SystemdHost) -> None:
    # An rsyslog of two hours ago.
    host.install("rsyslog")
    preload = host.run("dpkg -L libfaketime | grep 'MT\\.so\\.1$'").strip()
    host.run("systemctl stop rsyslog.service syslog.socket && mkdir /run/systemd/system/rsyslog.service.d")
    clock = f"LD_PRELOAD={preload} FAKETIME=-2h FAKETIME_DONT_FAKE_MONOTONIC=1"
    host.write("/run/systemd/system/rsyslog.service.d/clock.conf", f"[Service]\nEnvironment={clock}\n")
    stamps = 's/(load="imuxsock")/(load="imuxsock" SysSock.UseSysTimeStamp="off")/'
    host.run(f"sed -i '{stamps}' /etc/rsyslog.conf && systemctl daemon-reload && systemctl start rsyslog")
    sent = attack(host, "earlier")
    wait_for_file(host, sent)
    host.run("systemctl stop rsyslog.service syslog.socket && journalctl --rotate --vacuum-files=1")
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert reading(host).startswith("/var/log/mail.log (auto: ")

    more = attack(host, "later")
    wait_for_journal(host, more)
    sent += more
    assert "Now reading journal in place of /var/log/mail.log" in host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert reading(host).startswith("journal (auto: ")
    host.as_scheduled("maillogsentinel extract")
    assert recorded(host) == sent

    # It is started again, as it is.
    host.run("rm -r /run/systemd/system/rsyslog.service.d && systemctl daemon-reload && systemctl start rsyslog")
    more = attack(host, "again")
    wait_for_file(host, more)
    sent += more
    host.scheduled("maillogsentinel extract")
    assert recorded(host) == sent
    assert switches(host) == [("journal", FILE), (FILE, "journal")]


def test_what_journald_drops_of_a_flood_is_told_in_the_report(host: SystemdHost) -> None:
    for unit in ("postfix.service", "postfix@.service"):  # trixie's and bookworm's
        host.run(f"mkdir -p /etc/systemd/system/{unit}.d")
        limit = "[Service]\nLogRateLimitIntervalSec=5s\nLogRateLimitBurst=1\n"
        host.write(f"/etc/systemd/system/{unit}.d/limit.conf", limit)
    host.run("systemctl daemon-reload && systemctl restart postfix")
    attack(host, "flood", 80)

    def notices() -> list[dict[str, Any]]:
        attack(host, "more", 1)  # the notice comes with the unit's next line after the interval
        host.run("journalctl --sync")
        return host.entries("MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e")

    wait_until(notices, "journald to say that it dropped lines", 120)
    said = host.entries("MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e")
    dropped = sum(int(entry["N_DROPPED"]) for entry in said)
    assert dropped > 0
    host.scheduled("maillogsentinel extract")
    kept = [str(entry["MESSAGE"]) for entry in host.entries(*POSTFIX)]
    found = recorded(host)
    assert found == Counter(re.findall(r"\[(\S+)\]: SASL .*, sasl_username=([a-z]+-\d+)", "\n".join(kept)))
    assert sum(found.values()) < 80
    report = host.as_user("maillogsentinel report --stdout")
    assert f"(at least {dropped} messages): failed logins may be missing." in report


def test_setup_finds_the_journal_and_says_when_the_service_user_may_not_read_it(host: SystemdHost) -> None:
    sent = attack(host, "first", 2)
    wait_for_journal(host, sent)
    rest = [(name, "") for name in ("email", "interval", "update", "enabled", "time_zone")]
    said = wizard(host, [("mail_log", ""), *rest])
    assert "ok: the journal can be read; its newest line of Postfix is of " in said
    assert "(auto: there is no /var/log/mail.log)" in said
    assert f"2 new records in {CSV}" in said
    assert recorded(host) == sent
    for group in ("adm", "systemd-journal"):
        host.run(f"gpasswd --delete maillogsentinel {group}")
    done = host.try_to("maillogsentinel setup --non-interactive --set paths.mail_log=journal")
    assert done.returncode == 1
    assert "The journal may not be read by this user. Add the user to the group systemd-journal" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert host.run("ls -A /etc/maillogsentinel.conf.d") == ""
