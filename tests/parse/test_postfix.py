"""What smtpd's messages are: a failure, the server's own trouble, or nothing; and what of a failure is the client's."""

import ipaddress

import pytest

from maillogsentinel.model import MECHANISM_INVALID, Failure, Trouble
from maillogsentinel.parse.postfix import NEEDLES, TEMPORARY, raw_mechanism, read
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
HEADS = {
    "common": b"2025-05-17T11:13:00.000001+00:00 mx postfix/smtpd[321]: ",
    "any": b"<20>May 7 11:13:00 mx postfix/smtpd[321]: ",
    "solaris": b"May 17 11:13:00 mx postfix/smtpd[321]: [ID 197553 mail.warning] ",
    "5424": b"<20>1 2025-05-17T11:13:00Z mx postfix 321 - -  ",
}


@pytest.fixture(params=HEADS.values(), ids=HEADS)
def said(request):
    """A function that reads a message behind one of the headers."""

    def said(message):
        return read(request.param + (message if isinstance(message, bytes) else message.encode()), CLOCK)

    return said


def failed(rest, client="unknown[192.0.2.7]", mechanism="LOGIN"):
    return f"warning: {client}: SASL {mechanism} authentication failed:{rest}"


def fields(found):
    assert isinstance(found, Failure), found
    return found.ip, found.user, found.hostname, found.mechanism, found.reason


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (failed(" authentication failure"), (None, "authentication failure")),
        (failed(""), (None, "")),
        (failed(" "), (None, "")),
        (failed(" UGFzc3dvcmQ6"), (None, "UGFzc3dvcmQ6")),
        (failed(" (reason unavailable), sasl_username=bob"), ("bob", "(reason unavailable)")),
        (failed(" (reason unavailable), sasl_username="), ("", "(reason unavailable)")),
        (failed(" (reason unavailable), sasl_username=(unavailable)"), (None, "(reason unavailable)")),
        (failed(" x, sasl_username=(unavailable) "), ("(unavailable) ", "x")),
        (failed(" x, sasl_username=  bob "), ("  bob ", "x")),
        (failed(" x, sasl_username=null"), ("null", "x")),
        (failed(" x, sasl_username=a, sasl_username=root"), ("a, sasl_username=root", "x")),
        (failed(" x, sasl_username=, sasl_username="), (", sasl_username=", "x")),
        (failed(" x, sasl_username=a, b; c: [d] <e>=\"f\""), ('a, b; c: [d] <e>="f"', "x")),
        (failed(" x, sasl_username=bob]"), ("bob]", "x")),
        (failed(" x, sasl_username=josé😀"), ("josé😀", "x")),
        (failed(" x, sasl_username=a\\b"), ("a\\\\b", "x")),
        (failed(" x, sasl_username=a\u202eb"), ("a\\u202Eb", "x")),
        (failed(" x sasl_username=bob"), (None, "x sasl_username=bob")),
        (
            failed(" user exists, but no verifier for user, sasl_username=bob"),
            ("bob", "user exists, but no verifier for user"),
        ),
        (failed(" Invalid authentication mechanism, sasl_username=bob"), (None, "Invalid authentication mechanism")),
        (
            failed(" Invalid authentication mechanism: 'XOAUTH2', sasl_username=bob"),
            (None, "Invalid authentication mechanism: 'XOAUTH2'"),
        ),
        (
            failed(" Invalid base64 data in initial response, sasl_username=bob"),
            (None, "Invalid base64 data in initial response"),
        ),
        (
            failed(" Invalid base64 data in continued response, sasl_username=bob"),
            ("bob", "Invalid base64 data in continued response"),
        ),
        (failed(" Invalid user, sasl_username=bob"), ("bob", "Invalid user")),
        (failed(" x authentication failed: y, sasl_username=bob"), ("bob", "x authentication failed: y")),
        (
            failed(" x, sasl_username=a authentication failed: generic failure"),
            ("a authentication failed: generic failure", "x"),
        ),
    ],
)  # fmt: skip
def test_the_reason_ends_at_the_first_marker_and_the_user_is_all_the_rest(said, message, expected):
    found = fields(said(message))
    assert (found[1], found[4]) == expected
    assert (found[0], found[2], found[3]) == ("192.0.2.7", None, "LOGIN")


