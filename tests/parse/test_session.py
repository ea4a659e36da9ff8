"""Ends of sessions, reasons for refused AUTH commands, and notices of dropped messages, in every form and no other."""

import json

import pytest

from maillogsentinel.parse import session
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
END = "disconnect from unknown[192.0.2.7] ehlo=1 auth=0/1 quit=1 commands=2/3"
FORMS = [
    "May 17 11:13:00 mx {program}[321]: {message}",
    "2025-05-17T11:13:00.123456+02:00 mx {program}[321]: {message}",
    "2025-05-17T11:13:00Z mx {program}[321]: {message}",
    "<20>May 17 11:13:00 mx {program}[321]: {message}",
    "mailserver | May 17 11:13:00 mx {program}[321]: {message}",
    "May 17 11:13:00 mx {program}[321]: [ID 197553 mail.info] {message}",
]


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def ended(line):
    """What the line says at a session's end, wherever it stands in a block."""
    results = []
    for before, behind in ((b"", b""), (b"x\n", b"\nx auth=0/9 ")):
        data = before + line + behind
        hit = data.find(session.COUNTER)
        results.append(
            None if hit < 0 else session.ended(data, len(before), hit, len(before + line), CLOCK) if line else None
        )
    assert results[0] == results[1] or session.COUNTER not in line
    return results[0]


def said(message, program="postfix/smtpd", form=FORMS[0]):
    return form.format(program=program, message=message).encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("program", "service"), [("postfix/smtpd", "smtpd"), ("postfix-out/submission/smtpd", "submission")]
)
def test_a_sessions_end_is_read_in_every_form_of_a_line(form, program, service):
    assert ended(said(END, program, form)) == (("mx", service, 321), 1, False, False)


def test_the_journals_json_is_read():
    entry = {"__REALTIME_TIMESTAMP": "1747473180123456", "SYSLOG_IDENTIFIER": "postfix/smtps/smtpd", "_HOSTNAME": "mx",
             "SYSLOG_PID": "321", "MESSAGE": END}  # fmt: skip
    assert ended(json.dumps(entry).encode()) == (("mx", "smtps", 321), 1, False, False)


@pytest.mark.parametrize(
    ("counters", "found"),
    [
        ("ehlo=1 auth=0/1 commands=1/2", (1, False, False)),
        ("ehlo=2 starttls=1 auth=1/3 mail=1 commands=5/7", (2, True, True)),
        ("helo=1 auth=0/20 rset=1 commands=2/22", (20, False, False)),
        ("auth=12/345 commands=1/2", (333, False, True)),
        ("ehlo=1 auth=0/1", (1, False, False)),
    ],
)
def test_what_was_refused_is_the_total_less_what_succeeded(counters, found):
    for client in ("unknown[192.0.2.7]", "a.b-c.example.org[2001:db8::1]:4711", "unknown[unknown]"):
        assert ended(said(f"disconnect from {client} {counters}"))[1:] == found


@pytest.mark.parametrize(
    "line",
    [
        said("disconnect from unknown[192.0.2.7] ehlo=1 auth=1 quit=1 commands=3"),
        said("disconnect from unknown[192.0.2.7] ehlo=1 auth=1/1 quit=1 commands=3"),
        said("disconnect from unknown[192.0.2.7] ehlo=1 auth=2/1 quit=1 commands=3"),
        said("disconnect from unknown[192.0.2.7] ehlo=1 auth=/1 quit=1 commands=3"),
        said("disconnect from unknown[192.0.2.7] ehlo=1 quit=1 commands=2"),
        said(END, "postfix/smtp"),
        said(END, "dovecot"),
        said(f"NOQUEUE: reject: RCPT from a[192.0.2.7]: 554; proto=ESMTP helo=<{END}>"),
        said(f"warning: non-SMTP command from unknown[192.0.2.7]: {END}"),
        said(f'warning: unknown[192.0.2.7]: SASL "x]: {END}" authentication failed: x'),
        said(f"improper command pipelining after AUTH from unknown[192.0.2.7]: {END}"),
        b"May 17 11:13:00 mx postfix/smtpd: " + END.encode(),
        b"x postfix/smtpd[321]: " + END.encode(),
    ],
)
def test_what_only_looks_like_a_sessions_end_is_none(line):
    assert ended(line) is None


WHO = ("mx", "smtpd", 321)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("lost connection after AUTH from unknown[192.0.2.7]", WHO),
        ("NOQUEUE: lost connection after AUTH from unknown[192.0.2.7]", WHO),
        ("4bFd2v1zZzz: timeout after AUTH from unknown[192.0.2.7]", WHO),
        ("improper command pipelining after AUTH from unknown[192.0.2.7]: QUIT\\r\\n", WHO),
        ("warning: AUTH command rate limit exceeded: 4 from unknown[192.0.2.7] for service 2590", WHO),
        ("too many errors after AUTH from unknown[192.0.2.7]", None),
        ("lost connection after DATA from unknown[192.0.2.7]", None),
        ("NOQUEUE: reject: x helo=<lost connection after AUTH from unknown[192.0.2.7]>", None),
        ("warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted", None),
    ],
)
def test_why_auth_was_refused_without_a_login(message, found):
    assert session.excuse(said(message), CLOCK) == found
    assert session.excuse(said(message, "postfix/smtp"), CLOCK) is None


