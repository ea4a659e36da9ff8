"""Whole lines: what of them stays, what does not, and that the quick way and the long way come to the same."""

import gc
import gzip
import json
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from maillogsentinel.anonymize import cache, programs, quick, stamps
from maillogsentinel.anonymize.cache import Cache
from maillogsentinel.anonymize.lines import TOO_LONG, Anonymizer
from maillogsentinel.anonymize.stamps import Shift
from maillogsentinel.parse.header import MAX_LINE
from tests.anonymize.agreement import NAMES, SECRET, anonymizer, disagreements
from tests.anonymize.test_agreement import FAILED, HEADERS
from tests.conftest import CHECKOUT

DEMO = [CHECKOUT / "demo" / name for name in ("mail.log", "mail.log.1")]
HEAD = b"2025-05-27T12:23:05.812345+00:00 mx1 "

LINES = (Path(__file__).parent / "data" / "lines.txt").read_bytes().splitlines()
"""In each, what stands in braces must not be left, and all else must be."""


@pytest.mark.parametrize("template", LINES)
def test_names_go_and_words_stay(template):
    line = HEAD + re.sub(rb"[{}]", b"", template)
    shown = anonymizer().line(line)
    pattern = HEAD.replace(b"mx1", NAMES.hosts[b"mx1"]) + template
    parts = re.split(rb"\{[^{}]*\}", pattern)
    found = re.fullmatch(rb"(.+?)".join(map(re.escape, parts)), shown)
    assert found, shown
    for name, new in zip(re.findall(rb"\{([^{}]*)\}", template), found.groups(), strict=True):
        assert new != name and name not in new


_SECRET = st.sampled_from(
    [
        *(b"zenobia", b"192.0.2.131", b"2001:db8:77::99", b"Zenobia@zz.example", b"[192.0.2.131]"),
        *(b"2001:20:7734::9931", b"[IPv6:2001:20:7734::9931]"),
    ]
)
_BEFORE = st.sampled_from([b"", b" ", b", ", b"=", b"<", b">", b"(", b"'", b'"', b": ", b"@", b".", b"x:", b"IPv6:"])
_BEHIND = st.sampled_from([b"", b" ", b", ", b"=", b">", b")", b"'", b": ", b"[", b"]", b"_x", b"g"])


@settings(max_examples=1000)
@given(st.sampled_from(LINES), st.floats(0, 1), _BEFORE, _SECRET, _BEHIND)
@example(LINES[6], 1.0, b"", b"192.0.2.131", b"=")
def test_wherever_in_a_message_a_name_stands_it_goes(template, where, before, secret, behind):
    program, colon, message = re.sub(rb"[{}]", b"", template).partition(b": ")
    place = int(where * len(message))
    shown = anonymizer().line(HEAD + program + colon + message[:place] + before + secret + behind + message[place:])
    assert not re.search(rb"zenobia|192\.0\.2\.131|2001:db8:77|2001:20|20:7734|7734::", shown.lower())


@pytest.mark.parametrize("tag", [b"", b"IPv6:", b"ipv6:", b"addr:", b"peer:", b"smtp:", b"time:", b"mode:"])
@pytest.mark.parametrize("around", [b" %s ", b"[%s]", b"(%s)", b"=%s,", b"%s:", b"'%s'"])
def test_an_ipv6_address_behind_a_tag_is_one(tag, around):
    shown = anonymizer().line(HEAD + b"unheard-of[1]: from " + around % (tag + b"2001:20:7734::9931") + b" mail")
    assert around.partition(b"%s")[0] + tag in shown
    assert around.replace(b"%s", b":" + NAMES.addresses[b"2001:20:7734::9931"])[-20:] in shown


@pytest.mark.parametrize(
    "front",
    [
        *(b"2025-05-16T08:01:16Z ", b"May 17 11:13:08 ", b"May 17 11:13:08: ", b"box | 2025-05-16T08:01:16Z "),
        *(b"May 17 11:13:08 mail ", b"May 17 11:13:08 192.0.2.25 ", b"May 17 11:13:08 <mail.warn> mail ", b""),
    ],
)
@pytest.mark.parametrize(
    "address", [b"2001:20:7734::9931", b"2001::9931", b"2a0b::9931", b"::ffff:203.0.113.5", b"1:2:3:4:5:6:7:8"]
)
@pytest.mark.parametrize("text", [b"%s matched rule id 3 (warning)", b"%s: matched", b"%s[%s] matched", b"client='%s'"])
def test_an_ipv6_address_that_a_line_begins_with_is_one(front, address, text):
    """As in the lines of mailcow's netfilter, which names neither host nor program."""
    shown = anonymizer().line(front + text.replace(b"%s", address))
    assert shown.endswith(text.replace(b"%s", NAMES.addresses[address]))
    assert b"mail " not in shown