@pytest.mark.parametrize(
    "mechanism", ["LOGIN", "PLAIN", "plain", "Login", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "NTLM", "GSSAPI",
                  "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "user", "KERBEROS_V4", "A" * 100, "-", "_"],
)  # fmt: skip
def test_a_mechanism_is_any_one_word_and_keeps_its_case(said, mechanism):
    assert said(failed(" x", mechanism=mechanism)).mechanism == mechanism


HOSTILE = {
    '"PLAIN authentication failed: x, sasl_username=victim"': " Invalid authentication mechanism",
    '"x]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=victimyyyyyy':
        " Invalid authentication mechanism",
    "<a b>": " Invalid authentication mechanism",
    '"P Q"': " no mechanism available",
    '"x authentication failed: generic failure, sasl_username="': " no mechanism available",
    '"x authentication failed: generic failure, sasl_username=y"': " Invalid authentication mechanism: '\"X'",
    "": " x",
    "PLAÍN": " x",
}  # fmt: skip


@pytest.mark.parametrize("rest", [", sasl_username=(unavailable)", ", sasl_username=bob", ""])
@pytest.mark.parametrize("mechanism", HOSTILE)
def test_text_in_the_mechanisms_place_is_a_failure_without_a_user(said, mechanism, rest):
    found = fields(said(failed(HOSTILE[mechanism] + rest, mechanism=mechanism)))
    assert found[:4] == ("192.0.2.7", None, None, MECHANISM_INVALID)


def test_the_clients_own_words_can_be_shown():
    for mechanism in ('"P Q"', '"PLAIN authentication failed: x, sasl_username=victim"', "\u202eLOGIN x"):
        line = HEADS["any"] + failed(" Invalid authentication mechanism", mechanism=mechanism).encode()
        assert raw_mechanism(line, CLOCK) == mechanism.replace("\u202e", "\\u202E")
    assert raw_mechanism(b"nothing", CLOCK) == MECHANISM_INVALID


@pytest.mark.parametrize(
    ("client", "ip", "hostname"),
    [
        ("unknown[192.0.2.7]", "192.0.2.7", None),
        ("unknown[192.0.2.7]:51266", "192.0.2.7", None),
        ("mail.example.org[192.0.2.7]", "192.0.2.7", "mail.example.org"),
        ("MAIL.Example.ORG[192.0.2.7]", "192.0.2.7", "MAIL.Example.ORG"),
        ("203.0.113.9.dynamic.example.org[192.0.2.7]", "192.0.2.7", "203.0.113.9.dynamic.example.org"),
        ("under_score.example.org[192.0.2.7]", "192.0.2.7", "under_score.example.org"),
        ("unknown[2001:db8::1]", "2001:db8::1", None),
        ("unknown[2001:db8::1]:42424", "2001:db8::1", None),
        ("unknown[2001:0DB8:0:0:0:0:0:1]", "2001:db8::1", None),
        ("unknown[::ffff:192.0.2.7]", "192.0.2.7", None),
        ("unknown[unknown]", None, None),
        ("mail.example.org[unknown]", None, "mail.example.org"),
        ("unknown[192.0.2.256]", None, None),
        ("unknown[192.0.2.07]", None, None),
        ("unknown[192.0.2]", None, None),
        ("unknown[fe80::1%eth0]", None, None),
        ("unknown[2001:db8::g]", None, None),
    ],
)
def test_the_client_is_what_stands_in_the_bracket_behind_the_name(said, client, ip, hostname):
    found = fields(said(failed(" x, sasl_username=bob", client=client)))
    assert (found[0], found[2]) == (ip, hostname)
    if ip:
        assert str(ipaddress.ip_address(ip)) == ip


@pytest.mark.parametrize("rest", ["", ", sasl_username=bob", ", sasl_username=(unavailable)"])
@pytest.mark.parametrize("reason", TEMPORARY)
def test_a_temporary_reason_is_the_servers_trouble(said, reason, rest):
    found = said(failed(f" {reason.decode()}{rest}"))
    assert type(found) is Trouble
    assert (found.server, found.kind) == ("mx", TEMPORARY[reason])


def test_the_temporary_reasons_are_those_of_the_postfix_and_cyrus_sources():
    assert set(TEMPORARY) == {
        b"Connection lost to authentication server",
        b"Can't connect to authentication server",
        b"generic failure",
        b"no memory available",
        b"transient failure (e.g., weak key)",
        b"remote authentication server unavailable",
    }


@pytest.mark.parametrize("reason", ["generic failure!", " generic failure", "Generic failure", "no memory"])
def test_what_only_resembles_a_temporary_reason_is_a_failure(said, reason):
    assert type(said(failed(f" {reason}"))) is Failure


@pytest.mark.parametrize(
    "message",
    [
        "warning: SASL: Connect to private/auth failed: No such file or directory",
        "warning: SASL: Connect to inet:127.0.0.1:12345 failed: Connection refused",
        "fatal: no SASL authentication mechanisms",
    ],
)
def test_a_missing_authentication_server_is_trouble_before_any_login(said, message):
    assert type(said(message)) is Trouble


NEAR_MISSES = [
    "connect from unknown[192.0.2.7]",
    "disconnect from unknown[192.0.2.7] ehlo=1 auth=0/1 commands=1/2",
    "lost connection after AUTH from unknown[192.0.2.7]",
    "too many errors after AUTH from unknown[192.0.2.7]",
    "NOQUEUE: lost connection after AUTH from unknown[192.0.2.7]",
    "3F1A2B: client=mail.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username=bob",
    "3F1A2B: client=mail.example.org[192.0.2.7]",
    "NOQUEUE: reject: RCPT from mail.example.org[192.0.2.7]: 554 5.7.1 <x@example.org>: Relay access denied;"
    " from=<a@example.org> to=<x@example.org> proto=ESMTP helo=<a[192.0.2.7]: SASL LOGIN authentication failed: x>"
    " sasl_username=<bob>",
    "NOQUEUE: reject: RCPT from mail.example.org[192.0.2.7]: 450 x; sasl_method=PLAIN sasl_username=bob",
    "warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted",
    "warning: SASL authentication failure: Password verification failed",
    "warning: SASL authentication failure: realm changed: authentication aborted",
    "warning: SASL authentication problem: unable to open Berkeley db /etc/sasldb2",
    "warning: AUTH command rate limit exceeded: 4 from unknown[192.0.2.7] for service 2590",
    "improper command pipelining after AUTH from unknown[192.0.2.7]: warning: unknown[192.0.2.8]: SASL LOGIN"
    " authentication failed: x",
    "warning: non-SMTP command from unknown[192.0.2.7]: warning: unknown[192.0.2.8]: SASL LOGIN authentication failed:",
    "> unknown[192.0.2.7]: 535 5.7.8 Error: authentication failed: (reason unavailable)",
    "< unknown[192.0.2.7]: AUTH PLAIN",
    "unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
    "Warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
    " warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
    "error: unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
    "warning: unknown[192.0.2.7] SASL LOGIN authentication failed: x",
    "warning: unknown[192.0.2.7]:port: SASL LOGIN authentication failed: x",
    "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed",
    "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed:x",
    "warning: unknown[192.0.2.7]: SASL LOGIN authentication failure: x",
    "warning: unknown[192.0.2.7]: sasl LOGIN authentication failed: x",
    "warning: unknown[]: SASL LOGIN authentication failed: x",
    "warning: unknown: SASL LOGIN authentication failed: x",
    "warning: two words[192.0.2.7]: SASL LOGIN authentication failed: x",
    "warning: a:b[192.0.2.7]: SASL LOGIN authentication failed: x",
    "warning: [192.0.2.7]: SASL LOGIN authentication failed: x",
    "statistics: max connection rate 1/60s for (smtpd:192.0.2.7) at May 17 11:13:00",
    "",
]


@pytest.mark.parametrize("message", NEAR_MISSES)
def test_what_only_looks_like_a_failed_login_is_ignored_and_says_why(message):
    for head in (HEADS["common"], HEADS["any"]):
        found = read(head + message.encode(), CLOCK)
        assert isinstance(found, str)
        assert found


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (NEAR_MISSES[5], "a successful login"),
        (NEAR_MISSES[6], "not a failed SASL login"),
        (NEAR_MISSES[9], "the client gave the login up"),
        (NEAR_MISSES[10], "a remark of the Cyrus library; the failed login has a line of its own"),
    ],
)
def test_common_near_misses_have_their_own_explanation(said, message, why):
    assert said(message) == why


