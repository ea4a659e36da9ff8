"""Successful logins in every form, and nothing else that looks like one."""

import json

import pytest

from maillogsentinel.parse import login
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
SMTPD = "May 17 11:13:00 mx postfix/submission/smtpd[321]: "
MAIL = "4bFd2v1zZzz: client=a.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username={user}"
IMAP = "imap-login: {what}: user=<{user}>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.25, mpid=99, TLS, session=<PeYcgj>"


def found(line):
    raw = line.encode("utf-8", "surrogateescape")
    hit = raw.find(login.WORD)
    essence = None if hit < 0 else login.essence(raw, 0, hit, len(raw), CLOCK)
    return None if essence is None else login.login(essence)


def who(line):
    got = found(line)
    return got and (got.user, got.ip)


@pytest.mark.parametrize(
    "head",
    [
        SMTPD,
        "2025-05-17T11:13:00.123456+02:00 mx postfix/smtpd[321]: ",
        "<22>May 17 11:13:00 mx postfix/smtpd[321]: ",
        "mail | May 17 11:13:00 mx postfix/smtpd[321]: ",
        "<22>1 2025-05-17T11:13:00.123456+02:00 mx postfix 321 - -  ",
    ],
)
def test_postfix_names_who_sends_a_mail(head):
    assert who(head + MAIL.format(user="bob")) == ("bob", "192.0.2.7")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("NOQUEUE: client=unknown[192.0.2.7], sasl_method=LOGIN, sasl_username=bob", ("bob", "192.0.2.7")),
        ("8A1F: client=unknown[192.0.2.7]:4711, sasl_method=SCRAM-SHA-256, sasl_username=bob", ("bob", "192.0.2.7")),
        ("8A1F: client=a[2001:db8:0:0::1], sasl_method=PLAIN, sasl_username=bob", ("bob", "2001:db8::1")),
        (MAIL.format(user="bob, sasl_sender=alice@example.org"), ("bob", "192.0.2.7")),
        (MAIL.format(user="bob, orig_queue_id=8A1F, orig_client=x[192.0.2.9]"), ("bob", "192.0.2.7")),
        (MAIL.format(user="a, b <c>@d"), ("a, b <c>@d", "192.0.2.7")),
        (MAIL.format(user="é\u202e"), ("é\\u202E", "192.0.2.7")),
        (MAIL.format(user=""), None),
        (MAIL.format(user="x" * 256), None),
        ("8A1F: client=unknown[unknown], sasl_method=PLAIN, sasl_username=bob", None),
        ("8A1F: client=unknown[192.0.2.7]", None),
        ("8A1F: reject: RCPT from unknown[192.0.2.7]: 554 x; sasl_method=PLAIN sasl_username=bob", None),
        ("warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: x, sasl_username=bob", None),
        ("8A1F: reject: helo=<" + MAIL.format(user="bob") + ">", None),
        ("warning: non-SMTP command from unknown[192.0.2.7]: " + MAIL.format(user="bob"), None),
    ],
)
def test_what_smtpd_says(message, expected):
    assert who(SMTPD + message) == expected
    assert who(SMTPD.replace("smtpd[", "smtp[") + message) is None


@pytest.mark.parametrize("what", ["Login", "Logged in"])
@pytest.mark.parametrize("daemon", ["imap-login", "pop3-login", "managesieve-login", "submission-login"])
@pytest.mark.parametrize(
    "head",
    [
        "May 17 11:13:00 mx dovecot: ",
        "2025-05-17T11:13:00.123456+02:00 mx dovecot[77]: ",
        "<22>1 2025-05-17T11:13:00.123456+02:00 mx dovecot 77 - -  ",
    ],
)
def test_every_login_daemon_of_dovecot_names_who_logs_in(head, daemon, what):
    line = head + IMAP.format(what=what, user="bob@example.org").replace("imap-login", daemon)
    assert who(line) == ("bob@example.org", "192.0.2.7")
    assert who(line.replace("-login: ", "-login: Info: ")) == ("bob@example.org", "192.0.2.7")


DOVECOT = "May 17 11:13:00 mx dovecot: "


@pytest.mark.parametrize(
    "user",
    [
        "a>, method=PLAIN, rip=198.51.100.1, lip=192.0.2.25",
        "a, lip=b",
        "<b>",
        "x>, method=y",
        "imap-login: Login: user=<x",
    ],
)
def test_a_user_name_may_hold_anything(user):
    assert who(DOVECOT + IMAP.format(what="Login", user=user)) == (user, "192.0.2.7")


@pytest.mark.parametrize(
    "message",
    [
        IMAP.format(what="Disconnected (auth failed, 1 attempts in 2 secs)", user="bob"),
        IMAP.format(what="Aborted login (auth failed, 1 attempts in 2 secs)", user="bob"),
        IMAP.format(
            what="Login aborted: Connection closed (auth failed, 3 attempts in 16 secs) (auth_failed)", user="b"
        ),
        "imap(bob)<1><x>: " + IMAP.format(what="Login", user="bob"),
        "auth: " + IMAP.format(what="Login", user="bob"),
        IMAP.format(what="Disconnected: Login", user="x>, imap-login: Login: user=<bob"),
        IMAP.format(what="Login", user="bob").replace("rip=192.0.2.7", "rip=here"),
        "imap-login: Login: user=<bob>, method=PLAIN",
    ],
)
def test_what_dovecot_says_otherwise_is_no_login(message):
    assert who(DOVECOT + message) is None


def test_another_program_is_not_believed():
    for program in ("imap-login", "xdovecot", "postfix/smtpd[1]", "dovecot/x"):
        assert who(f"May 17 11:13:00 mx {program}: " + IMAP.format(what="Login", user="bob")) is None


def test_the_journals_json_is_read():
    usual = {"__REALTIME_TIMESTAMP": "1747473180123456", "_HOSTNAME": "mx", "SYSLOG_PID": "321"}
    for program, message in (
        ("dovecot", IMAP.format(what="Login", user="bob")),
        ("postfix/smtpd", MAIL.format(user="bob")),
    ):
        line = json.dumps({**usual, "SYSLOG_IDENTIFIER": program, "MESSAGE": message})
        assert who(line) == ("bob", "192.0.2.7")


@pytest.mark.parametrize(
    ("ip", "network"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("::1", "::/48")],
)
def test_the_network_is_a_24_or_a_48(ip, network):
    assert found(SMTPD + MAIL.format(user="bob").replace("192.0.2.7", ip)).network == network


def test_the_next_login_of_the_same_user_from_there_has_the_same_essence():
    essences = set()
    for session in ("a", "b"):
        line = (
            (DOVECOT + IMAP.format(what="Login", user="bob")).replace("PeYcgj", session).replace("99", session).encode()
        )
        essences.add(login.essence(line, 0, line.find(login.WORD), len(line), CLOCK))
    assert len(essences) == 1
