"""What a line of Postfix's smtpd says: a failed SASL login, server trouble, or nothing of concern.

smtpd_sasl_glue.c writes ``NAME[ADDR]: SASL MECH authentication failed: REASON``, since 3.5.22, 3.6.12, 3.7.8 and
3.8.3 with ``, sasl_username=USER`` behind it. NAME has passed Postfix's valid_hostname(), so it has no
space, bracket or colon. MECH and USER are the client's own text; REASON is the server's.
"""

import re
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any

from maillogsentinel.model import MECHANISM_INVALID, Failure, Trouble, raw_bytes, safe_text
from maillogsentinel.parse.header import MAX_LINE, NO_HOSTS, Header, header, stamp_at
from maillogsentinel.parse.stamp import Clock, fraction

ABORTED = b" authentication aborted"
"""Stands in the lines on logins that the client gave up, which are no failures."""
NEEDLES = (b" authentication failed:", b" authentication mechanisms", ABORTED)
"""One of them stands in each line that `read` may make something of, save in the journal's JSON.

Of smtpd's two lines on a missing authentication server it is the last one, so that they count once.
"""
# systemd writes a text as a list of its bytes when it holds, say, a C1 character, which a client may send.
JOURNAL = re.compile(rb' auth(?:entication (?:failed:|mechanisms|aborted)|=)|"MESSAGE" ?: ?\[')
"""The same for lines of the journal's JSON, together with the counters at a session's end."""

TEMPORARY = {
    b"Connection lost to authentication server": "the authentication server cut the connection",
    b"Can't connect to authentication server": "the authentication server cannot be reached",
    b"generic failure": "Cyrus SASL failed",
    b"no memory available": "Cyrus SASL had no memory",
    b"transient failure (e.g., weak key)": "Cyrus SASL failed for the moment",
    b"remote authentication server unavailable": "the remote authentication server is away",
}
"""Reasons that are the server's own fault, not an attack, and what each means."""

_STALE = re.compile(rb"Invalid authentication mechanism|Invalid base64 data in initial response\Z")
NOT_SENT = re.compile(r"Invalid authentication mechanism|Invalid base64 data in initial response\Z")
"""Matches the reasons of failures whose client sent no user: a name in the line belongs to an earlier attempt."""
_MARKER = b", sasl_username="

SMTPD = rb"([^\s\[\]]{1,255} [^\s\[\]:]*/smtpd\[\d{1,10})\]: "
"""Matches in a line of a common form, behind the stamp, which smtpd wrote it; group 1 is for `process`."""
SOLARIS = rb"(?:\[ID \d{1,10} [\w.]{1,24}\] )?"
_CLIENT = rb"warning: ([\w.-]{1,255})\[([^\]\s]{1,64})\](?::\d{1,5})?: SASL "
_PLAIN_MECHANISM = rb"([\w-]+) authentication failed:(?: (.*))?\Z"
# Header and message in one: RFC 3339 as rsyslog writes it by default, or RFC 3164.
_COMMON = re.compile(
    rb"(?:(\d{4}-\d\d-\d\dT[012]\d):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)"
    rb"|([A-Z][a-z]{2} [ 1-3]\d [012]\d):([0-5]\d):([0-5]\d|60)) " + SMTPD + _CLIENT + _PLAIN_MECHANISM,
    re.S,
)
_MESSAGE = re.compile(SOLARIS + rb"(?:message repeated (\d{1,9}) times: \[ )?" + _CLIENT + rb"(.*)\Z", re.S)
_MECHANISM = re.compile(_PLAIN_MECHANISM, re.S)
_FORGED = re.compile(rb"(.*) authentication failed: (Invalid authentication mechanism.*)\Z", re.S)
_ANY_FAILED = re.compile(rb"(.*?) authentication failed:(?: (.*))?\Z", re.S)
_BEFORE_LOGIN = re.compile(SOLARIS + rb"(?:warning: SASL: Connect to |fatal: no SASL authentication mechanisms)")
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, an IPv4 client on an IPv6 socket

NO_HEADER = "no syslog header of a known form"
OTHER_PROGRAM = "not a line of Postfix's smtpd"
OTHER_MESSAGE = "not a failed SASL login"

_REMEMBERED = 8192
_LONG = 255
_addresses: dict[bytes, str | None] = {}
_texts: dict[bytes, str] = {}
_processes: dict[bytes, tuple[str | None, str, int]] = {}
_new: Callable[[type[Failure], tuple[Any, ...]], Failure] = tuple.__new__  # half the time of calling the class


