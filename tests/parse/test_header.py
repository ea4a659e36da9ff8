"""The header of a line, taken apart: host, program, process and message, whichever daemon or container wrote it."""

import json
from datetime import UTC, datetime

import pytest

from maillogsentinel.parse.header import MAX_LINE, header
from maillogsentinel.parse.postfix import read
from maillogsentinel.parse.stamp import Clock

NOON = int(datetime(2025, 5, 17, 12, tzinfo=UTC).timestamp()) * 1_000_000
SAID = "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob"


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def parts(line):
    return header(line if isinstance(line, bytes) else line.encode(), Clock(NOON))


def failure(line):
    return read(line if isinstance(line, bytes) else line.encode(), Clock(NOON))


@pytest.mark.parametrize(
    "host",
    ["mx", "mail.example.org", "cfdc15465ebd", "mail-6467bff798-nptxm", "192.0.2.50", "2001:db8::50", "5", "____", "MX",
     "UTC-1", "mail.warning"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    ["May 17 11:13:00 {} ", "May 7 11:13:00 {} ", "2025-05-17T11:13:00.123456+00:00 {} ", "2025-05-17T11:13:00 {} ",
     "Sat 2025-05-17 11:13:00 CEST {} ", "1747480380.123456 {} ", "<20>May 17 11:13:00 {} ",
     "May 17 11:13:00 <2.4> {} ", "May 17 11:13:00 <mail.warn> {} ", "May 17 11:13:00 {} mail.warn ",
     "May 17 11:13:00  {}   "],
)  # fmt: skip
def test_the_host_is_one_word_of_any_shape(form, host):
    found = parts(form.format(host) + f"postfix/smtpd[321]: {SAID}")
    assert (found.host, found.program, found.pid, found.message) == (
        host.encode(), b"postfix/smtpd", 321, SAID.encode(),
    )  # fmt: skip
    assert failure(form.format(host) + f"postfix/smtpd[321]: {SAID}").server == host


@pytest.mark.parametrize("level", ["INFO   ", "WARNING", "ERR    ", "-"])
@pytest.mark.parametrize("stamp", ["2025-05-17T11:13:00.441548+00:00", "2025-05-17T11:13:00", "May 17 11:13:00"])
def test_a_level_in_the_hosts_place_names_no_host(stamp, level):
    line = f"{stamp} {level} postfix/relay/smtpd[364]: {SAID}"
    assert parts(line).host is None
    assert failure(line).server is None
    assert failure(line).service == "relay"
    trouble = failure(f"{stamp} {level} postfix/smtpd[1]: warning: a[192.0.2.7]: SASL X authentication failed: generic"
                      " failure")  # fmt: skip
    assert trouble.server is None


def test_a_host_in_capital_letters_is_no_time_zone():
    assert failure(f"2025-05-17T11:13:00 MAIL postfix/smtpd[1]: {SAID}").server == "MAIL"


def test_a_missing_host_is_none():
    assert parts(f"2025-05-17T11:13:00Z postfix/smtpd[1]: {SAID}").host is None


@pytest.mark.parametrize(
    ("program", "service"),
    [
        ("postfix/smtpd", "smtpd"),
        ("postfix/submission/smtpd", "submission"),
        ("postfix/submissions/smtpd", "submissions"),
        ("postfix/smtps/smtpd", "smtps"),
        ("postfix/smtp-25/smtpd", "smtp-25"),
        ("postfix-out/smtpd", "smtpd"),
        ("postfix-in/submission/smtpd", "submission"),
        ("postfix/relay/extra/smtpd", "relay/extra"),
        ("example.org/smtpd", "smtpd"),
        ("mta/2525/smtpd", "2525"),
        ("/smtpd", "smtpd"),
    ],
)
@pytest.mark.parametrize("form", ["May 17 11:13:00 mx {}[321]: ", "May 7 11:13:00 mx {}[321]: "])
def test_every_program_that_ends_in_smtpd_is_postfix_and_names_its_service(form, program, service):
    assert failure(form.format(program) + SAID).service == service


@pytest.mark.parametrize(
    "program",
    ["postfix/smtp[1]", "postfix/smtpd", "postfix/smtpd[x]", "postfix/smtpd[]", "smtpd[1]", "postfix[1]",
     "postfix/smtpd-wrapper[1]", "postfix/smtpdx[1]", "postfix/smtpd[12345678901]", "postfix/smtpd[1] x",
     "dovecot[1]", "postfix/postscreen[1]", "opensmtpd[1]"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["May 17 11:13:00 mx {}: ", "2025-05-17T11:13:00Z mx {}: "])
def test_no_other_program_fails_a_login(form, program):
    assert isinstance(failure(form.format(program) + SAID), str)


def test_a_line_must_begin_with_its_header():
    for before in ("x", " ", "> ", "syslog: ", "\ufeff"):
        assert isinstance(failure(f"{before}May 17 11:13:00 mx postfix/smtpd[321]: {SAID}"), str), before


@pytest.mark.parametrize("data", ["-", "[a]", '[a@1 k="v"]', '[a@1 k="]\\" [x"][b k="2"]', '[a k=""][b]'])
@pytest.mark.parametrize("gap", ["", " ", "  ", " \ufeff"])
@pytest.mark.parametrize("pri", ["<20>", ""])
def test_rfc_5424_with_structured_data(pri, data, gap):
    found = parts(f"{pri}1 2025-05-17T11:13:00.206955+02:00 mx postfix 1234 - {data}{gap}{SAID}")
    assert found == (1_747_473_180_206_955, b"mx", b"postfix", 1234, SAID.encode(), True)
    said = failure(f"{pri}1 2025-05-17T11:13:00.206955+02:00 mx postfix 1234 - {data}{gap}{SAID}")
    assert (said.server, said.ip, said.user, said.service, said.pid) == ("mx", "192.0.2.7", "bob", None, 1234)


def test_rfc_5424_may_keep_the_whole_program_and_leave_host_and_process_out():
    said = failure(f"<20>1 2025-05-17T11:13:00Z - postfix/submission/smtpd - - - {SAID}")
    assert (said.server, said.service, said.pid) == (None, "submission", None)


@pytest.mark.parametrize(
    "line",
    [
        f"<20>1 2025-05-17T11:13:00Z mx postfix 1234 - [a {SAID}",
        f"<20>1 2025-05-17T11:13:00Z mx dovecot 1234 - - {SAID}",
        f"<20>1 2025-05-17T11:13:00Z mx postfix-script 1234 - - {SAID}",
        f"<20>1 - mx postfix 1234 - - {SAID}",
        f"<20>2 2025-05-17T11:13:00Z mx postfix 1234 - - {SAID}",
    ],
)
def test_what_is_no_rfc_5424_line_of_postfix_is_ignored(line):
    assert isinstance(failure(line), str)


def entry(**fields):
    usual = {
        "__REALTIME_TIMESTAMP": "1747473180123456",
        "_HOSTNAME": "mx",
        "SYSLOG_IDENTIFIER": "postfix/submission/smtpd",
        "SYSLOG_PID": "321",
        "_PID": "99",
        "MESSAGE": SAID,
    }
    kept = {key: value for key, value in {**usual, **fields}.items() if value is not None}
    return json.dumps(kept).encode()


def test_the_journals_json_has_all_that_a_line_has():
    said = failure(entry())
    assert (said.stamp, said.server, said.service, said.pid) == (1_747_473_180_123_456, "mx", "submission", 321)
    assert failure(entry(SYSLOG_PID=None)).pid == 99
    assert failure(entry(SYSLOG_PID=None, _PID=None)).pid is None
    assert failure(entry(_HOSTNAME=None)).server is None


def test_the_journals_message_may_be_a_list_of_bytes():
    said = failure(entry(MESSAGE=list(SAID.encode() + b"\xff\xc2\x85\n")))
    assert said.user == "bob\\xFF\\u0085\\x0A"


def test_the_blanks_that_journald_took_off_a_message_belong_to_the_user():
    raw = f"<20>May 17 11:13:00 postfix/submission/smtpd[321]: {SAID}  "
    assert failure(entry(SYSLOG_RAW=raw)).user == "bob  "
    assert failure(entry(SYSLOG_RAW=list(raw.encode()))).user == "bob  "
    for other in (None, "", "  ", f"{raw}x  ", f"{raw}\n", 7, [raw], [256]):
        assert failure(entry(SYSLOG_RAW=other)).user == "bob"


@pytest.mark.parametrize(
    "fields",
    [
        {"MESSAGE": None}, {"MESSAGE": [256]}, {"MESSAGE": [True]}, {"MESSAGE": [-1]}, {"MESSAGE": 7},
        {"MESSAGE": [SAID]}, {"SYSLOG_IDENTIFIER": None}, {"SYSLOG_IDENTIFIER": ["postfix/smtpd"]},
        {"SYSLOG_IDENTIFIER": "postfix"}, {"__REALTIME_TIMESTAMP": None}, {"__REALTIME_TIMESTAMP": "x"},
        {"__REALTIME_TIMESTAMP": ""}, {"__REALTIME_TIMESTAMP": "-5"}, {"__REALTIME_TIMESTAMP": "9" * 30},
        {"__REALTIME_TIMESTAMP": "9" * 18}, {"__REALTIME_TIMESTAMP": 1e300}, {"__REALTIME_TIMESTAMP": "٣"},
    ],
)  # fmt: skip
def test_a_journal_entry_without_what_a_record_needs_is_ignored(fields):
    assert isinstance(failure(entry(**fields)), str)


@pytest.mark.parametrize(
    "line",
    [b"{", b"{}", b'{"a":' * 3000, b"[1]", b'{"log":1}', b'{"log":"{}"}', b'{"log":null}', b"{\xff}", b"{\0",
     b'{"log": "\\ud800"}', b'{"time": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_other_json_is_ignored(line):
    assert isinstance(failure(line), str)


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_docker_takes_the_inner_date_when_there_is_one(ending):
    inner = f"May 17 11:13:00 mx postfix/smtpd[321]: {SAID}{ending}"
    line = json.dumps({"log": inner, "stream": "stdout", "time": "2025-05-18T00:00:00.123456789Z"})
    said = failure(line)
    assert (said.stamp, said.user) == (1_747_480_380_000_000, "bob")


def test_docker_takes_its_own_time_when_the_line_has_none():
    line = json.dumps({"log": f"mx postfix/smtpd[321]: {SAID}\n", "time": "2025-05-17T11:13:00.123456789Z"})
    assert failure(line).stamp == 1_747_480_380_123_456
    line = json.dumps({"log": f"mx postfix/smtpd[321]: {SAID}\n"})
    assert failure(line).stamp == NOON


@pytest.mark.parametrize("prefix", ["mailserver | ", "mailserver-1  | ", "mail.example.org_1 | "])
def test_compose_puts_its_service_before_a_line_that_may_have_no_date(prefix):
    said = failure(f"{prefix}mx postfix/smtpd[321]: {SAID}")
    assert (said.stamp, said.server) == (NOON, "mx")
    assert failure(f"{prefix}May 16 11:13:00 mx postfix/smtpd[321]: {SAID}").stamp == 1_747_393_980_000_000


def test_a_line_without_a_date_and_without_a_compose_prefix_is_not_taken():
    assert parts(f"mx postfix/smtpd[321]: {SAID}") is None
    assert header(f"mx postfix/smtpd[321]: {SAID}".encode(), Clock(NOON), 5).stamp == 5


def test_the_longest_line_is_taken_and_one_byte_more_is_not():
    line = f"May 17 11:13:00 mx postfix/smtpd[321]: {SAID}".encode()
    whole = line + b"x" * (MAX_LINE - len(line))
    assert len(failure(whole).user) == MAX_LINE - len(line) + 3
    assert "longer than" in failure(whole + b"x")
    assert parts(whole + b"x") is None


def test_hosts_are_made_safe():
    assert failure(b"May 17 11:13:00 m\x1b\xffx postfix/smtpd[321]: " + SAID.encode()).server == "m\\x1B\\xFFx"
