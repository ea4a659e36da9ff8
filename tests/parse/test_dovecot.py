"""Dovecot's lines on failed logins: who tried, from where, and never a password."""

import json

import pytest

from maillogsentinel.parse import dovecot
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
HEAD = "2025-05-17T11:13:00.250000+00:00 mx "
WORKER = "dovecot: auth-worker(5787): conn unix:auth-worker (pid=27359,uid=97): auth-worker<55>: "


def said(message, head=HEAD):
    return dovecot.companion((head + message).encode("utf-8", "surrogateescape"), CLOCK)


def found(message):
    """User, address, kind, whether there is a session, whether the server failed."""
    one = said(message)
    return one and (one.user, one.ip, one.kind, one.session, one.temporary)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("dovecot: auth: sql(bob,192.0.2.7): Password mismatch", ("bob", "192.0.2.7", "sql", False, False)),
        ("dovecot: auth: sql(bob,192.0.2.7,<ab/c+=>): unknown user", ("bob", "192.0.2.7", "sql", True, False)),
        ("dovecot[77]: auth: ldap(b,2001:DB8::1): unknown user", ("b", "2001:db8::1", "ldap", False, False)),
        ("dovecot: auth: ldap(b,192.0.2.7,): invalid credentials", ("b", "192.0.2.7", "ldap", False, False)),
        (WORKER + "pam(bob,192.0.2.7): unknown user", ("bob", "192.0.2.7", "pam", False, False)),
        (
            WORKER + "pam(bob,192.0.2.7): pam_authenticate() failed: Authentication failure (Password mismatch?)",
            ("bob", "192.0.2.7", "pam", False, False),
        ),
        ("dovecot: auth-worker(304): pam(bob,192.0.2.7): unknown user", ("bob", "192.0.2.7", "pam", False, False)),
        ("dovecot[4]: dovecot: auth(default): pam(bob,192.0.2.7): pam_authenticate() failed: User not known",
         ("bob", "192.0.2.7", "pam", False, False)),
        ("dovecot: auth(bob,192.0.2.7,sasl:plain): sql: Password mismatch", ("bob", "192.0.2.7", "sql", False, False)),
        ("dovecot: auth(bob,192.0.2.7,sasl:login)<CvN+E95U>: sql: unknown user",
         ("bob", "192.0.2.7", "sql", True, False)),
        ("dovecot: auth-worker(bob,192.0.2.7)<476>: request [1]: pam: pam_authenticate() failed: x",
         ("bob", "192.0.2.7", "pam", False, False)),
        ("dovecot: auth-worker(bob,192.0.2.7,sasl:plain)<476><CvN+E95U>: request [1]: pam: unknown user",
         ("bob", "192.0.2.7", "pam", True, False)),
        ("dovecot: auth: passwd-file(bob,192.0.2.7): Requested CRAM-MD5 scheme, but we have only SHA512-CRYPT",
         ("bob", "192.0.2.7", "passwd-file", False, False)),
        ("dovecot: auth(bob,192.0.2.7,sasl:cram-md5): sql: Requested CRAM-MD5 scheme, but we have a NULL password",
         ("bob", "192.0.2.7", "sql", False, False)),
        ("dovecot: auth: policy(bob,192.0.2.7): Authentication failure due to policy server refusal: too many",
         ("bob", "192.0.2.7", "policy", False, False)),
        ("dovecot: auth: sql(bob,192.0.2.7): allow_real_nets check failed: IP 192.0.2.7 not in allowed networks",
         ("bob", "192.0.2.7", "sql", False, False)),
        # The server's own fault, and what only looks so.
        ("dovecot: auth: Error: checkpassword(bob,192.0.2.7): Child 420 exited with status 111",
         ("bob", "192.0.2.7", "checkpassword", False, True)),
        ("dovecot: auth(bob,192.0.2.7,sasl:plain): Error: passwd-file: open(/x) failed: Permission denied",
         ("bob", "192.0.2.7", "passwd-file", False, True)),
        ("dovecot: auth: Error: sql(bob,192.0.2.7): Unknown scheme NONSENSE",
         ("bob", "192.0.2.7", "sql", False, False)),
        # Users of every kind.
        ("dovecot: auth: sql(?,192.0.2.7): unknown user", (None, "192.0.2.7", "sql", False, False)),
        ("dovecot: auth: plain(?,192.0.2.7): Empty username", ("", "192.0.2.7", "plain", False, False)),
        ("dovecot: auth: cram-md5(?,192.0.2.7): missing digest", (None, "192.0.2.7", "cram-md5", False, False)),
        ("dovecot: auth: login(?,192.0.2.7): Username character disallowed by auth_username_chars: 0x2c"
         " (username: a,b)c)",
         ("a,b)c", "192.0.2.7", "login", False, False)),
        ("dovecot: auth: sql(a,b)c d,192.0.2.7): unknown user", ("a,b)c d", "192.0.2.7", "sql", False, False)),
        ("dovecot: auth: sql(é\udcff\\,192.0.2.7): unknown user", ("é\\xFF\\\\", "192.0.2.7", "sql", False, False)),
        ("dovecot: auth: sql(bob,::ffff:192.0.2.7): unknown user", ("bob", "192.0.2.7", "sql", False, False)),
        # PAM's own line: what stands before the last rhost= is the client's.
        ("dovecot-auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot"
         " ruser=x rhost=203.0.113.9 rhost=192.0.2.7", ("x rhost=203.0.113.9", "192.0.2.7", "pam_unix", False, False)),
        ("auth[5]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot"
         " ruser=bob rhost=192.0.2.7  user=bob", ("bob", "192.0.2.7", "pam_unix", False, False)),
        ("auth: pam_unix(dovecot:auth): authentication failure; logname= tty=dovecot ruser= rhost=192.0.2.7  user=bob",
         ("bob", "192.0.2.7", "pam_unix", False, False)),
    ],
)  # fmt: skip
def test_a_line_on_a_failed_login_names_the_client(message, expected):
    assert found(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "dovecot: auth: sql(bob,192.0.2.7): Password mismatch - trying the next passdb",
        "dovecot: auth: sql(bob,192.0.2.7): unknown user (given password: x) - trying the next passdb",
        "dovecot: auth: Debug: sql(bob,192.0.2.7): Password mismatch",
        "dovecot: auth: sql(bob,192.0.2.7): Falling back to expired data from cache",
        "dovecot: auth: Error: passwd-file /x: open(/x) failed: Permission denied",
        "dovecot: auth: User found from deny passdb",
        "dovecot: auth: sql(bob): unknown user",
        "dovecot: auth: sql(bob,192.0.2.777): unknown user",
        "dovecot: auth: sql(bob,a.example.org): unknown user",
        "dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, rip=192.0.2.7",
        "dovecot: submission-login: Client has quit the connection (auth failed, 1 attempts): user=<b>, rip=192.0.2.7",
        "dovecot: imap(bob)<5><x>: auth: sql(bob,192.0.2.7): unknown user",
        "postfix/smtpd[5]: warning: dovecot: auth: sql(bob,192.0.2.7): unknown user",
        "evil: dovecot: auth: sql(bob,192.0.2.7): unknown user",
        "auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 tty=dovecot ruser=bob rhost=",
        "sshd[5]: pam_unix(sshd:auth): authentication failure; tty=ssh ruser= rhost=192.0.2.7  user=bob",
        "dovecot: auth: sql(" + "x" * 300 + ",192.0.2.7): unknown user",
        "dovecot: auth: sql(bob,192.0.2.7): Password mismatch" + "x" * 20_000,
        "dovecot: auth: sql(",
    ],
)
def test_other_lines_say_nothing(message):
    assert said(message) is None


