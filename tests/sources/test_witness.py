"""Lines that are missing are told, wherever a block or a run ends; sessions that Postfix refused otherwise are not."""

import json
import random

import pytest

from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.loss import JOURNALD, RSYSLOG, SESSION
from maillogsentinel.sources.scan import Batch, Scanner
from maillogsentinel.sources.witness import Witness

CLOCK = Clock(1_747_483_200_000_000)


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def said(message, pid=321, program="postfix/smtpd", host="mx", at="11:13:00"):
    return f"May 17 {at} {host} {program}[{pid}]: {message}\n".encode()


def connect(pid=321, **where):
    return said("connect from unknown[192.0.2.7]", pid, **where)


def fail(pid=321, **where):
    return said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob", pid, **where)


def end(refused, pid=321, tls=False, done=0, **where):
    counters = f"{'ehlo=2 starttls=1' if tls else 'ehlo=1'} auth={done}/{refused + done} quit=1 commands=2/3"
    return said(f"disconnect from unknown[192.0.2.7] {counters}", pid, **where)


def session(lines, refused, pid=321, tls=False, before=(), **where):
    """A whole session with so many failure lines and refused AUTH commands; `before` its end stand these messages."""
    others = [said(message, pid, **where) for message in before]
    return [
        connect(pid, **where),
        *(fail(pid, **where) for _ in range(lines)),
        *others,
        end(refused, pid, tls, **where),
    ]


def losses(*blocks, runs=False):
    """How often and how much is missing, by kind; with `runs`, each block is read by a Scanner of its own."""
    scanner, batch = Scanner(None), Batch()
    for block in blocks:
        scanner.scan(Block(block, len(block)), CLOCK, batch)
        if runs:
            scanner = Scanner(scanner.adjacent, scanner.memory())
    totals = {}
    for (_, kind), loss in batch.losses.found.items():
        times, missing = totals.get(kind, (0, 0))
        totals[kind] = times + loss.times, missing + loss.missing
    return totals


def told(lines):
    """What is missing, which must be the same wherever the lines are cut into blocks or runs."""
    whole = losses(b"".join(lines))
    for cut in range(1, len(lines)):
        parts = b"".join(lines[:cut]), b"".join(lines[cut:])
        assert losses(*parts) == losses(*parts, runs=True) == whole, cut
    assert losses(*lines, runs=True) == whole
    return whole.get(SESSION, (0, 0))


def test_a_log_that_has_all_its_lines_has_no_loss():
    assert told(session(1, 1) + session(3, 3) + session(0, 0) + session(1, 1, tls=True)) == (0, 0)


def test_fewer_lines_than_refused_commands_are_a_loss():
    assert told(session(1, 3) + session(2, 2) + session(1, 2)) == (2, 3)


def test_a_session_without_a_line_counts_where_its_process_had_a_failure():
    assert told(session(1, 1) + session(0, 2)) == (1, 2)


def test_a_session_without_a_line_counts_where_others_of_its_kind_have_theirs():
    assert told(session(1, 1, pid=1) + session(1, 1, pid=2) + session(0, 1, pid=3)) == (1, 1)


def test_where_auth_is_not_offered_nothing_is_missing():
    bots = [line for pid in range(5) for line in session(0, 1, pid=pid, program="postfix/mx/smtpd")]
    assert told(bots + session(1, 1) + bots) == (0, 0)
    # The same under one name with a service that offers it.
    mixed = [line for pid in range(5) for line in session(0, 1, pid=pid)]
    assert told(mixed + session(1, 1) + mixed) == (0, 0)


def test_where_tls_is_needed_first_nothing_is_missing():
    bots = session(0, 1) + session(0, 3)
    assert told(session(1, 1, tls=True) + bots + session(2, 2, tls=True) + bots) == (0, 0)


@pytest.mark.parametrize(
    "reason",
    [
        "warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted",
        "warning: unknown[192.0.2.7]: SASL XOAUTH2 authentication aborted",
        "lost connection after AUTH from unknown[192.0.2.7]",
        "NOQUEUE: timeout after AUTH from unknown[192.0.2.7]",
        "warning: AUTH command rate limit exceeded: 4 from unknown[192.0.2.7] for service 2590",
        "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: generic failure",
        "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: Connection lost to authentication server",
    ],
)
def test_a_refusal_for_a_reason_that_is_told_is_no_loss(reason):
    usual = session(1, 1) + session(1, 1)
    assert told(usual + session(0, 1, before=[reason])) == (0, 0)
    assert told(usual + session(1, 2, before=[reason]) + session(1, 1)) == (0, 0)
    assert told(usual + session(0, 2, before=[reason, reason]) + session(0, 1)) == (1, 1)
    assert told(usual + session(1, 3, before=[reason])) == (1, 1)