@pytest.mark.parametrize(
    "text",
    [
        b"2001:20:7734::9931_x",
        b"2001:20:7734::9931x",
        b"x2001:20:7734::9931",
        b"x_2001:20:7734::9931",
        b"x.2001:20:7734::9931.x",
        b"x:2001:20:7734::9931_x",
        b"x_2001:20:7734:1::9931",
        b"2001:20:7734:20.77.34",
        b"2001:20:7734::9931.20.77",
        b"zenobia:2001:20:7734::9931:x",
        b"e2001::20_x",
        b"2001::20:7734_x",
        b"2001:20:7734::_x",
        b"1:2001:20:7734:1:2:3:9931:9931_x",
        b"20011:20:7734",
        b"::ffff:20.0.77.34_x",
        b"12:23:052001:20:7734::9931",
    ],
)
def test_what_is_like_an_address_is_replaced_as_one(text):
    shown = anonymizer().line(HEAD + b"unheard-of[1]: from " + text + b" mail")
    assert not re.search(rb"20|77|34|9931", shown.partition(b"]: ")[2]), shown


@pytest.mark.parametrize(
    "name", [b"home.pl", b"info.sh", b"mail.so", b"test.cf", b"data.py", b"MAIL.CC", b"mail.home.pl"]
)
@pytest.mark.parametrize(
    "around",
    [
        b"%s",
        b"(%s)",
        b"https://%s/",
        b"//%s/mail",
        b"mail/%s",
        b"/%s",
        b"x.org/usr/%s",
        b"/mail/%s/user",
        b"/usr/mail/%s/user",
    ],
)
def test_a_host_name_that_could_be_a_files_goes(name, around):
    assert name not in anonymizer().line(HEAD + b"unheard-of[1]: from " + around % name)


@pytest.mark.parametrize(
    "name", [b"83.12.44.7.static.log", b"83-12.44.log", b"7.44.db", b"8s-7ms-44h", b"/usr/bin/83.12.44.7.static.pl"]
)
def test_a_files_name_has_one_number_at_most(name):
    assert b"44" not in anonymizer().line(HEAD + b"unheard-of[1]: from " + name)


@pytest.mark.parametrize(
    "name",
    [
        *(b"/usr/lib/dovecot/modules/lib/mail.so", b"'/etc/mail/local.cf': x", b"file=/usr/bin/test.pl", b"main.cf"),
        *(
            b"pam_unix.so",
            b"(/var/spool/mail.sock)",
            b"mail.log",
            b"hash:/etc/mail/test.cf,",
            b"/lib/server.c:120: x",
            b"/etc/test.cf: x",
        ),
    ],
)
def test_a_files_name_stays(name):
    line = HEAD + b"unheard-of[1]: from " + name
    assert anonymizer().line(line).endswith(name)


@pytest.mark.parametrize("where", [b"%s", b"/%s", b"/usr/%s", b"x/x%s", b"/usr/%s_x", b"/usr/mail.so:%s"])
def test_an_address_in_a_path_is_one(where):
    shown = anonymizer().line(HEAD + b"unheard-of[1]: from " + where % b"2001:20:7734::9931")
    assert not re.search(rb"2001:|:20:|7734:|:9931", shown.partition(b"]: ")[2])


@pytest.mark.parametrize(
    "text",
    [
        *(b"11:13:08", b"at 11:13:08, 9:15", b"at:11:13:08", b"time:11:13:08", b"-11:13:08", b"+01:00:00"),
        *(b"11:13:08.123", b"11:13:08,123", b"2025-05-17T11:13:08+02:00", b"Sat May 17 11:13:08 2025"),
        *(b"error:0A000102:SSL routines::unsupported protocol:", b"SSL routines::bad extension:"),
    ],
)
def test_a_time_is_no_address(text):
    line = HEAD + b"unheard-of[1]: " + text
    assert anonymizer().line(line).endswith(b"]: " + text)


def test_the_rules_have_a_letter_for_each_group():
    assert all(re.compile(expression).groups == len(letters) for _, letters, expression in programs._RULES)