@pytest.mark.parametrize(
    "line",
    [
        "May 17 11:13:00 mx postfix/smtp[7]: 4F1: to=<a@a.example>, relay=mx.example.org[192.0.2.7]:25, status=deferred"
        " (SASL authentication failed; server mx.example[192.0.2.7] said: 535 5.7.8 Error: authentication failed: )",
        "May 17 11:13:00 mx postfix/smtp[7]: warning: mx.example.org[192.0.2.7]: SASL LOGIN authentication failed: x",
        "May 17 11:13:00 mx dovecot: auth: passwd-file(bob,192.0.2.7): unknown user",
        "May 17 11:13:00 mx saslauthd[7]: pam_unix(smtp:auth): authentication failure; logname= uid=0 user=bob",
        "May 17 11:13:00 mx netfilter[7]: rule 1: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
        "netfilter-mailcow-1  | 192.0.2.7 matched rule id 1 (warning: unknown[192.0.2.7]: SASL LOGIN authentication"
        " failed: x)",
        "May 17 11:13:00 mx fail2ban[7]: [postfix] Found 192.0.2.7 - postfix/smtpd[8]: warning: unknown[192.0.2.7]:"
        " SASL LOGIN authentication failed: x",
        "May 17 11:13:00 mx evil postfix/smtpd[321]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x",
    ],
)
def test_lines_of_other_programs_are_ignored(line):
    assert isinstance(read(line.encode(), CLOCK), str)


