"""Lines for lines: the header's host and the message replaced, time, program and pid kept."""

import re
from datetime import datetime

from maillogsentinel.anonymize.cache import Cache
from maillogsentinel.anonymize.header import LABEL, Parts, split
from maillogsentinel.anonymize.journal import Journal
from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.programs import Programs
from maillogsentinel.anonymize.quick import Quick
from maillogsentinel.anonymize.secret import Secret
from maillogsentinel.anonymize.stamps import Shift
from maillogsentinel.anonymize.text import Text
from maillogsentinel.parse.header import MAX_LINE

TOO_LONG = b"maillogsentinel anonymize: a line longer than %d bytes, which no tool reads, was left out here" % MAX_LINE
_SUPPRESSED = b", suppressed by syslog-ng on "
_SYSLOG_NG = re.compile(
    rb"(Last message ')(.{1,64}?)(' repeated \d{1,12} times, suppressed by syslog-ng on )(.*)", re.S
)


class Anonymizer:
    """Makes lines that may be shown, by one secret; what a line becomes depends on nothing but itself.

    (But for syslog-ng's word that the message before it was repeated, which quotes the beginning of that.) `shift`
    seconds are added to each time; `reference` is when the log was written at the latest.
    """

    def __init__(self, secret: Secret, shift: int = 0, reference: datetime | None = None) -> None:
        self._names = Names(secret)
        self._shift = Shift(shift, reference or datetime.now()) if shift else None
        self._text = Text(self._names, self._shift.stamps.__getitem__ if self._shift else None)
        self._programs = Programs(self._names, self._text)
        self._components = Cache(self._component)
        self._journal = Journal(self._names, self._message, self.program, self.line, self._shift)
        self._quick = Quick(self._names, self._text, self._programs, self._shift)
        self._before = (b"", b"")

    def block(self, data: bytes) -> bytes:
        """Return whole lines for whole lines; the last may lack its newline."""
        quick = self._quick.line
        lines = data.split(b"\n")
        if _SUPPRESSED not in data:
            shown = [quick(line) or self._other(line) for line in lines]
            last = -2 if len(lines) > 1 and not lines[-1] else -1
            self._before = lines[last], shown[last]
        else:
            shown = []
            for line in lines:
                shown.append(quick(line) or self._other(line))
                if line and _SUPPRESSED not in line:
                    self._before = line, shown[-1]
        return b"\n".join(shown)

    def _other(self, line: bytes) -> bytes:
        if line[-1:] == b"\r":
            return self.line(line[:-1]) + b"\r"
        return self.line(line)

    def line(self, line: bytes) -> bytes:
        """Return the line, without its newline, that may be shown."""
        if len(line) > MAX_LINE:
            return TOO_LONG
        if line[:1] == b"{":
            shown = self._journal.entry(line)
            if shown is not None:
                return shown
        parts = split(line)
        return self._programs.message(line) if parts is None else b"".join(self._parts(parts))

    def _parts(self, parts: Parts) -> Parts:
        shift = self._shift
        known = bool(parts.pid[:1] == b"[") or bool(parts.version) or not parts.program
        program = self.program(parts.program) if known else self._text.text(parts.program)
        return parts._replace(
            container=self._text.text(parts.container),
            stamp=shift.stamps[parts.stamp] if shift and parts.stamp else parts.stamp,
            level=self._label(parts.level[1:-2], self._names.words, b"<%s> "),
            host=self._names.hosts[parts.host] if parts.named else parts.host,
            facility=self._label(parts.facility[:-1], self._names.hosts, b"%s "),
            program=program,
            pid=parts.pid if known and not parts.version else self._text.text(parts.pid),
            data=self._text.text(parts.data),
            message=self._message(parts.program, parts.message),
            space=b" " * len(parts.space.replace(b"\xef\xbb\xbf", b"")),
        )

    def _label(self, raw: bytes, names: Cache, form: bytes) -> bytes:
        """A facility or level of syslog, or what else stands in its place, replaced."""
        return form % (raw if LABEL.fullmatch(raw) else names[raw]) if raw else b""

    def program(self, raw: bytes) -> bytes:
        """Return a program's name; where a part of it is a host name or address, that is replaced."""
        return b"/".join([self._components[part] for part in raw.split(b"/")])

    def _component(self, raw: bytes) -> bytes:
        plain = re.fullmatch(rb"[A-Za-z][A-Za-z0-9_()+-]{0,40}", raw)
        numbers = sum(map(bytes.isdigit, re.split(rb"[_()+-]", raw)))  # two may be of an address
        return raw if plain and numbers < 2 else self._text.text(raw)

    def _message(self, program: bytes, raw: bytes) -> bytes:
        again = _SYSLOG_NG.fullmatch(raw)
        return self._again(again) if again else self._programs.message(raw)

    def _again(self, match: re.Match[bytes]) -> bytes:
        """syslog-ng's word on a repetition, which quotes the beginning of the message before it."""
        front, begin, between, host = match.groups()
        before, shown = (split(line) for line in self._before)
        if before and shown and before.message.startswith(begin):
            begin = shown.message[: len(begin)]
        else:
            begin = self._names.ids[begin]
        return front + begin + between + self._names.hosts[host]
