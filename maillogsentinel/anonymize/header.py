"""Where the parts of a log line stand, whatever syslog daemon or container wrote its header.

The forms are those of `maillogsentinel.parse.header`, which makes values of them; here their places are wanted, and of
lines that it has no use for as well. Journal entries in JSON are in `journal`.
"""

import re
from typing import NamedTuple

from maillogsentinel.parse.header import NO_HOSTS

_STAMP = (
    rb"(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?)(?=[: ]))?"
    rb"|(?:\d{4} )?[A-Z][a-z]{2} {1,2}\d{1,2}(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    rb"|\d{9,11}\.\d{1,6}(?= )"
)
# journalctl's short-full has the zone's name behind a weekday and in front of the host; else it may be the host's.
_BEGIN = re.compile(rb"(?:([\w.-]{1,64})( +\| ))?(<\d{1,3}>)?((?:" + _STAMP + rb")?)((?:(?!::)[: ])*)")
_WEEKDAY = re.compile(rb"[A-Z][a-z]{2} \d{4}-")
_ZONE_NAME = re.compile(rb"[A-Z]{2,5} +")
LABEL = re.compile(
    rb"(?i:(?:(?:kern|user|mail|daemon|auth|authpriv|security|syslog|lpr|news|uucp|cron|ftp|ntp|audit|console|local[0-7])\.)?"
    rb"(?:emerg|panic|alert|crit|err|error|warn|warning|notice|info|debug|none)|\d{1,3}|\d{1,2}\.\d)"
)
"""Matches a facility and level of syslog(3), or a level, by name or number: what else stands there may be a name."""
_UNIVERSAL = re.compile(rb"(?:UTC|GMT)[: ] *")
_PROGRAM = re.compile(
    rb"((?:<[\w.]{1,24}> )?)(?:([^\s\[\]]{1,255})( +))?((?:[a-z0-9]{1,12}\.[a-z]{1,12} )?)([^\s\[\]:]{0,255})"
    rb"(\[\d{1,10}\]: ?)(.*)",
    re.S,
)
_SIX = rb":[0-9A-Fa-f]{0,4}:"  # no program's name ends there, but the first group of an IPv6 address
_WITHOUT_PID = re.compile(
    rb"((?:<[\w.]{1,24}> )?)(?:([^\s\[\]]{1,255})( +))?((?:[a-z0-9]{1,12}\.[a-z]{1,12} )?)([^\s\[\]:]{1,255})(?!"
    + _SIX
    + rb")(: ?)(.*)",
    re.S,
)
_WITHOUT_PROGRAM = re.compile(
    rb"((?:<[\w.]{1,24}> )?)(?:([^\s\[\]]{1,255})( +))?()()()((?=[^\s\[\]:]{0,255}" + _SIX + rb").*)", re.S
)
_REPEATED = re.compile(
    rb"((?:<[\w.]{1,24}> )?)(?:(\S{1,255})( +))?()()()"
    rb"((?:syslogd: |--- )?last message repeated \d{1,12} times?(?: ---)?)"
)
_SYSLOG5424 = re.compile(
    rb"(1 )(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))( )(\S{1,255})( )(\S{1,48})( )(\S{1,128})"
    rb"( \S{1,32} )(-|(?:\[(?:[^\]\"\\]|\"(?:[^\"\\]|\\.)*+\")*+\])+)( *(?:\xef\xbb\xbf)? *)(.*)",
    re.S,
)


class Parts(NamedTuple):
    """A line taken apart; joined in this order they are the line."""

    container: bytes
    bar: bytes
    priority: bytes
    version: bytes
    """``1 `` of RFC 5424."""
    stamp: bytes
    gap: bytes
    level: bytes
    host: bytes
    blank: bytes
    facility: bytes
    program: bytes
    pid: bytes
    """With the punctuation up to the message."""
    data: bytes
    """Structured data of RFC 5424."""
    space: bytes
    message: bytes

    @property
    def named(self) -> bool:
        """Whether the host's place holds a name, and not a level or nothing."""
        return self.host not in NO_HOSTS and bool(self.host)


def split(line: bytes) -> Parts | None:
    """Return the parts of a line; None when it has no header."""
    begin = _BEGIN.match(line)
    container, bar, priority, stamp, gap = (part or b"" for part in begin.groups()) if begin else (b"",) * 5
    end = begin.end() if begin else 0
    if not stamp:
        return _modern(line, container, bar, priority, end - len(gap)) if not gap or priority else None
    named = _WEEKDAY.match(stamp)
    zone = (_ZONE_NAME if named else _UNIVERSAL).match(line, end)
    rest = _rest(line, zone.end() if zone else end)
    if zone and named and not (rest and rest.group(2) and rest.group(2)[-1:] != b":"):  # it may be the host
        zone, rest = None, _rest(line, end)
    if not rest:
        return None
    gap += zone.group() if zone else b""
    level, host, blank, facility, program, pid, message = (part or b"" for part in rest.groups())
    return Parts(
        container, bar, priority, b"", stamp, gap, level, host, blank, facility, program, pid, b"", b"", message
    )


def _rest(line: bytes, begin: int) -> re.Match[bytes] | None:
    """The parts behind the time."""
    forms = (_REPEATED, _PROGRAM, _WITHOUT_PID, _WITHOUT_PROGRAM)
    return next((match for form in forms if (match := form.fullmatch(line, begin))), None)


def _modern(line: bytes, container: bytes, bar: bytes, priority: bytes, end: int) -> Parts | None:
    match = _SYSLOG5424.fullmatch(line, end)
    if match:
        version, stamp, gap, host, blank, program, between, pid, msgid, data, space, message = match.groups()
        return Parts(
            container, bar, priority, version, stamp, gap, b"", host, blank, b"", program, between + pid + msgid, data,
            space, message,
        )  # fmt: skip
    if container or not line:
        rest = _PROGRAM.fullmatch(line, end)  # compose's prefix in front of a line without a time
        if rest:
            level, host, blank, facility, program, pid, message = (part or b"" for part in rest.groups())
            return Parts(
                container, bar, priority, b"", b"", b"", level, host, blank, facility, program, pid, b"", b"", message
            )
    return None
