"""Whatever bytes stand in a line: `read` gives an answer, and what it gives is safe."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from maillogsentinel.localtime import LocalTime
from maillogsentinel.model import Failure, Trouble, raw_bytes
from maillogsentinel.parse import login, session
from maillogsentinel.parse.header import MAX_LINE
from maillogsentinel.parse.postfix import JOURNAL, raw_mechanism, read
from maillogsentinel.parse.repeats import last_message
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
BEFORE = Failure(1, "mx", "192.0.2.7", "bob", None, "LOGIN", "x", "smtpd", 321, 1)
TIMES = LocalTime("UTC", seconds=True)
SAID = b"warning: mail.example.org[192.0.2.7]:99: SASL LOGIN authentication failed: x, sasl_username=bob"
VALID = [
    b"May 17 11:13:00 mx postfix/smtpd[321]: " + SAID,
    b"Feb 29 11:13:00.123 <mail.warn> 2001:db8::50 mail.warn postfix/smtps/smtpd[321]: [ID 197553 mail.warning] "
    + SAID,
    b"2025-05-17T11:13:00.123456+02:00 mx postfix/submission/smtpd[321]: message repeated 3 times: [ " + SAID + b"]",
    b"Sat 2025-05-17 11:13:00 CEST mx postfix/smtpd[321]: " + SAID,
    b"1747480380.123456 mx postfix/smtpd[321]: " + SAID,
    b'<20>1 2025-05-17T11:13:00Z mx postfix 321 - [a@1 b="c\\"d"][e]  ' + SAID,
    b"mailserver-1  | mx postfix/smtpd[321]: " + SAID,
    b"May 17 11:13:00 mx last message repeated 4 times",
    b"May 17 11:13:00 mx postfix/smtpd[321]: disconnect from unknown[192.0.2.7] ehlo=2 starttls=1 auth=1/3 commands=2",
    b"May 17 11:13:00 mx postfix/smtpd[321]: 8A1F: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=bob",
    b"May 17 11:13:00 mx dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.25, mpid=9",
    b"May 17 11:13:00 mx rsyslogd: imuxsock[pid 9]: 6 messages lost due to rate-limiting",
    b"May 17 11:13:00 mx syslog-ng[5]: Last message 'warning: unknown[192' repeated 4 times, suppressed by syslog-ng",
    json.dumps(
        {"log": "May 17 11:13:00 mx postfix/smtpd[1]: " + SAID.decode(), "time": "2025-05-17T11:13:00Z"}
    ).encode(),
    json.dumps(
        {
            "__REALTIME_TIMESTAMP": "1747473180123456",
            "_HOSTNAME": "mx",
            "SYSLOG_IDENTIFIER": "postfix/smtpd",
            "SYSLOG_PID": "321",
            "MESSAGE": list(SAID),
        }
    ).encode(),
]


def check(line):
    """Read a line in every way that the program does, and look at what comes out."""
    found = read(line, CLOCK)
    raw_mechanism(line, CLOCK)
    again = last_message(line, BEFORE, CLOCK)
    JOURNAL.search(line)
    witness(line)
    for result in (found, again[0] if again else ""):
        if isinstance(result, str):
            continue
        assert len(TIMES.text(result.stamp)) == 19
        if isinstance(result, Trouble):
            continue
        assert result.repeat >= 0
        assert result.pid is None or result.pid >= 0
        for text in (result.server, result.user, result.hostname, result.mechanism, result.reason, result.service):
            if text is not None:
                assert all(char.isprintable() or char >= "\xa0" for char in text), text
                raw_bytes(text)
    return found


def witness(line):
    """Read a line as one that may tell of lost lines, or of a login."""
    stop = len(line)
    for hit in {0, max(0, line.find(session.COUNTER))}:
        session.ended(line, 0, hit, stop, CLOCK)
    for ask in (session.begun, session.excuse, session.aborted, session.notice):
        ask(line, CLOCK)
    for hit in {0, max(0, line.find(login.WORD))}:
        essence = login.essence(line, 0, hit, stop, CLOCK)
        found = None if essence is None else login.login(essence)
        if found:
            assert all(char.isprintable() or char >= "\xa0" for char in found.user), found
            assert found.network.endswith(("/24", "/48"))


@settings(max_examples=150)
@given(st.binary(max_size=300))
@example(b"\0" * MAX_LINE)
@example(b" " * MAX_LINE)
@example(b"May 17 11:13:00 " + b"a " * 8000)
@example(b"<20>1 2025-05-17T11:13:00Z a b c d " + b'["' * 8000)
@example(b"{" * MAX_LINE)
@example(b"[" * (MAX_LINE * 2))
@example(b'{"log":"' + b"[" * 9000)
def test_any_bytes_are_read(line):
    check(line)


@st.composite
def mutated(draw):
    line = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line)))
        length = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.binary(max_size=12), st.sampled_from(VALID), st.integers().map(lambda n: b"%d" % n)))
        line[at : at + length] = piece
    return bytes(line)


@settings(max_examples=250)
@given(mutated())
def test_any_mutation_of_a_valid_line_is_read(line):
    check(line)


@settings(max_examples=150)
@given(st.sampled_from([0, 1, 2, 3, 4, 5, 6]), st.binary(max_size=150))
def test_the_user_of_a_failure_is_what_stands_behind_the_marker(number, user):
    line, _, rest = VALID[number].partition(b"=bob")
    if rest:
        assert rest == b"]"
    found = check(line + b"=" + user + rest)
    assert type(found) is Failure
    assert found.ip == "192.0.2.7"
    assert found.user is None if user == b"(unavailable)" else raw_bytes(found.user) == user


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_no_mechanism_makes_a_client_another_one_or_hides_it(mechanism):
    """The mechanism is the client's own text: whatever it is, the record names the client's address and no user."""
    line = VALID[0].replace(b"LOGIN", mechanism).replace(b" x, sasl_username=bob", b" Invalid authentication mechanism")
    found = check(line)
    assert type(found) is Failure
    assert (found.ip, found.user, found.repeat) == ("192.0.2.7", None, 1)