@pytest.mark.parametrize("header", HEADERS)
def test_of_a_header_only_the_host_goes(header):
    line = header + b"postfix/smtpd[1]: connect from unknown[192.0.2.7]"
    shown = anonymizer().line(line)
    names = [b"mx1.example.org", b"mail.example.org", b"mx1", b"mail", b"X", b"gr", b"192.0.2.25", b"2001:db8::25"]
    for name in [*names, b"mailserver"]:
        header = re.sub(rb"(?<=[\s])%s(?=[\s])|\Amailserver(?= \|)" % re.escape(name), b"*", header)
    assert re.fullmatch(re.escape(header).replace(rb"\*", rb"[\w.:-]+") + rb"postfix/smtpd\[1\]: connect .*", shown), (
        shown
    )


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"May 17 11:13:08 203.0.113.5 %s ", b"example.com"),
        (b"May 17 11:13:08 mx1 %s ", b"mail.example"),
        (b"May 17 11:13:08 <%s> mx1 ", b"example.com"),
        (b"May 17 11:13:08 <%s> mx1 ", b"203.0.113.5"),
        (b"May 17 11:13:08 <%s> mx1 ", b"zenobia"),
        (b"May 17 11:13:08 <%s> ", b"203.0.113.5"),
        (b"Sat 2025-05-17 11:13:00 %s ", b"QUUX"),
        (b"Sat 2025-05-17 11:13:00 %s <2.4> ", b"QUUX"),
        (b"Sat 2025-05-17 11:13:00 CEST %s ", b"QUUX"),
        (b"box | %s ", b"zenobia"),
    ],
)
@pytest.mark.parametrize("tail", [b"postfix/smtpd[1]: connect from unknown[192.0.2.7]", b"dovecot: auth: x"])
def test_no_place_of_a_header_keeps_a_name(header, name, tail):
    line = header % name + tail
    assert name not in anonymizer().line(line)
    if not name.isupper() and b"mx1" in header:
        assert disagreements(line) == []


@pytest.mark.parametrize("name", [b"plain_203_0_113_5", b"zenobia-113", b"113.zenobia"])
def test_dovecot_names_a_mechanism_that_exists_or_none(name):
    line = HEAD + b"dovecot: auth(alice,192.0.2.7,sasl:%s): Info: sql: Password mismatch"
    assert not re.search(rb"zenobia|113", anonymizer().line(line % name))
    assert disagreements(line % name) == []
    assert b",sasl:plain): Info" in anonymizer().line(line % b"plain")
    assert b",sasl:scram-sha-256): Info" in anonymizer().line(line % b"scram-sha-256")


@pytest.mark.parametrize("program", [b"\x01/smtpd", b"post\x01fix/smtpd", b"\x7f"])
def test_a_programs_name_is_printable(program):
    shown = anonymizer().line(HEAD + program + b"[1]: connect from unknown[192.0.2.7]")
    assert all(32 <= byte < 127 for byte in shown)


@pytest.mark.parametrize("program", [b"ip-203-0-113-5[1]", b"postfix-203-0-113-5/smtpd[1]", b"x-203-0_113-5/smtpd[1]"])
def test_a_programs_name_holds_no_address(program):
    assert b"113" not in anonymizer().block(HEAD + program + b": connect from unknown[192.0.2.7]")


@pytest.mark.parametrize("program", [b"postfix-2/smtpd[1]", b"amavis(12)[1]", b"systemd-logind[1]", b"lib64/x86-64[1]"])
def test_other_programs_names_stay(program):
    assert program in anonymizer().line(HEAD + program + b": connect from unknown[192.0.2.7]")


@pytest.mark.parametrize(
    "entry",
    [
        {"log": "x", "time": "203.0.113.5"},
        {"log": "x", "time": "2001:20:7734::113"},
        {"203_0_113_5": "x"},
        {"OF_203_0_113_5": "x"},
    ],
)
def test_no_place_of_an_entry_keeps_an_address(entry):
    assert b"113" not in anonymizer().line(json.dumps(entry).encode())


@pytest.mark.parametrize("place", [b"[ID 197553 %s] x", b"[ID 197553 %s] message repeated 2 times: [ x]"])
def test_no_place_in_front_of_a_message_keeps_a_name(place):
    for name in (b"example.com", b"203.0.113.5", b"zenobia"):
        assert name not in anonymizer().line(HEAD + b"postfix/smtpd[1]: " + place % name)
    shown = anonymizer().line(HEAD + b"postfix/smtpd[1]: " + place % b"mail.warning")
    assert shown.partition(b" ")[0] == HEAD.partition(b" ")[0] and b"[ID 197553 mail.warning] " in shown


