"""Repeated-message lines, which hide failures: how many records the line after a failure stands for.

rsyslog writes ``message repeated N times: [ TEXT]``, which is a failure line by itself (see `postfix.read`); sysklogd,
the BSDs and old rsyslog write ``last message repeated N times``, syslog-ng ``Last message 'START' repeated N times``.
"""

import re

from maillogsentinel.model import Failure, safe_text
from maillogsentinel.parse.header import MAX_LINE, header, stamp_at
from maillogsentinel.parse.stamp import Clock

MOST = 10_000
"""More repeats than this no daemon folds; such a line is one record."""

_LAST = re.compile(
    rb"(?:<[\w.]{1,24}> )?(?:(\S{1,255}) +)?(?:syslogd: |--- )?last message repeated (\d{1,12}) times?(?: ---)?\Z"
)
_SYSLOG_NG = re.compile(rb"Last message '(.{1,64}?)' repeated (\d{1,12}) times, suppressed by syslog-ng")


def records(failure: Failure, adjacent: bool) -> tuple[int, str | None]:
    """Return how many records a failure line makes, and a warning or None.

    `adjacent` tells whether the line directly before it was a failure, too.
    """
    if failure.repeat == 1:
        return 1, None
    if not adjacent:
        return 1, f"a line says {failure.repeat} repeats, but the line before it is no failed login: counted once"
    return _bounded(failure.repeat)


def _bounded(count: int) -> tuple[int, str | None]:
    if count > MOST:
        return 1, f"a line says {count} repeats, more than the {MOST} that are believed: counted once"
    return count, None


def last_message(line: bytes, before: Failure, clock: Clock) -> tuple[Failure, int, str | None] | None:
    """Return what the line directly behind the failure `before` repeats of it: failure, records, warning or None.

    None when the line is no repetition, or one of another host or message.
    """
    if b"ast message " not in line or len(line) > MAX_LINE:
        return None
    try:
        stamp, end = stamp_at(line, clock)
    except ValueError:
        return None
    match = _LAST.match(line, end) if stamp is not None else None
    if match and stamp is not None:
        if _other_host(match.group(1), before):
            return None
        count, warning = _bounded(int(match.group(2)))
        return before._replace(stamp=stamp, repeat=int(match.group(2))), count, warning
    parts = header(line, clock)
    match = _SYSLOG_NG.match(parts.message) if parts else None
    if match and parts and not _other_host(parts.host, before):
        begin = f"warning: {before.hostname or 'unknown'}[{before.ip or 'unknown'}".encode()
        if not begin.startswith(match.group(1)[: len(begin)]):
            return None
        count, warning = _bounded(int(match.group(2)))
        return before._replace(stamp=parts.stamp, repeat=int(match.group(2))), count, warning
    return None


def _other_host(host: bytes | None, before: Failure) -> bool:
    return host is not None and before.server is not None and safe_text(host) != before.server