@pytest.mark.parametrize(
    ("message", "repeat", "user"),
    [
        ("message repeated 3 times: [ " + failed(" x, sasl_username=bob") + "]", 3, "bob"),
        ("message repeated 3 times: [ " + failed(" x, sasl_username=bob [x]") + "]", 3, "bob [x]"),
        ("message repeated 3 times: [ " + failed(" x, sasl_username=bob"), 3, "bob"),
        ("message repeated 1 times: [ " + failed(" x, sasl_username=]") + "]", 1, "]"),
        ("message repeated 999999999 times: [ " + failed(" x, sasl_username=bob") + "]", 999_999_999, "bob"),
        (failed(" x, sasl_username=message repeated 9 times: [ x]"), 1, "message repeated 9 times: [ x]"),
    ],
)
def test_rsyslogs_repeated_message_says_how_often(said, message, repeat, user):
    found = said(message)
    assert (found.repeat, found.user) == (repeat, user)


def test_repeated_trouble_is_trouble(said):
    assert type(said("message repeated 3 times: [ " + failed(" generic failure") + "]")) is Trouble


def test_a_field_of_a_name_that_is_no_text_stays_one_field():
    found = read(HEADS["common"] + failed(" r\x01, sasl_username=").encode() + b"\xff\x00\x85\xc2\x85", CLOCK)
    assert (found.reason, found.user) == ("r\\x01", "\\xFF\\x00\\x85\\u0085")


def test_what_was_read_before_changes_nothing():
    """Texts, addresses and services are remembered; more different ones than that must come out as they went in."""
    for number in range(20_500):
        user = f"user{number}\\".encode()
        ip = str(ipaddress.IPv4Address(0x0A000000 + number))
        line = b"May 17 11:13:00 h%d pf%d/s%d/smtpd[1]: warning: n%d[%s]: SASL PLAIN authentication failed: x," % (
            number, number, number, number, ip.encode(),
        ) + b" sasl_username=" + user  # fmt: skip
        found = read(line, CLOCK)
        expected = (f"h{number}", ip, f"user{number}\\\\", f"n{number}", f"s{number}")
        assert (found.server, found.ip, found.user, found.hostname, found.service) == expected


def test_every_line_that_makes_something_is_met_by_a_search_for_the_word():
    for line in (HEADS["common"] + failed(" x").encode(), HEADS["any"] + b"fatal: no SASL authentication mechanisms"):
        assert not isinstance(read(line, CLOCK), str)
        at = line.find(b" auth")
        assert at >= 0 and line.startswith(NEEDLES, at)
    for near in (b"x SASL authentication failure: y", b"z authentication abroad", b"ehlo=1 auth=0/1"):
        assert not near.startswith(NEEDLES, near.find(b" auth"))