def both(line):
    """What the quick way makes of a line, None where it leaves it, and what the long way makes of it."""
    replacer = anonymizer()
    return replacer._quick.line(line) or None, replacer.line(line)


@pytest.mark.parametrize("path", DEMO, ids=lambda path: path.name)
def test_the_quick_way_says_what_the_long_way_says(path):
    found = [both(line) for line in path.read_bytes().splitlines()]
    assert all(one in (None, other) for one, other in found)
    assert sum(one is None for one, _ in found) < len(found) / 20


_WORD = st.sampled_from(
    [
        b"connect from ",
        b"disconnect from ",
        b"unknown",
        b"mail.example.org",
        b"[192.0.2.7]",
        b"[2001:db8::7]",
        b":25",
        b" ehlo=1",
        b" auth=0/1",
        b" commands=1/2",
        b"095BC2147C7",
        b"4bXq2k3Yf5z9pQr",
        b": ",
        b"client=",
        b", sasl_method=PLAIN",
        b", sasl_username=",
        b"user@example.org",
        b"message-id=<",
        b">",
        b"removed",
        b"from=<",
        b"to=<",
        b"orig_to=<",
        b", ",
        b"size=12, nrcpt=1 (queue active)",
        b"relay=",
        b"delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent ",
        b"(250 2.0.0 Ok: queued as ",
        b")",
        b"warning: ",
        b": SASL LOGIN authentication failed: ",
        b"(reason unavailable)",
        b"lost connection after AUTH from ",
        b"auth: sql(",
        b"): unknown user",
        b"PASS NEW ",
        b"imap-login: Login: user=<",
        b">, method=PLAIN, rip=192.0.2.7, lip=192.0.2.8",
        b", mpid=12, TLS, session=<",
        b"Q1yrV6xbaQ",
        b"NOQUEUE",
        b"helo",
        b" ",
        b"\xff",
        b"\t",
        b"alice",
    ]
)
_TAG = st.sampled_from(
    [
        b"postfix/smtpd[1]: ",
        b"postfix/cleanup[1]: ",
        b"postfix/qmgr[1]: ",
        b"postfix/smtp[1]: ",
        b"dovecot: ",
        b"postfix/postscreen[1]: ",
        b"postfix-out/submission/smtpd[12]: ",
        b"postfix-203-0-113-5/smtpd[1]: ",
    ]
)


@given(_TAG, st.lists(_WORD, max_size=12).map(b"".join))
@example(b"postfix/smtpd[1]: ", b"connect from 1.2.3.4[1.2.3.4]")
@example(
    b"postfix/smtp[1]: ",
    b"095BC2147C7: to=<x>, relay=none, delay=1, delays=0/203.0.113.5/1/0, dsn=2.0.0, status=sent (250 Ok)",
)
@example(b"postfix/qmgr[1]: ", b"DEADBEEF: from=<root>, size=12, nrcpt=1 (queue active)")
def test_the_quick_way_agrees_on_anything(tag, message):
    one, other = both(HEAD + tag + message)
    assert one in (None, other)


@given(
    st.binary()
    | st.lists(_WORD, max_size=12).map(b"".join)
    | st.text().map(lambda text: text.encode("utf-8", "replace"))
)
@example(HEAD + b"postfix/smtpd[1]: " + FAILED + b"\x00\xff")
@example(b'{"MESSAGE":[255,0],"SYSLOG_IDENTIFIER":"postfix/smtpd","x\\ud800":{"y":[1.5,[["z"]]]}}')
def test_any_bytes_become_as_many_lines_of_printable_text(data):
    shown = anonymizer().block(data)
    assert shown.count(b"\n") == data.count(b"\n")
    assert all(32 <= byte < 127 or byte in b"\r\n" for byte in shown)
    anonymizer().block(shown)