NO_SERVER = b"warning: SASL: Connect to "
"""Begins what smtpd says when it cannot reach its authentication server."""
LOOK_BACK = 8192
"""Bytes before a line in which `as_trouble` looks for what smtpd said last."""


def as_trouble(failure: Failure, before: bytes) -> Trouble | None:
    """Return the trouble that a failure really is, since smtpd could not reach its authentication server; else None.

    `before` are the lines in front. When Dovecot's socket goes away in mid-session, smtpd (3.7 was tried) says that it
    cannot connect, and then writes a failure without a reason or a user, which is indistinguishable by itself.
    """
    if failure.user is not None or failure.pid is None or failure.reason != "(reason unavailable)":
        return None
    said = _said_last_json if before[before.rfind(b"\n", 0, -1) + 1 :].startswith(b"{") else _said_last
    host = b"" if failure.server is None else raw_bytes(failure.server)
    if not said(before, host, failure.pid).startswith(NO_SERVER):
        return None
    return Trouble(failure.stamp, failure.server, TEMPORARY[b"Can't connect to authentication server"])


def _said_last(before: bytes, host: bytes, pid: int) -> bytes:
    """What the process `pid` of `host` said in its last line, and what stands behind that; empty for nothing."""
    own = b"[%d]: " % pid
    name = b" " + host + b" " if host else b""
    last = before.rfind(own)
    while last >= 0 and name not in before[before.rfind(b"\n", 0, last) + 1 : last]:  # another host's, with that pid
        last = before.rfind(own, 0, last)
    return b"" if last < 0 else before[last + len(own) :]


def _said_last_json(before: bytes, host: bytes, pid: int) -> bytes:
    """The same among entries of the journal."""
    for line in reversed(before.split(b"\n")):
        parts = header(line, Clock(0)) if b'"%d"' % pid in line else None
        if parts and parts.pid == pid and parts.host == host:
            return parts.message
    return b""


def read(line: bytes, clock: Clock) -> Failure | Trouble | str:
    """Return what `line` (without its newline) is: a Failure, the server's Trouble, or the reason why it is neither."""
    match = _COMMON.match(line) if len(line) <= MAX_LINE else None
    if match:
        try:
            return _common(match, clock)
        except ValueError:
            return NO_HEADER
    return _any(line, clock)


def _common(match: re.Match[bytes], clock: Clock) -> Failure | Trouble:
    hour, minute, second, digits, zone, bsd_hour, bsd_minute, bsd_second, named, name, addr, mech, rest = match.groups()
    if hour is not None:
        stamp = clock.zoned(hour, zone) + (int(minute) * 60 + int(second)) * 1_000_000
        if digits is not None:
            stamp += int(digits) if len(digits) == 6 else fraction(digits)
    else:
        stamp = clock.bsd(bsd_hour, bsd_minute, bsd_second)
    reason, marker, user = (rest or b"").partition(_MARKER)
    # What repeats in a log (nearly all of this) is made text only once.
    server, smtpd, pid = _processes.get(named) or process(named)
    if reason in TEMPORARY:
        return Trouble(stamp, server, TEMPORARY[reason])
    text = _texts.get
    unnamed = not marker or user == b"(unavailable)" or (reason[:7] == b"Invalid" and _STALE.match(reason))
    return _new(
        Failure,
        (
            stamp,
            server,
            _addresses[addr] if addr in _addresses else address(addr),
            None if unnamed else text(user) or text_of(user),
            None if name == b"unknown" else text(name) or text_of(name),
            text(mech) or text_of(mech),
            text(reason) or text_of(reason),
            smtpd,
            pid,
            1,
        ),
    )


def process(raw: bytes) -> tuple[str | None, str, int]:
    """Return server, service and pid of an smtpd by what names it in a common line: ``mail postfix/smtpd[321``."""
    known = _processes.get(raw)
    if known is not None:
        return known
    host, _, program = raw.partition(b" ")
    program, _, pid = program.rpartition(b"/smtpd[")
    if len(_processes) >= _REMEMBERED:
        _processes.clear()
    known = _processes[raw] = (None if host in NO_HOSTS else text_of(host), service(program), int(pid))
    return known


def text_of(raw: bytes) -> str:
    """Return safe text; it is remembered unless it is long, as only names of old Postfix versions can be."""
    known = _texts.get(raw)
    if known is not None:
        return known
    if len(raw) > _LONG:
        return safe_text(raw)
    if len(_texts) >= _REMEMBERED:
        _texts.clear()
    text = _texts[raw] = safe_text(raw)
    return text


