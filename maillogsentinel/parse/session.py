"""What tells of lost lines: the counters at an SMTP session's end, and the notices of syslog daemons that dropped some.

smtpd (3.0 and later) ends a session with ``disconnect from NAME[ADDR] ehlo=1 auth=OK/TOTAL quit=1 commands=2/3``, or
``auth=OK`` where none was refused. Everything in front of the counters is Postfix's own text, without a blank in it.
"""

import re
from typing import NamedTuple

from maillogsentinel.model import safe_text
from maillogsentinel.parse.header import MAX_LINE, header
from maillogsentinel.parse.postfix import SMTPD, SOLARIS, process, service_of
from maillogsentinel.parse.stamp import Clock

Process = tuple[str | None, str | None, int | None]
"""Server, service and pid: one smtpd, which holds one session at a time."""

COUNTER = b" auth="
"""What stands in each line that `ended` may make something of, and is followed by ``OK/TOTAL`` in it."""
FEW = {b"0/%d " % number: number for number in range(1, 10)}
"""What stands behind `COUNTER` where no AUTH command succeeded, and how many were refused."""
TLS = b" starttls="
"""Stands before `COUNTER` where the client said STARTTLS."""
END = b"]: disconnect from "
CONNECT = b"connect from "
"""Stands in each line that `begun` may make something of."""
AUTH = b"AUTH"
"""Stands in each line that `excuse` may make something of."""
NOTICE = b" messages "
"""Stands in each line that `notice` may make something of."""

_STAMP = rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.:Z+-]{0,16}|[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d) "
_CLIENT = rb"[\w.-]{1,255}\[[^\]\s]{1,64}\](?::\d{1,5})?"
_COMMON = re.compile(_STAMP + SMTPD)
_COMMON_END = re.compile(_STAMP + SMTPD + rb"disconnect from ")
_END = re.compile(SOLARIS + rb"disconnect from ")
_NUMBERS = re.compile(rb"(\d{1,9})/(\d{1,9})")
_BEGIN = re.compile(SOLARIS + rb"connect from ")
_EXCUSE = re.compile(
    SOLARIS
    + rb"(?:(?:\w{1,64}: )?(?:lost connection|timeout|improper command pipelining) after AUTH from "
    + rb"|warning: AUTH command rate limit exceeded: \d+ from )"
)
_ABORTED = re.compile(SOLARIS + rb"warning: " + _CLIENT + rb": SASL .* authentication aborted\Z", re.S)


class Ended(NamedTuple):
    """An SMTP session with refused AUTH commands."""

    process: Process
    refused: int
    """AUTH commands that did not succeed."""
    tls: bool
    """Whether the client said STARTTLS; AUTH may be offered only to those who did."""
    succeeded: bool
    """Whether another AUTH command did succeed; Postfix refuses those behind it without a line."""


class Notice(NamedTuple):
    """A syslog daemon says that it dropped messages."""

    stamp: int
    """UTC, microseconds since 1970."""
    daemon: str
    """``rsyslog`` or ``journald``."""
    whose: str
    """What tells the notices on one program's messages apart from those on another's."""
    lost: int | None
    """How many messages were dropped; None when that is told later: the dropping begins."""
    mail: bool | None
    """Whether they were a mail server's; None when the line does not say."""


def ended(data: bytes, start: int, hit: int, stop: int, clock: Clock) -> Ended | None:
    """Return what the line ``data[start:stop]``, with `COUNTER` at `hit`, says at a session's end; None when it is no
    such line, or none of the session's AUTH commands was refused."""
    numbers = data[hit + 6 : hit + 10]
    refused, succeeded = FEW.get(numbers, 0), False
    if not refused:
        found = _NUMBERS.match(data, hit + 6, stop)
        if not found:
            return None
        done = int(found.group(1))
        refused, succeeded = int(found.group(2)) - done, done > 0
        if refused <= 0:
            return None
    parts = smtpd(data[start:stop], clock)
    if not parts or not _END.match(parts[1]):
        return None
    # Nothing stands before the counters but the client's name and address, which have no blanks.
    return Ended(parts[0], refused, data.find(TLS, start, hit) >= 0, succeeded)