def test_a_reason_of_another_session_excuses_nothing():
    gone = "lost connection after AUTH from unknown[192.0.2.7]"
    lines = (
        session(1, 1) + session(1, 2, before=[gone]) + session(1, 2) + session(1, 1, pid=32) + session(1, 2, pid=3211)
    )
    assert told(lines) == (2, 2)


def test_repeated_lines_are_seen():
    last = b"May 17 11:13:30 mx last message repeated 4 times\n"
    again = said("message repeated 2 times: [ warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x]")
    assert told([connect(), fail(), last, end(5), connect(), fail(), again, end(3)]) == (0, 0)
    # Even one that counts once, since what it repeats is not known.
    assert told([connect(), fail(), connect(pid=9), again, end(3)]) == (0, 0)


def test_sessions_that_began_before_the_log_are_not_judged():
    assert told([fail(), end(3), *session(1, 1)]) == (0, 0)
    assert told([end(3), *session(1, 1), end(3, pid=7)]) == (0, 0)
    assert told([*session(1, 1), end(1, pid=7), connect(pid=7), end(1, pid=7)]) == (1, 1)


def test_after_two_hours_every_session_began_before_our_eyes():
    lines = [*session(1, 1), *session(1, 1, at="13:14:00"), fail(pid=9, at="13:15:00"), end(2, pid=9, at="13:16:00")]
    assert losses(b"".join(lines[:3]), b"".join(lines[3:]))[SESSION] == (1, 1)


def test_an_interruption_begins_anew():
    scanner, batch = Scanner(None), Batch()
    scanner.scan(Block(data := b"".join(session(1, 1)) + connect() + fail(), len(data)), CLOCK, batch)
    scanner.interrupted()
    scanner.scan(Block(data := end(5) + b"".join(session(1, 1)), len(data)), CLOCK, batch)
    assert batch.losses.found == {}
    scanner.scan(Block(data := b"".join(session(1, 3)), len(data)), CLOCK, batch)
    assert [(loss.times, loss.missing) for loss in batch.losses.found.values()] == [(1, 2)]


def test_servers_and_services_with_the_same_pid_are_kept_apart():
    lines = [connect(), connect(host="h2"), connect(program="postfix/submission/smtpd")]
    lines += [fail(), fail(host="h2"), fail(program="postfix/submission/smtpd"), end(1), end(1, host="h2")]
    assert told([*lines, end(2, program="postfix/submission/smtpd")]) == (1, 1)


def test_a_success_in_the_session_is_not_refused():
    assert told([connect(), fail(), fail(), end(2, done=1), connect(), end(0, done=1), *session(1, 1)]) == (0, 0)


def test_who_is_logged_in_may_be_refused_to_log_in_again():
    assert told([*session(1, 1), *session(1, 1), connect(), end(1, done=1)]) == (0, 0)
    assert told([*session(1, 1), connect(), fail(), end(3, done=1)]) == (1, 2)


def test_what_a_client_says_is_no_end_of_a_session():
    forged = "disconnect from x[192.0.2.7] ehlo=1 auth=0/9 quit=1"
    texts = [
        f"warning: non-SMTP command from unknown[192.0.2.7]: {forged}",
        f'warning: unknown[192.0.2.7]: SASL "{forged}" authentication failed: Invalid authentication mechanism',
        f"NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1; helo=<{forged}>",
        f"improper command pipelining after DATA from unknown[192.0.2.7]: {forged}",
    ]
    assert told([*session(1, 1), *(said(text) for text in texts), *session(1, 1)]) == (0, 0)


def journal(message, program="postfix/smtpd"):
    entry = {"__REALTIME_TIMESTAMP": "1747473180123456", "_HOSTNAME": "mx", "SYSLOG_PID": "321", "MESSAGE": message}
    return json.dumps({**entry, "SYSLOG_IDENTIFIER": program}).encode() + b"\n"


