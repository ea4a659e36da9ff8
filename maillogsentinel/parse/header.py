"""The header of a log line: when, which host, which program; whatever syslog daemon or container wrote it.

Forms: RFC 3164 and its relatives (rsyslog's traditional file format, sysklogd, busybox, FreeBSD, postlogd), RFC 3339
(rsyslog's default), RFC 5424, journalctl's ``-o short*`` and ``-o json``, docker's json-file and compose prefixes.
"""

import re
from typing import NamedTuple

from maillogsentinel.parse.stamp import LATEST, Clock, fraction, local, month_number

MAX_LINE = 16_384
"""Bytes of the longest line that is looked at: Postfix cuts its messages at 2000, rsyslog at 8192."""


class Header(NamedTuple):
    """A log line taken apart; texts are the line's own bytes."""

    stamp: int
    """UTC microseconds."""
    host: bytes | None
    program: bytes
    pid: int | None
    message: bytes
    bare_program: bool
    """True for RFC 5424, where rsyslog cuts ``postfix/submission/smtpd`` down to ``postfix``."""


NO_HOSTS = frozenset(b"- DEBUG INFO NOTICE WARN WARNING ERR ERROR CRIT CRITICAL ALERT EMERG FATAL PANIC".split())
"""What stands in the host's place and names none: bokysan's container writes the level there."""

_COMPOSE = re.compile(rb"[\w.-]{1,64} +\| ")
_PRI = re.compile(rb"<\d{1,3}>")
_ISO = re.compile(
    rb"([A-Z][a-z]{2} )?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
    # journalctl's zone (CEST, or +03 where it has no name) follows a weekday; else the word may be the host's name.
    rb"(?: ?(Z|[+-]\d\d(?::?\d\d)?)|(?(1) ([A-Z]{2,5})| (UTC|GMT)))?[: ] *"
)
_BSD = re.compile(rb"(?:(\d{4}) )?([A-Z][a-z]{2}) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?:? +")
_UNIX = re.compile(rb"(\d{9,11})\.(\d{1,6}) +")
_PROGRAM = re.compile(
    rb"(?:<[\w.]{1,24}> )?(?:([^\s\[\]]{1,255}) +)?(?:[a-z0-9]{1,12}\.[a-z]{1,12} )?"
    rb"([^\s\[\]:]{0,255})\[(\d{1,10})\]: ?(.*)",
    re.S,
)
# Dovecot logs without a pid through its own log process.
_WITHOUT_PID = re.compile(
    rb"(?:<[\w.]{1,24}> )?(?:([^\s\[\]]{1,255}) +)?(?:[a-z0-9]{1,12}\.[a-z]{1,12} )?([^\s\[\]:]{1,255}): ?(.*)", re.S
)
_SYSLOG5424 = re.compile(
    rb"1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (\S{1,255}) (\S{1,48}) (\S{1,128}) \S{1,32} "
    rb"(?:-|(?:\[(?:[^\]\"\\]|\"(?:[^\"\\]|\\.)*\")*\])+) *(?:\xef\xbb\xbf)? *(.*)",
    re.S,
)
_PLAIN_FIELDS = tuple(
    b'"%s":"' % name
    for name in (b"__REALTIME_TIMESTAMP", b"_HOSTNAME", b"SYSLOG_IDENTIFIER", b"SYSLOG_PID", b"MESSAGE")
)
_ABBREVIATED = {b"UTC": b"Z", b"GMT": b"Z"}


def header(line: bytes, clock: Clock, undated: int | None = None, needs_pid: bool = True) -> Header | None:
    """Return the parts of `line` (without its newline), or None when it has no header of a known form.

    `undated` is the time of a line whose form has none of its own; without it such a line is not taken. `needs_pid`:
    a program without its pid is none, as with all of Postfix; Dovecot may log without.
    """
    if len(line) > MAX_LINE:
        return None
    try:
        return _header(line, clock, undated, needs_pid)
    except (ValueError, OverflowError):
        return None


def _header(line: bytes, clock: Clock, undated: int | None, needs_pid: bool) -> Header | None:
    if line[:1] == b"{":
        return _json(line, clock, needs_pid)
    compose = _COMPOSE.match(line)
    if compose:
        line = line[compose.end() :]
        undated = clock.reference if undated is None else undated
    pri = _PRI.match(line)
    if pri:
        line = line[pri.end() :]
        modern = _SYSLOG5424.match(line)
        if modern:
            return _rfc5424(modern, clock)
    elif line[:2] == b"1 ":
        modern = _SYSLOG5424.match(line)
        if modern:
            return _rfc5424(modern, clock)
    stamp, end = stamp_at(line, clock)
    if stamp is None:
        stamp = undated
    if stamp is None:
        return None
    rest = _PROGRAM.match(line, end)
    if rest:
        host, program, pid, message = rest.groups()
    else:
        rest = None if needs_pid else _WITHOUT_PID.match(line, end)
        if not rest:
            return None
        host, program, message = rest.groups()
        pid = None
    if host in NO_HOSTS:
        host = None
    return Header(stamp, host, program, None if pid is None else int(pid), message, False)


