"""The words of an alert's mail, whatever an attacker chose as names."""

import email
import email.policy

import pytest

from maillogsentinel.alerting import as_json, text
from maillogsentinel.config import Config
from maillogsentinel.detect.counts import ORGANISATION, group_name
from maillogsentinel.detect.finding import KINDS, Finding
from maillogsentinel.localtime import LocalTime
from maillogsentinel.report.mail import letter
from maillogsentinel.store.alerts import MAIL, Alert

NOW = 1_748_000_000_000_000
UTC = LocalTime("UTC")


def alert(number=1, kind="spraying", severity="warning", subject="192.0.2.7", backlog=False, **others):
    fields = {"attempts": number, "users": 1, "addresses": 1, "first": NOW, "last": NOW + 3_600_000_000, **others}
    return Alert(number, NOW, Finding(kind, severity, subject, f"It is {subject}.", **fields), backlog, MAIL)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_words_for_the_subject(kind):
    assert "192.0.2.7" in text.subject([alert(kind=kind)], "mx")


def test_the_subject_has_the_gravest_and_the_number_of_the_others():
    alerts = [alert(9), alert(1, severity="critical", kind="login", subject="bob"), alert(5)]
    assert text.subject(alerts, "mx") == "CRITICAL on mx: bob may be in somebody else's hands, and 2 more"


def test_an_autonomous_system_is_called_so_once():
    name = group_name(ORGANISATION, "64500")
    assert text.subject([alert(kind="organisation", subject=name)], "mx") == "WARNING on mx: AS64500 tries many users"


def test_a_long_name_is_cut_in_the_subject():
    assert len(text.subject([alert(subject="x" * 5000)], "mx")) < 200


def test_what_a_first_run_found_is_no_alarm_and_stands_behind_what_is_new():
    old, new = alert(9, backlog=True, severity="critical", subject="old"), alert(1, subject="new")
    assert text.subject([old], "mx") == "First look at mx: 1 finding"
    assert text.subject([old, new], "mx") == "WARNING on mx: new tries many users, and 1 more"
    body = text.body([old, new], "mx", UTC)
    assert body.index("WARNING: It is new.") < body.index("for the first time") < body.index("CRITICAL: It is old.")


def test_times_servers_and_examples_stand_below_the_sentence():
    body = text.body([alert(servers=("mx1", "mx2"), examples=("bob", "eve"))], "mx", UTC)
    assert (
        "WARNING: It is 192.0.2.7.\n"
        "    2025-05-23 11:33 to 12:33\n"
        "    seen by: mx1, mx2\n"
        "    among them: bob, eve\n" in body
    )


def test_no_mail_grows_with_the_number_of_alerts():
    body = text.body([alert(number) for number in range(1, 1000)], "mx", UTC)
    assert body.count("WARNING: ") == text.MOST
    assert "And 969 more; the daily report has the gravest of them." in body


@pytest.mark.parametrize("name", ["a\r\nBcc: x@example.org", "a\nb", "\u2028", "é" * 300, "=?utf-8?q?x?=", "\ud800"])
def test_no_name_adds_a_header(name):
    message = letter(Config({}, {}, []), "root", text.subject([alert(subject=name)], "mx"), "text\n", "alert-1-1")
    found = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert sorted(found.keys()) == sorted(
        [
            *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
            *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
        ]
    )
    assert found["Message-ID"].startswith("<alert-1-1@")


def test_json_is_one_line_of_ascii_with_times_in_utc():
    line = as_json.line(alert(subject="é\u2028\n", examples=("a",)), "mx")
    assert line.isascii()
    assert "\n" not in line
    assert '"time": "2025-05-23T11:33:20Z"' in line
    assert as_json.line(alert(first=None, last=None), "mx").count("null") == 2
