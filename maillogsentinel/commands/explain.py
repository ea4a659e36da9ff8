"""``maillogsentinel explain``: for each line, what it is, and why; changes nothing."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from maillogsentinel.errors import SourceError
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.model import MECHANISM_INVALID, Failure, Trouble, raw_bytes, safe_text
from maillogsentinel.parse import dovecot, login, repeats, session
from maillogsentinel.parse.header import MAX_LINE
from maillogsentinel.parse.postfix import LOOK_BACK, as_trouble, raw_mechanism, read
from maillogsentinel.parse.stamp import Clock, latest
from maillogsentinel.sources.companions import companion, nameable
from maillogsentinel.sources.matching import Matcher
from maillogsentinel.sources.naming import told

COMPANION = "another daemon's word on a failed login; it names the user where Postfix does not"
TEMPORARY_COMPANION = "another daemon's word on a login that it could not check; Postfix's line on it is trouble"


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.file == "-":
        _explain(sys.stdin.buffer, now(), args.json)
        return 0
    try:
        file = open(args.file, "rb")  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"Cannot read {args.file}: {error.strerror}. Name a file, or - for stdin.") from error
    with file:
        _explain(file, latest(os.fstat(file.fileno()).st_mtime_ns // 1000, now()), args.json)
    return 0


def _explain(file: IO[bytes], reference: int, as_json: bool) -> None:
    clock = Clock(reference)
    before: Failure | None = None
    earlier = b""
    names = Matcher()
    times = LocalTime("", seconds=True)
    for line in _lines(file):
        found: Failure | Trouble | str = read(line, clock)
        count, warning = 1, None
        if isinstance(found, Failure):
            found = as_trouble(found, earlier) or found
        if isinstance(found, Failure):
            count, warning = repeats.records(found, before is not None)
        elif before is not None:
            again = repeats.last_message(line, before, clock)
            if again:
                found, count, warning = again
        if isinstance(found, str):
            found = _known(line, clock) or found
        before = found if isinstance(found, Failure) else None
        earlier = (earlier + line + b"\n")[-LOOK_BACK:]
        found, named = _told(line, found, names, clock)
        why = _why(found, count, warning) + named
        shown = dovecot.masked(line, clock)
        print(json.dumps(_object(line, found, why, clock)) if as_json else _text(shown, found, why, times))


def _told(
    line: bytes, found: Failure | Trouble | str, names: Matcher, clock: Clock
) -> tuple[Failure | Trouble | str, str]:
    """What the line is by the companions before it, and a remark on that."""
    if isinstance(found, str):
        said = companion(line, clock)
        if said:
            names.hear(said)
            return TEMPORARY_COMPANION if said.temporary else COMPANION, ""
    elif isinstance(found, Failure) and (found.user is not None or nameable(found)):
        answer = names.ask(found)
        if answer:
            whole = told(found, answer)
            named = isinstance(whole, Failure) and whole.user != found.user
            return whole, "; another daemon's line before it names the user" if named else ""
        names.expect(found, -1)  # a line that comes behind it is about this failure, and not about the next
        names.settle(found.stamp)
    return found, ""


def _known(line: bytes, clock: Clock) -> str | None:
    """What a line is that is no failure, where it is understood all the same."""
    end = len(line)
    hit = line.find(login.WORD)
    essence = login.essence(line, 0, hit, end, clock) if hit >= 0 else None
    if essence and login.login(essence):
        return "a successful login"
    hit = line.find(session.COUNTER)
    if hit >= 0 and session.ended(line, 0, hit, end, clock):
        return "the end of a session with refused AUTH commands; each failed login has a line of its own"
    if session.notice(line, clock):
        return "a syslog daemon says that it dropped messages; the report says so, too"
    return None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines without their newlines; of one that is far too long, only the beginning."""
    while line := file.readline(MAX_LINE + 2):
        if line.endswith(b"\n"):
            yield line[:-1]
            continue
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(1 << 20)


def _why(found: Failure | Trouble | str, count: int, warning: str | None) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, Trouble):
        return f"the server's own trouble: {found.kind}"
    why = "a failed SASL login" if count == 1 else f"{count} failed SASL logins in one line"
    if found.mechanism == MECHANISM_INVALID:
        why += "; the client put other text in the mechanism's place"
    if found.user is not None and len(raw_bytes(found.user)) == 100:
        why += "; Postfix may have cut the user name at 100 bytes"
    return f"{why}; {warning}" if warning else why


def _object(line: bytes, found: Failure | Trouble | str, why: str, clock: Clock) -> dict[str, Any]:
    if isinstance(found, str):
        return {"verdict": "ignored", "why": why}
    if isinstance(found, Trouble):
        return {"verdict": "trouble", "why": why}
    invalid = found.mechanism == MECHANISM_INVALID
    return {
        "verdict": "failure",
        "why": why,
        "ip": found.ip,
        "user": _raw(found.user),
        "hostname": _raw(found.hostname) if found.hostname is not None else "unknown",
        "mechanism": _raw(raw_mechanism(line, clock) if invalid else found.mechanism),
        "reason": _raw(found.reason),
        "service": _raw(found.service),
        "repeat": found.repeat,
    }


def _raw(text: str | None) -> str | None:
    return None if text is None else raw_bytes(text).decode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    """As the CSV would quote it: blanks at the ends show, and nothing in it looks like the next field."""
    return '"' + text.replace('"', '""') + '"'


_CHALLENGES = ("", "(reason unavailable)", "UGFzc3dvcmQ6", "VXNlcm5hbWU6")


def _text(line: bytes, found: Failure | Trouble | str, why: str, times: LocalTime) -> str:
    shown = safe_text(line[:200]) + ("..." if len(line) > 200 else "")
    if isinstance(found, str):
        return f"ignored: {why}\n    {shown}"
    if isinstance(found, Trouble):
        return f"trouble: {why}\n    {shown}"
    reason = found.reason
    if reason in _CHALLENGES or (found.mechanism.upper() == "CRAM-MD5" and reason.startswith("PD")):
        reason = "(none given)"
    return (
        f"failure: {why}\n    {shown}\n    date={times.text(found.stamp)} server={found.server or 'null'}"
        f" ip={found.ip or 'null'} hostname={found.hostname or 'null'}"
        f" user={'null' if found.user is None else _quoted(found.user)} mechanism={found.mechanism}"
        f" service={found.service or 'null'} reason={reason}"
    )