@pytest.mark.parametrize(
    "tail",
    [
        b"from=<",
        b" to=<",
        b"> proto=",
        b", sasl_sender=",
        b"\\",
        b"<",
        b" rhost=",
        b"[",
        b"a.",
        b":",
        b"1-",
        b"user=<",
        b"(x): ",
        b"::",
        b"1:",
        b"/usr/",
        b"[ID 1 a] ",
        b"message repeated 1 times: [ ",
    ],
)
def test_the_time_of_a_line_grows_with_its_length_alone(tail):
    """A rule whose time grows with a power of the length would take minutes here, and the test would not end."""
    for front in (
        b"NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 <",
        b"",
        b"client=unknown[192.0.2.7], sasl_method=X, sasl_username=",
        b"authentication failure; ruser=",
        b"095BC2147C7: reject: header X: ",
        b"auth: sql(",
    ):
        anonymizer().line(HEAD + b"postfix/smtpd[1]: " + front + tail * ((MAX_LINE - 200) // len(tail)))


def test_a_line_that_no_tool_reads_is_left_out_but_counted():
    data = b"x" * (MAX_LINE + 1) + b"\n" + HEAD + b"kernel: x\n"
    assert anonymizer().block(data).split(b"\n")[0] == TOO_LONG
    data = HEAD + b"postfix/smtpd[1]: connect from " + b"x" * 30_000 + b"\n"
    assert anonymizer().block(data) == TOO_LONG + b"\n"


def test_a_carriage_return_stays_at_the_end():
    line = HEAD + b"postfix/smtpd[1]: connect from unknown[192.0.2.7]"
    assert anonymizer().block(line + b"\r\n") == anonymizer().line(line) + b"\r\n"


def test_the_same_secret_gives_the_same_and_another_does_not():
    data = gzip.decompress((CHECKOUT / "demo" / "mail.log.2.gz").read_bytes())
    assert Anonymizer(SECRET).block(data) == Anonymizer(SECRET).block(data) != data


def test_an_entry_of_the_journal_keeps_its_fields():
    entry = {
        "__CURSOR": "s=ab12;i=7;b=cd34;m=1;t=5f00;x=ff",
        "__REALTIME_TIMESTAMP": "1747473180123456",
        "_HOSTNAME": "mx1",
        "_MACHINE_ID": "00112233445566778899aabbccddeeff",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "postfix/smtpd",
        "SYSLOG_PID": "321",
        "_CMDLINE": "smtpd -o zenobia",
        "MESSAGE": "connect from unknown[192.0.2.7]",
        "SYSLOG_RAW": list(b"<22>May  7 11:13:00 postfix/smtpd[321]: connect from unknown[192.0.2.7]  "),
        "TAGS": ["zenobia", "mail"],
    }
    shown = json.loads(anonymizer().line(json.dumps(entry).encode()))
    assert shown.keys() == entry.keys()
    for field in ("__REALTIME_TIMESTAMP", "PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID"):
        assert shown[field] == entry[field]
    assert shown["_HOSTNAME"] == NAMES.hosts[b"mx1"].decode()
    assert shown["MESSAGE"] == "connect from unknown[" + NAMES.addresses[b"192.0.2.7"].decode() + "]"
    assert shown["SYSLOG_RAW"].endswith("connect from unknown[" + NAMES.addresses[b"192.0.2.7"].decode() + "]  ")
    assert not re.search("zenobia|00112233|ab12|cd34|5f00", json.dumps(shown))


@pytest.mark.parametrize(
    "cursor", ["alice@example.com", "alice", "alice=1", "s=1;alice@example.com;", "203.0.113.5=x", "=alice", "s"]
)
def test_of_a_cursor_no_more_stays_than_the_letters_of_its_parts(cursor):
    shown = json.loads(anonymizer().line(json.dumps({"__CURSOR": cursor}).encode()))["__CURSOR"]
    assert not re.search(r"alice|example|203|1", shown)
    assert shown.count(";") == cursor.count(";") and shown.startswith("s=") == cursor.startswith("s=")


_HOSTILE = st.text(st.sampled_from("\ud800\udfff\xb2\u0663a=;: 0[]<>@.\n\r\x00{}"), max_size=8)
_FIELDS = st.sampled_from(
    [
        "__CURSOR",
        "MESSAGE",
        "SYSLOG_RAW",
        "SYSLOG_IDENTIFIER",
        "_HOSTNAME",
        "_PID",
        "PRIORITY",
        "SYSLOG_TIMESTAMP",
        "__REALTIME_TIMESTAMP",
        "_MACHINE_ID",
        "log",
        "time",
        "attrs",
        "stream",
        "OWN",
    ]
)
_VALUES = st.recursive(
    _HOSTILE | st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=8).map(list),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_HOSTILE, inner, max_size=2),
)


