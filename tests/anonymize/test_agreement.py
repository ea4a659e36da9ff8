"""An anonymized line means the same to this program as the line did: the same record, up to renaming."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.anonymize.agreement import anonymizer, disagreements, meaning
from tests.conftest import CHECKOUT

CORPUS = Path(os.environ.get("MAILLOGSENTINEL_CORPUS") or "/nonexistent")
LOGS = [*(CHECKOUT / "demo").glob("mail.log*"), *CORPUS.glob("postfix/*.log")]
HEADERS = [
    b"May  7 11:13:00 mx1 ",
    b"May 7 11:13:00 mx1 ",
    b"Apr 08 20:13:45 mx1.example.org ",
    b"2025-12-02T07:01:16.393264+03:00 mail ",
    b"2025-05-16T08:01:16Z mail.example.org ",
    b"2022-01-18T04:35:25.199554 X ",
    b"2025-05-17T11:13:00+0200 192.0.2.25 ",
    b"May 17 11:13:00.123456 2001:db8::25 ",
    b"Sat 2025-05-17 11:13:00 CEST mx1 ",
    b"Sat 2025-05-17 11:13:00 UTC mx1 ",
    b"2025-05-17 11:13:00 UTC mx1 ",
    b"1747473180.123456 mx1 ",
    b"May 30 22:00:35 gr mail.warn ",
    b"May 17 11:13:00 <2.4> mx1 ",
    b"May 17 11:13:00 <mail.warn> mx1 ",
    b"<20>May 17 11:13:00 mx1 ",
    b"<20>2026-11-22T07:35:40.206955+00:00 mx1 ",
    b"mailserver | 2026-11-22T07:35:40.206955+00:00 mx1 ",
    b"2024-02-08T16:42:00.441548+00:00 INFO    ",
]
FAILED = (
    b"warning: dsl-7.example.net[192.0.2.7]: SASL LOGIN authentication failed: (reason unavailable), sasl_username="
)
REASONS = [
    b"Connection lost to authentication server", b"Can't connect to authentication server", b"generic failure",
    b"no memory available", b"transient failure (e.g., weak key)", b"remote authentication server unavailable",
    b"Invalid authentication mechanism", b"Invalid authentication mechanism: 'XOAUTH2'", b"UGFzc3dvcmQ6", b"",
    b"Invalid base64 data in initial response", b"Invalid base64 data in continued response",
    b"user exists, but no verifier for user", b"authentication failure", b"bad protocol / cancel",
]  # fmt: skip
USERS = [
    b"alice", b"Alice", b"alice@example.org", b" padded ", b"", b"(unavailable)", b"x, sasl_username=root", b"[x]",
    b"]", b"]: SASL PLAIN authentication failed: y", b"caf\xc3\xa9", b"\xff\x00", b"a@b@c", b"@", b"null", b"'",
    b"192.0.2.7",
]  # fmt: skip


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_every_line_of_a_real_log_means_the_same(path):
    data = path.read_bytes()
    assert disagreements(gzip.decompress(data) if path.suffix == ".gz" else data) == []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="set MAILLOGSENTINEL_CORPUS to the directory of the labelled log lines")
@pytest.mark.parametrize("name", ["real-lines.jsonl", "derived-lines.jsonl"])
def test_every_line_of_the_corpus_means_the_same(name):
    lines = [json.loads(line)["line"] for line in (CORPUS / name).read_text().splitlines()]
    assert disagreements("\n".join(lines).encode("utf-8", "surrogateescape")) == []


@pytest.mark.parametrize("header", HEADERS)
def test_a_failure_is_one_behind_every_form_of_header(header):
    line = header + b"postfix/submission/smtpd[123]: " + FAILED + b"alice@example.org"
    assert meaning(line, True)[0].user
    assert disagreements(line) == []


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("front", [b"", b"message repeated 3 times: [ ", b"[ID 197553 mail.warning] "])
def test_a_hostile_user_name_stays_one_name(user, front):
    line = HEADERS[3] + b"postfix/smtpd[1]: " + front + FAILED + user + (b"]" if front.startswith(b"mess") else b"")
    assert disagreements(line) == []


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_keeps_its_meaning(reason):
    line = HEADERS[3] + b"postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: " + reason
    assert disagreements(line) == []
    assert anonymizer().line(line).endswith(b"failed: " + reason)


@pytest.mark.parametrize(
    "message",
    [
        b'SASL "PLAIN authentication failed: x, sasl_username=victim@example.org" authentication failed: Invalid'
        b" authentication mechanism, sasl_username=(unavailable)",
        b'SASL "x]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=victim authentication failed:'
        b" Invalid authentication mechanism",
        b"SASL two words authentication failed: authentication failure",
        b"SASL PLAIN authentication aborted",
        b"SASL two words authentication aborted",
    ],
)
def test_a_mechanism_that_the_client_made_up_stays_one(message):
    line = HEADERS[3] + b"postfix/smtpd[1]: warning: unknown[192.0.2.7]: " + message
    assert disagreements(line) == []
    assert b"victim" not in anonymizer().line(line)


@pytest.mark.parametrize(
    "repetition",
    [
        b"May  7 11:13:01 mx1 last message repeated 3 times",
        b"May  7 11:13:01 mx1 syslogd: last message repeated 3 times",
        b"May  7 11:13:01 mx1 postfix/smtpd[1]: Last message 'warning: unknown[203' repeated 3 times, suppressed by"
        b" syslog-ng on mx1",
        b"May  7 11:13:01 mx1 postfix/smtpd[1]: Last message 'warning: unknown[203' repeated 3 times, suppressed by"
        b" syslog-ng on mx1\nMay  7 11:13:02 mx1 postfix/smtpd[1]: Last message 'warning: unknown[203' repeated 2"
        b" times, suppressed by syslog-ng on mx1",
    ],
)
def test_a_repetition_belongs_to_the_line_before_it(repetition):
    line = b"May  7 11:13:00 mx1 postfix/smtpd[1]: warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: x"
    assert disagreements(line + b"\n" + repetition) == []
    assert b"203" not in anonymizer().block(line + b"\n" + repetition)