def name(data: bytes, start: int, hit: int) -> tuple[int, int] | None:
    """Return where in the line from `start` stands what names the smtpd, when the line, with `COUNTER` at `hit`, is a
    session's end of a common form. In a line of that form the same bytes between stamp and `END` name the same one."""
    match = _COMMON_END.match(data, start, hit)
    return match.span(1) if match else None


def smtpd(line: bytes, clock: Clock) -> tuple[Process, bytes] | None:
    """Return which smtpd wrote `line`, and its message; None when none did."""
    match = _COMMON.match(line)
    if match and len(line) <= MAX_LINE:
        return process(match.group(1)), line[match.end() :]
    parts = header(line, clock)
    if parts is None or not (parts.program.endswith(b"/smtpd") or (parts.bare_program and parts.program == b"postfix")):
        return None
    server = None if parts.host is None else safe_text(parts.host)
    return (server, service_of(parts), parts.pid), parts.message


def begun(line: bytes, clock: Clock) -> Process | None:
    """Return the smtpd whose session begins with `line`; None when it is no such line."""
    parts = smtpd(line, clock)
    return parts[0] if parts and _BEGIN.match(parts[1]) else None


def excuse(line: bytes, clock: Clock) -> Process | None:
    """Return the smtpd that says in `line` why an AUTH command may be refused without a failed login, else None: the
    client went away, or tried too often."""
    parts = smtpd(line, clock)
    return parts[0] if parts and _EXCUSE.match(parts[1]) else None


def aborted(line: bytes, clock: Clock) -> Process | None:
    """Return the smtpd that says in `line` that the client gave a login up; None when it is no such line."""
    parts = smtpd(line, clock)
    return parts[0] if parts and _ABORTED.match(parts[1]) else None


_RSYSLOGD = re.compile(rb"rsyslogd(?:-\d{1,6})?\Z")
_JOURNALD = re.compile(rb"systemd-journal(?:d)?\Z")
# Version 8: ``imuxsock[pid: 7, name: /usr/sbin/x] from <host:postfix>: begin to drop messages due to rate-limiting``,
# earlier without what stands behind the pid; imjournal has no pid. Version 5: ``imuxsock lost 9 messages from pid 7
# due to rate-limiting``.
_DROPPED = re.compile(
    rb"(im[a-z]{2,12})(?:\[pid:? ?(\d{1,10})(?:,.{0,4096})?\])?(?: from <[^<>\s]*:([^<>:\s]*)>)?:"
    rb" (?:begin to drop messages|(\d{1,12}) messages lost) due to rate-limiting"
    rb"(?: \(\d+ allowed within \d+ seconds\))?\Z",
    re.S,
)
_DROPPED_OLD = re.compile(
    rb"(im[a-z]{2,12}) (?:begins to drop messages|lost (\d{1,12}) messages) from pid (\d{1,10}) due to rate-limiting\Z"
)
_SUPPRESSED = re.compile(rb"Suppressed (\d{1,12}) messages from (\S{1,255})\Z")
_MAIL = (b"postfix", b"dovecot")


def notice(line: bytes, clock: Clock) -> Notice | None:
    """Return what `line` says of dropped messages; None when no syslog daemon says such a thing in it."""
    parts = header(line, clock, needs_pid=False)
    if parts is None:
        return None
    if _JOURNALD.match(parts.program):
        match = _SUPPRESSED.match(parts.message)
        if not match:
            return None
        unit = match.group(2).rpartition(b"/")[2]
        return Notice(parts.stamp, "journald", safe_text(unit), int(match.group(1)), unit.startswith(_MAIL))
    if not _RSYSLOGD.match(parts.program):
        return None
    match = _DROPPED.match(parts.message)
    if match:
        module, pid, program, count = match.groups()
        mail = None if program is None else program.startswith(_MAIL)
    else:
        match = _DROPPED_OLD.match(parts.message)
        if not match:
            return None
        module, count, pid = match.groups()
        mail = None
    server = b"" if parts.host is None else parts.host
    whose = safe_text(b"%s %s %s" % (server, module, pid or b""))
    return Notice(parts.stamp, "rsyslog", whose, None if count is None else int(count), mail)