def test_a_login_that_was_given_up_has_its_own_line():
    assert session.aborted(said("warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted"), CLOCK) == WHO
    assert session.aborted(said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x"), CLOCK) is None
    assert session.aborted(said("x: warning: unknown[192.0.2.7]: SASL x authentication aborted"), CLOCK) is None


def test_a_sessions_begin():
    assert session.begun(said("connect from unknown[192.0.2.7]"), CLOCK) == WHO
    assert session.begun(said("warning: connect from unknown[192.0.2.7]"), CLOCK) is None
    assert session.begun(said("connect from unknown[192.0.2.7]", "postfix/postscreen"), CLOCK) is None


# As rsyslog 8.2302 and 8.1911, 7 and 5, and systemd 252 and 219 write them.
NOTICES = [
    ("rsyslogd-2177", "imuxsock[pid: 327, name: /usr/lib/postfix/sbin/smtpd] from <mx:postfix>: begin to drop messages"
     " due to rate-limiting", ("rsyslog", "mx imuxsock 327", None, True)),
    ("rsyslogd-2177", "imuxsock[pid: 327, name: /usr/sbin/x]: 15 messages lost due to rate-limiting (5 allowed within 2"
     " seconds)", ("rsyslog", "mx imuxsock 327", 15, None)),
    ("rsyslogd", "imuxsock[pid 9]: begin to drop messages due to rate-limiting",
     ("rsyslog", "mx imuxsock 9", None, None)),
    ("rsyslogd", "imuxsock[pid 9]: 6 messages lost due to rate-limiting", ("rsyslog", "mx imuxsock 9", 6, None)),
    ("rsyslogd", "imuxsock[pid: 7, name: /bin/x] from <mx:nginx>: begin to drop messages due to rate-limiting",
     ("rsyslog", "mx imuxsock 7", None, False)),
    ("rsyslogd", "imjournal: 1204 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
     ("rsyslog", "mx imjournal ", 1204, None)),
    ("rsyslogd-2177", "imuxsock begins to drop messages from pid 9 due to rate-limiting",
     ("rsyslog", "mx imuxsock 9", None, None)),
    ("rsyslogd-2177", "imuxsock lost 255 messages from pid 9 due to rate-limiting",
     ("rsyslog", "mx imuxsock 9", 255, None)),
    ("systemd-journald[55]", "Suppressed 41 messages from postfix@-.service",
     ("journald", "postfix@-.service", 41, True)),
    ("systemd-journal[55]", "Suppressed 41 messages from /system.slice/dovecot.service",
     ("journald", "dovecot.service", 41, True)),
    ("systemd-journald[55]", "Suppressed 41 messages from nginx.service", ("journald", "nginx.service", 41, False)),
]  # fmt: skip


@pytest.mark.parametrize(("program", "message", "found"), NOTICES)
def test_what_syslog_daemons_say_of_dropped_messages(program, message, found):
    assert session.NOTICE in message.encode()
    for stamp in ("May 17 11:13:00", "2025-05-17T11:13:00.000000+00:00"):
        notice = session.notice(f"{stamp} mx {program}: {message}".encode(), CLOCK)
        assert notice == (1_747_480_380_000_000, *found)


def test_the_journals_own_notice():
    entry = {"__REALTIME_TIMESTAMP": "1747473180123456", "SYSLOG_IDENTIFIER": "systemd-journald", "_HOSTNAME": "mx",
             "_PID": "55", "MESSAGE": "Suppressed 41 messages from postfix.service"}  # fmt: skip
    notice = session.notice(json.dumps(entry).encode(), CLOCK)
    assert notice == (1747473180123456, "journald", "postfix.service", 41, True)


@pytest.mark.parametrize("message", [message for _, message, _ in NOTICES])
def test_nobody_else_can_say_that_messages_were_dropped(message):
    for program in ("postfix/smtpd[9]", "dovecot", "x rsyslogd", "rsyslogd-x", "postfix/rsyslogd[9]"):
        assert session.notice(f"May 17 11:13:00 mx {program}: {message}".encode(), CLOCK) is None
    for text in (f"rsyslogd: {message}", f"helo=<{message}>", f"{message}>", f"x {message}"):
        assert session.notice(said(text), CLOCK) is None
        assert session.notice(f"May 17 11:13:00 mx rsyslogd: {text}".encode(), CLOCK) is None
