"""From the log to the report and the state: lines that are missing, and who logs in."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from maillogsentinel.store import logins
from maillogsentinel.store.database import Database

DAY = (datetime.now(UTC) - timedelta(days=3)).date()


def said(message, program="postfix/smtpd[321]", hour=11, minute=0):
    return f"{DAY}T{hour:02d}:{minute:02d}:00.000000+00:00 mx {program}: {message}\n"


def session(lines, refused, **when):
    fail = said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob", **when)
    end = said(f"disconnect from unknown[192.0.2.7] ehlo=1 auth=0/{refused} quit=1 commands=2/3", **when)
    return said("connect from unknown[192.0.2.7]", **when) + fail * lines + end


DROPPED = said("imuxsock[pid 9]: 1200 messages lost due to rate-limiting", "rsyslogd-2177", 12)
MAIL = said("8A1F: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=bob@example.org")
IMAP = said("imap-login: Login: user=<eve>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.25, mpid=1, TLS", "dovecot")


def report(installation, form="json"):
    done = installation.run("report", "--stdout", "--day", DAY.isoformat(), "--format", form)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout) if form == "json" else done.stdout.decode()


def known(installation, user):
    database = Database(str(installation.state))
    try:
        return logins.seen(database, user)
    finally:
        database.close()


def test_the_report_says_that_lines_are_missing(installation):
    installation.log.write_text(session(1, 1) + session(1, 3))
    installation.extract()
    found = report(installation)
    assert (found["total"], found["losses"]) == (2, [{"kind": "session", "times": 1, "missing": 2}])
    sentence = "1 session ended with 2 refused AUTH commands more than the log has lines for"
    assert sentence in report(installation, "text")
    assert sentence in report(installation, "html")
    with installation.log.open("a") as log:
        log.write(session(0, 1))
    installation.extract()
    installation.extract()
    assert report(installation)["losses"] == [{"kind": "session", "times": 2, "missing": 3}]


def test_a_whole_log_is_told_to_be_whole(installation):
    installation.log.write_text(session(1, 1) + session(2, 2) + MAIL)
    installation.extract()
    assert report(installation)["losses"] == []
    assert "missing from the log" not in report(installation, "text")


def test_time_in_which_messages_were_dropped_is_not_covered(installation):
    later = DROPPED.replace("T12:00", "T12:50") + DROPPED.replace("T12:00", "T16:00")
    installation.log.write_text(session(1, 1, hour=0) + DROPPED + later + session(1, 1, hour=23, minute=59))
    installation.extract()
    found = report(installation)
    assert found["losses"] == [{"kind": "rsyslog", "times": 3, "missing": 3600}]
    assert found["coverage"] == "part"
    gaps = [
        (gap["start"][11:], gap["end"][11:]) for gap in found["not_covered"] if gap["why"] == "syslog dropped messages"
    ]
    assert gaps == [("12:00", "12:50"), ("16:00", "16:00")]
    text = report(installation, "text")
    assert "rsyslog dropped messages 3 times (at least 3600 messages): failed logins may be missing." in text
    assert "Not everything that was logged" in text


def test_successful_logins_are_remembered_and_make_no_record(installation):
    installation.log.write_text(MAIL * 3 + IMAP)
    installation.extract()
    assert installation.rows() == []
    (bob,), (eve,) = known(installation, "bob@example.org"), known(installation, "eve")
    assert (bob.network, bob.times, bob.first, bob.last) == ("192.0.2.0/24", 3, bob.last, bob.last)
    assert datetime.fromtimestamp(bob.last / 1e6, UTC).isoformat() == f"{DAY}T11:00:00+00:00"
    assert (eve.network, eve.country) == ("198.51.100.0/24", None)
    installation.extract()
    assert known(installation, "bob@example.org") == [bob]
    assert json.loads(installation.run("status", "--json").stdout)["logins"] == {"users": 2, "networks": 2}
    assert "2 users are known to log in, from 2 networks" in installation.run("status").stdout.decode()


def test_turned_off_nothing_is_remembered_and_what_was_is_forgotten(installation):
    installation.log.write_text(MAIL)
    installation.extract()
    assert known(installation, "bob@example.org")
    installation.configure("[logins]\nremember = no\n")
    installation.extract()
    assert known(installation, "bob@example.org") == []
    assert b"bob@example" not in (installation.state / "state.db").read_bytes()
    with installation.log.open("a") as log:
        log.write(IMAP)
    installation.extract()
    assert known(installation, "eve") == []
    assert json.loads(installation.run("status", "--json").stdout)["logins"] is None


def test_what_is_remembered_is_bounded_by_options(installation):
    installation.configure("[logins]\nmax_entries = 2\ndays = 30\n")
    old = MAIL.replace(DAY.isoformat(), (DAY - timedelta(days=40)).isoformat()).replace("bob@", "old@")
    others = [MAIL.replace("192.0.2.7", f"10.0.{number}.1").replace("T11:", f"T1{number}:") for number in range(5)]
    installation.log.write_text(old + "".join(others))
    installation.extract()
    assert known(installation, "old@example.org") == []
    assert [login.network for login in known(installation, "bob@example.org")] == ["10.0.4.0/24", "10.0.3.0/24"]


def test_a_restored_log_counts_no_login_twice(installation):
    first = "".join(MAIL.replace("T11:00:00", f"T11:00:{second:02d}") for second in range(60))
    installation.log.write_text(first)
    installation.extract()
    installation.log.write_text(first[: len(MAIL) * 30] + MAIL.replace("T11:", "T12:"))
    done = installation.run("extract", "--offline")
    assert (done.returncode, b"only lines younger" in done.stderr) == (0, True)
    (bob,) = known(installation, "bob@example.org")
    assert bob.times == 61


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (MAIL, "a successful login"),
        (IMAP, "a successful login"),
        (DROPPED, "a syslog daemon says that it dropped messages; the report says so, too"),
        (session(0, 1).splitlines(keepends=True)[-1], "the end of a session with refused AUTH commands"),
        (session(0, 1).splitlines(keepends=True)[0], "not a failed SASL login"),
    ],
)
def test_explain_says_what_the_lines_are(installation, line, why):
    done = installation.run("explain", "--json", stdin=line.encode())
    assert json.loads(done.stdout)["verdict"] == "ignored"
    assert json.loads(done.stdout)["why"].startswith(why)