def _any(line: bytes, clock: Clock) -> Failure | Trouble | str:
    if len(line) > MAX_LINE:
        return f"longer than {MAX_LINE} bytes, which no line of Postfix is"
    parts = header(line, clock)
    if parts is None:
        return OTHER_PROGRAM if _is_dated(line, clock) else NO_HEADER
    if not (parts.program.endswith(b"/smtpd") or (parts.bare_program and parts.program == b"postfix")):
        return OTHER_PROGRAM
    server = None if parts.host is None else text_of(parts.host)
    if _BEFORE_LOGIN.match(parts.message):
        return Trouble(parts.stamp, server, "smtpd has no authentication server")
    match = _MESSAGE.match(parts.message)
    if not match:
        return _why_ignored(parts.message)
    repeat, name, addr, text = match.groups()
    if repeat is not None and text.endswith(b"]"):
        text = text[:-1]
    attempt = _attempt(text)
    if attempt is None:
        return _why_ignored(parts.message)
    mechanism, reason, user = attempt
    if reason in TEMPORARY and mechanism != MECHANISM_INVALID:  # else the reason may be the client's own words, too
        return Trouble(parts.stamp, server, TEMPORARY[reason])
    return Failure(
        parts.stamp,
        server,
        address(addr),
        user,
        None if name == b"unknown" else text_of(name),
        mechanism,
        text_of(reason),
        service_of(parts),
        parts.pid,
        max(1, int(repeat or 1)),
    )


def _is_dated(line: bytes, clock: Clock) -> bool:
    """Whether a line without a program and its pid is a log line all the same, such as Dovecot's."""
    try:
        return stamp_at(line, clock)[0] is not None
    except ValueError:
        return False


def _attempt(text: bytes) -> tuple[str, bytes, str | None] | None:
    """Mechanism, reason and user of what stands behind ``SASL``; None when it is no failed login."""
    match = _MECHANISM.match(text)
    if match:
        reason, marker, user = (match.group(2) or b"").partition(_MARKER)
        return text_of(match.group(1)), reason, _user(reason, marker, user)
    # The client put text of its own into the AUTH verb: trust nothing of it but that a login failed.
    match = _FORGED.match(text) or _ANY_FAILED.match(text)
    if match:
        return MECHANISM_INVALID, (match.group(2) or b"").partition(_MARKER)[0], None
    return None


def raw_mechanism(line: bytes, clock: Clock) -> str:
    """Return the client's own words, as safe text, of a failure whose mechanism is invalid; they are cut by Postfix."""
    parts = header(line, clock)
    match = _MESSAGE.match(parts.message) if parts else None
    if match:
        forged = _FORGED.match(match.group(4)) or _ANY_FAILED.match(match.group(4))
        if forged:
            return safe_text(forged.group(1))
    return MECHANISM_INVALID


def _why_ignored(message: bytes) -> str:
    message = re.sub(rb"\A" + SOLARIS, b"", message)
    if re.match(rb"warning: [\w.-]+\[[^\]\s]*\](?::\d+)?: SASL .* authentication aborted\Z", message):
        return "the client gave the login up"
    if message.startswith((b"warning: SASL authentication failure:", b"warning: SASL authentication problem:")):
        return "a remark of the Cyrus library; the failed login has a line of its own"
    if re.match(rb"\w+: client=", message):
        return "a successful login" if b", sasl_method=" in message else OTHER_MESSAGE
    return OTHER_MESSAGE


def _user(reason: bytes, marker: bytes, user: bytes) -> str | None:
    if not marker or user == b"(unavailable)" or _STALE.match(reason):
        return None
    return text_of(user)


def service(program: bytes) -> str:
    """``submission`` of ``postfix-out/submission`` (the program without its ``/smtpd``)."""
    return safe_text(program.partition(b"/")[2]) or "smtpd"


def service_of(parts: Header) -> str | None:
    if not parts.program.endswith(b"/smtpd"):
        return None
    return service(parts.program[: -len(b"/smtpd")])


def address(raw: bytes) -> str | None:
    """Return the canonical form of an address (RFC 5952); None for ``unknown`` and for what is no address."""
    if raw in _addresses:
        return _addresses[raw]
    if len(_addresses) >= _REMEMBERED:
        _addresses.clear()
    family = AF_INET6 if b":" in raw else AF_INET
    text: str | None = None
    try:
        packed = inet_pton(family, raw.decode("ascii"))
        if packed[:12] == _MAPPED:
            family, packed = AF_INET, packed[12:]
        text = inet_ntop(family, packed)
    except (OSError, ValueError):
        pass
    _addresses[raw] = text
    return text