HEADS = [
    HEAD,
    "May 17 11:13:00 mx ",
    "May 17 11:13:00.250 mx ",
    "<20>May 17 11:13:00 mx ",
    "2025-05-17T11:13:00.250000Z mx ",
    "2025-05-17T13:13:00+02:00 mx ",
    "Sat 2025-05-17 11:13:00 UTC mx ",
    "mailserver  | May 17 11:13:00 mx ",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tag", ["dovecot", "dovecot[7]"])
@pytest.mark.parametrize("rest", ["auth: sql(bob,192.0.2.7): ", "auth(bob,192.0.2.7,sasl:login): sql: "])
@pytest.mark.parametrize("what", ["unknown user", "invalid credentials"])  # the short way and the long one
def test_every_form_of_header(zone, head, tag, rest, what):
    zone("UTC")
    one = said(f"{tag}: {rest}{what}", head)
    assert (one.stamp // 1_000_000, one.server, one.user, one.ip) == (1_747_480_380, "mx", "bob", "192.0.2.7")


def test_the_journal_and_docker():
    entry = {"__REALTIME_TIMESTAMP": "1747480380250000", "_HOSTNAME": "mx", "SYSLOG_IDENTIFIER": "dovecot"}
    line = json.dumps({**entry, "MESSAGE": "auth: sql(bob,192.0.2.7): unknown user"})
    one = dovecot.companion(line.encode(), CLOCK)
    assert (one.stamp, one.server, one.user, one.ip) == (1_747_480_380_250_000, "mx", "bob", "192.0.2.7")
    log = {"log": HEAD + "dovecot: auth: sql(bob,192.0.2.7): unknown user\n", "time": "2025-05-17T11:13:01Z"}
    assert dovecot.companion(json.dumps(log).encode(), CLOCK) == one


def test_a_password_is_not_read_as_the_client():
    """Where passwords are logged, an attacker sends one that looks like the end of the parenthesis."""
    hostile = "dovecot: auth: sql(bob,192.0.2.7): Password mismatch (given password: eve,203.0.113.9): unknown user)"
    one = said(hostile)
    assert (one.user, one.ip) == (None, "192.0.2.7")  # it may be read in two ways: nobody is named
    assert found("dovecot: auth: sql(bob,192.0.2.7): Password mismatch (given password: (x): ,1.2): y)")[:2] == (
        "bob",
        "192.0.2.7",
    )


SECRET = "hunter2"
WITH_SECRET = [
    f"dovecot: auth: sql(bob,192.0.2.7): Password mismatch (given password: {SECRET})",
    f"dovecot: auth: sql(bob,192.0.2.7): unknown user (given password: x): {SECRET}) - trying the next passdb",
    f"dovecot[3]: auth: sql(bob,192.0.2.7,<x>): unknown user (SHA1 of given password: {SECRET})",
    f"dovecot: auth(bob,192.0.2.7,sasl:login): sql: Password mismatch (given password: {SECRET})",
    f"dovecot: auth: Debug: client in: AUTH\t1\tPLAIN\tservice=smtp\tresp={SECRET}",
    f"dovecot: auth: Debug: sql(bob,192.0.2.7): PLAIN({SECRET}) != '{SECRET}'",
    f"{WORKER}sql(bob,192.0.2.7): Password mismatch (given password: {SECRET})",
    f"dovecot: auth-worker(5): Debug: pam(bob): given {SECRET}",
    f"dovecot: auth: login(?,192.0.2.7): something new about {SECRET}",
    f"other: something (given password: {SECRET})",
]


@pytest.mark.parametrize("message", WITH_SECRET)
@pytest.mark.parametrize("head", HEADS)
def test_no_password_is_shown(message, head):
    shown = dovecot.masked((head + message).encode(), CLOCK)
    assert SECRET.encode() not in shown
    assert shown.startswith(head.encode())
    assert SECRET not in repr(said(message, head))


@pytest.mark.parametrize("message", WITH_SECRET[:-1])
def test_no_password_is_shown_of_the_journal_or_of_dovecots_own_log(message):
    text = message.partition(": ")[2]
    entry = {"__REALTIME_TIMESTAMP": "1747480380250000", "_HOSTNAME": "mx", "SYSLOG_IDENTIFIER": "dovecot"}
    for form in (text, list(text.encode())):
        shown = dovecot.masked(json.dumps({**entry, "MESSAGE": form}).encode(), CLOCK)
        assert SECRET.encode() not in shown
        assert json.dumps(list(SECRET.encode()))[1:-1].encode() not in shown
    for stamp in ("Aug 30 00:10:57 ", "2025-05-17 11:13:00 "):
        assert SECRET.encode() not in dovecot.masked((stamp + text).encode(), CLOCK)


@pytest.mark.parametrize(
    "line",
    [
        f"<22>1 2025-05-17T11:13:00Z mx dovecot 7 - -  auth: Debug: sql(bob,192.0.2.7): PLAIN({SECRET}) != 'x'",
        f'1 2025-05-17T11:13:00Z mx dovecot - - [a b="c"]  auth-worker(5): sql(bob,192.0.2.7): new {SECRET}',
        f"{HEAD}dovecot: message repeated 3 times: [ auth: Debug: sql(bob,192.0.2.7): PLAIN({SECRET}) != 'x']",
        f"{HEAD}dovecot auth[12]: sql(bob,192.0.2.7): new {SECRET}",
        f'{{"SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"auth: sql(bob,192.0.2.7): new {SECRET}"}}',
        f'{{"SYSLOG_IDENTIFIER":["dovecot","x"],"MESSAGE":["auth: new {SECRET}","y"]}}',
        f'{{"SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"auth: sql(bob,192.0.2.7): new {SECRET}',
        f'{{"log":"nothing dated dovecot: auth: new {SECRET}"}}',
    ],
)
def test_no_password_is_shown_of_a_line_that_is_only_half_understood(line):
    assert SECRET.encode() not in dovecot.masked(line.encode(), CLOCK)


def test_what_holds_no_password_is_shown_whole():
    for line in (
        HEAD + "postfix/smtpd[5]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob",
        HEAD + "dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=192.0.2.7",
        "x",
        "",
    ):
        assert dovecot.masked(line.encode(), CLOCK) == line.encode()
    shown = dovecot.masked((HEAD + "dovecot: auth: sql(bob,192.0.2.7): Password mismatch").encode(), CLOCK)
    assert shown.decode() == HEAD + "dovecot: auth: sql(bob,192.0.2.7): ..."