def test_the_journals_json_tells_the_same():
    lines = [line.decode().partition("]: ")[2].rstrip() for line in session(1, 1) + session(1, 3) + session(0, 1)]
    assert told([journal(line) for line in lines]) == (2, 3)
    gone = "lost connection after AUTH from unknown[192.0.2.7]"
    lines = [line.decode().partition("]: ")[2].rstrip() for line in session(1, 1) + session(0, 1, before=[gone])]
    assert told([journal(line) for line in lines]) == (0, 0)


def drops(message, program="rsyslogd"):
    return f"May 17 11:13:00 mx {program}: {message}\n".encode()


BEGIN = "imuxsock[pid: {pid}, name: smtpd] from <mx:{program}>: begin to drop messages due to rate-limiting"
LOST = "imuxsock[pid: {pid}, name: smtpd]: {lost} messages lost due to rate-limiting (5 allowed within 2 seconds)"


def test_what_rsyslog_dropped_counts_once_for_its_two_lines():
    lines = [drops(BEGIN.format(pid=7, program="postfix")), *session(1, 1), drops(LOST.format(pid=7, lost=15))]
    lines += [drops(LOST.format(pid=8, lost=4)), drops(BEGIN.format(pid=9, program="dovecot")), *session(1, 1)]
    told(lines)
    assert losses(b"".join(lines)) == {RSYSLOG: (3, 19)}


def test_what_rsyslog_dropped_of_another_program_is_not_told():
    lines = [drops(BEGIN.format(pid=7, program="nginx")), *session(1, 1), drops(LOST.format(pid=7, lost=15))]
    told(lines)
    assert losses(b"".join(lines)) == {}


def test_what_journald_suppressed_counts_where_it_is_mail():
    lines = [drops(f"Suppressed {n} messages from {unit}", "systemd-journald[5]")
             for n, unit in ((10, "postfix@-.service"), (5, "nginx.service"), (1, "dovecot.service"))]  # fmt: skip
    assert losses(b"".join(lines)) == {JOURNALD: (2, 11)}
    assert losses(journal("Suppressed 3 messages from postfix.service", "systemd-journald")) == {JOURNALD: (1, 3)}


def test_in_a_large_block_the_notice_is_found_where_other_programs_write():
    mail = connect() * 3000
    notice = drops(LOST.format(pid=7, lost=15))
    assert losses(mail + notice + mail) == {RSYSLOG: (1, 15)}
    cron = b"May 17 11:13:00 mx CRON[5]: x\n"
    assert losses(cron + mail, mail + notice + mail) == {RSYSLOG: (1, 15)}
    assert losses(cron + mail, mail + notice + mail, runs=True) == {RSYSLOG: (1, 15)}


def test_what_is_remembered_is_bounded():
    witness, losses = Witness(), Batch().losses
    for first in range(0, 20_000, 500):
        scanner = Scanner(None)
        scanner._witness = witness
        data = b"".join(connect(pid) + fail(pid) + end(1, pid, host=f"h{pid}") for pid in range(first, first + 500))
        scanner.scan(Block(data, len(data)), CLOCK, Batch())
    memory = witness.memory()
    assert (len(memory["processes"]), len(memory["fresh"]), len(memory["kinds"])) == (4096, 4096, 1024)
    assert losses.found == {}


@pytest.mark.parametrize("seed", range(10))
def test_of_lines_taken_out_of_a_log_just_those_are_missing(seed):
    chance = random.Random(seed)
    under_way, lines = {}, []
    for _ in range(400):
        pid = chance.randrange(6)
        if pid not in under_way:
            lines.append(connect(pid))
            under_way[pid] = 0
        elif chance.random() < 0.3 and under_way[pid]:
            lines.append(end(under_way.pop(pid), pid))
        else:
            lines.append(fail(pid))
            under_way[pid] += 1
    assert told(lines[:150]) == (0, 0)
    begin = b"".join(line for pid in range(6) for line in session(1, 1, pid=pid))
    failures = [place for place, line in enumerate(lines) if b"failed" in line]
    ended = {place for place in failures if any(
        b"disconnect" in later and later.split(b"[")[1] .split(b"]")[0] == lines[place].split(b"[")[1].split(b"]")[0]
        for later in lines[place:])}  # fmt: skip
    gone = set(chance.sample(failures, 30))
    rest = [line for place, line in enumerate(lines) if place not in gone]
    assert losses(begin, *rest)[SESSION][1] == len(gone & ended)