def stamp_at(line: bytes, clock: Clock) -> tuple[int | None, int]:
    """The time at the line's start in UTC microseconds, and where it ends; (None, 0) when there is none."""
    match = _ISO.match(line)
    if match:
        return _iso(match, clock), match.end()
    match = _BSD.match(line)
    if match:
        year = match.group(1) or match.group(4)
        month = month_number(match.group(2))
        day, hour, minute, second = (int(match.group(n)) for n in (3, 5, 6, 7))
        if year:
            whole = local(int(year), month, day, hour, minute, second)
        else:
            whole = clock.yearless(month, day, hour, minute, second)
        return whole + fraction(match.group(8)), match.end()
    match = _UNIX.match(line)
    if match:
        return int(match.group(1)) * 1_000_000 + fraction(match.group(2)), match.end()
    return None, 0


def _iso(match: re.Match[bytes], clock: Clock) -> int:
    _, year, month, day, hour, minute, second, digits, zone, behind_weekday, universal = match.groups()
    zone = zone or _ABBREVIATED.get(behind_weekday or universal)
    if zone:
        if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
            raise ValueError("no such time")
        start = clock.zoned(b"%s-%s-%sT%s" % (year, month, day, hour), zone)
        return start + (int(minute) * 60 + int(second)) * 1_000_000 + fraction(digits)
    # Other abbreviations (CEST) name no zone for sure: journalctl writes the machine's own.
    return local(int(year), int(month), int(day), int(hour), int(minute), int(second)) + fraction(digits)


def _rfc5424(match: re.Match[bytes], clock: Clock) -> Header | None:
    stamp, host, program, pid, message = match.groups()
    iso = _ISO.match(stamp + b" ")
    if not iso:
        return None
    number = int(pid) if re.fullmatch(rb"\d{1,10}", pid) else None
    return Header(_iso(iso, clock), None if host == b"-" else host, program, number, message, True)


def _json(line: bytes, clock: Clock, needs_pid: bool) -> Header | None:
    return _plain_json(line) or _any_json(line, clock, needs_pid)


def _plain_json(line: bytes) -> Header | None:
    """The header of an entry of the journal as journalctl prints nearly all: each field a text without an escape.

    Without a backslash no quotation mark stands within a text, so that a name in quotation marks is that of a field.
    This takes a third of the time of json.
    """
    if b"\\" in line or b"SYSLOG_RAW" in line:
        return None
    found = []
    for name in _PLAIN_FIELDS:
        at = line.find(name) + len(name)
        if at < len(name):
            return None
        found.append(line[at : line.find(b'"', at)])
    stamp, host, program, pid, message = found
    if not (stamp.isdigit() and len(stamp) < 18 and pid.isdigit() and len(pid) < 11) or int(stamp) > LATEST:
        return None
    return Header(int(stamp), host, program, int(pid), message, False)


def _any_json(line: bytes, clock: Clock, needs_pid: bool) -> Header | None:
    import json

    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(entry.get("log"), str):
        return _docker(entry, clock, needs_pid)
    identifier, stamp = entry.get("SYSLOG_IDENTIFIER"), entry.get("__REALTIME_TIMESTAMP")
    message = _journal_message(entry)
    if not isinstance(identifier, str) or message is None or not re.fullmatch("[0-9]{1,18}", str(stamp)):
        return None
    if int(str(stamp)) > LATEST:
        return None
    host, pid = entry.get("_HOSTNAME"), str(entry.get("SYSLOG_PID", entry.get("_PID", "")))
    return Header(
        int(str(stamp)),
        host.encode("utf-8", "surrogatepass") if isinstance(host, str) else None,
        identifier.encode("utf-8", "surrogatepass"),
        int(pid) if re.fullmatch("[0-9]{1,10}", pid) else None,
        message,
        False,
    )


def _journal_message(entry: dict[str, object]) -> bytes | None:
    """The message of an entry, with the blanks at its end that journald took off.

    They are a user name's. journald (journald-syslog.c) keeps what came in SYSLOG_RAW when it took something off.
    """
    message, raw = journal_bytes(entry.get("MESSAGE")), journal_bytes(entry.get("SYSLOG_RAW"))
    if message and raw and (whole := raw.rstrip(b" ")).endswith(message):
        return message + raw[len(whole) :]
    return message


def journal_bytes(value: object) -> bytes | None:
    """Return the bytes of a field of the journal's JSON, text or a list of bytes where it is not UTF-8; else None."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list) and all(type(byte) is int and 0 <= byte < 256 for byte in value):
        return bytes(value)
    return None


def _docker(entry: dict[str, object], clock: Clock, needs_pid: bool) -> Header | None:
    """docker's json-file: the program's own line inside, and the time at which docker read it."""
    outer = _ISO.match(str(entry.get("time", "")).encode("utf-8", "replace") + b" ")
    inner = str(entry["log"]).encode("utf-8", "surrogatepass").rstrip(b"\r\n")  # CR where the container has a tty
    if inner[:1] == b"{":
        return None
    return header(inner, clock, _iso(outer, clock) if outer else clock.reference, needs_pid)