@settings(max_examples=500)
@given(st.dictionaries(_FIELDS | _HOSTILE, _VALUES, max_size=6), st.sampled_from([0, 60]))
@example({"__CURSOR": "\ud800"}, 0)
def test_no_entry_of_the_journal_ends_the_run(entry, shift):
    shown = anonymizer(shift).line(json.dumps(entry).encode())
    assert all(32 <= byte < 127 for byte in shown) and not re.search(rb"\\u(?!000a|000d)", shown)


@pytest.mark.parametrize(
    ("stamp", "seconds", "moved"),
    [
        (b"May  7 11:13:00", -86_400, b"May  6 11:13:00"),
        (b"May 10 11:13:00", -86_400, b"May  9 11:13:00"),
        (b"May  9 11:13:00", 86_400, b"May 10 11:13:00"),
        (b"May 9 11:13:00", -86_400, b"May 8 11:13:00"),
        (b"Apr 08 20:13:45", -1, b"Apr 08 20:13:44"),
        (b"Mar  1 00:00:00", -1, b"Feb 28 23:59:59"),
        (b"Jan  1 00:00:00", -1, b"Dec 31 23:59:59"),
        (b"2025 May 17 11:13:00", 366 * 86_400, b"2026 May 18 11:13:00"),
        (b"May 17 2025 11:13:00.25", 60, b"May 17 2025 11:14:00.25"),
        (b"2025-12-31T23:59:59.393264+03:00", 1, b"2026-01-01T00:00:00.393264+03:00"),
        (b"2025-05-16T08:01:16Z", -3600, b"2025-05-16T07:01:16Z"),
        (b"Sat 2025-05-17 11:13:00", 86_400, b"Sun 2025-05-18 11:13:00"),
        (b"1747473180.123456", -80, b"1747473100.123456"),
        (b"Feb 30 11:13:00", 60, b"Feb 30 11:13:00"),
        (b"2025-05-16T08:01:60Z", 0, b"2025-05-16T08:01:60Z"),
    ],
)
def test_the_clock_moves_in_every_form_of_stamp(stamp, seconds, moved):
    assert Shift(seconds, datetime(2025, 6, 1)).stamps[stamp] == moved


def test_all_of_a_log_moves_by_the_same_span():
    data = (
        (CHECKOUT / "demo" / "mail.log").read_bytes() + HEAD + b"postfix/anvil[1]: statistics: x at May 27 12:23:05\n"
    )
    plain, moved = Anonymizer(SECRET).block(data), Anonymizer(SECRET, -90_061).block(data)
    stamps_of = [
        [datetime.fromisoformat(line.split(b" ")[0].decode()) for line in text.splitlines()] for text in (plain, moved)
    ]
    assert {(one - other).total_seconds() for one, other in zip(*stamps_of, strict=True)} == {90_061}
    assert moved.endswith(b" at May 26 11:22:04\n")
    assert [line.split(b" ", 1)[1] for line in plain.splitlines()][:-1] == [
        line.split(b" ", 1)[1] for line in moved.splitlines()
    ][:-1]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("-3d12h", -302_400), ("90m", 5400), ("+1w", 604_800), ("86400", 86_400), ("-5", -5), ("3", 3)],
)
def test_a_span_is_read(text, seconds):
    assert stamps.span(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "d", "1d1", "-", "1e9", "40000d", "9" * 30, "٣d"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ValueError):
        stamps.span(text)


def test_the_secret_span_is_some_months_into_the_past():
    spans = {stamps.secret_span(os.urandom(32)) for _ in range(100)}
    assert len(spans) > 90 and all(30 * 86_400 <= -seconds <= 200 * 86_400 for seconds in spans)


def caches():
    return [item for item in gc.get_objects() if isinstance(item, Cache)]


def test_what_is_remembered_is_bounded_whatever_a_log_holds(monkeypatch):
    monkeypatch.setattr(cache, "MOST", 500)
    monkeypatch.setattr(quick, "MOST", 500)
    others = caches()  # of tests before this one
    replacer = anonymizer()
    for number in range(0, 20_000, 100):
        replacer.block(
            b"".join(
                HEAD.replace(b"mx1", b"mx%d" % each)
                + b"postfix/smtpd[%d]: warning: h%d.example.org[10.0.%d.%d]: SASL LOGIN authentication failed: x%d,"
                b" sasl_username=user%d@d%d.example.org\n" % (each, each, each >> 8, each & 255, each, each, each)
                for each in range(number, number + 100)
            )
        )
    found = [item for item in caches() if not any(item is other for other in others)]
    assert len(found) > 10 and all(len(item) <= 500 for item in found if len(item) < 65_000)
    assert len(replacer._quick._tags) <= 500
