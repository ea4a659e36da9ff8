"""Lines in JSON: what ``journalctl -o json`` prints, and docker's json-file."""

import json
import re
from collections.abc import Callable
from typing import Any

from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.stamps import Shift
from maillogsentinel.parse.header import journal_bytes

_KEPT = frozenset(
    [
        "PRIORITY",
        "SYSLOG_FACILITY",
        "SYSLOG_PID",
        "_PID",
        "_UID",
        "_GID",
        "_TRANSPORT",
        "_CAP_EFFECTIVE",
        "_RUNTIME_SCOPE",
        "__MONOTONIC_TIMESTAMP",
        "_SYSTEMD_OWNER_UID",
        "_AUDIT_LOGINUID",
        "_AUDIT_SESSION",
        "ERRNO",
        "CODE_LINE",
        "MESSAGE_ID",
        "TID",
        "__SEQNUM",
        "_LINE_BREAK",
    ]
)
"""Numbers, and what systemd chooses from a few words."""
_TIMES = frozenset(["__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "SYSLOG_TIMESTAMP"])
_IDS = frozenset(
    [
        "__CURSOR",
        "_BOOT_ID",
        "_MACHINE_ID",
        "_SYSTEMD_INVOCATION_ID",
        "_STREAM_ID",
        "INVOCATION_ID",
        "__SEQNUM_ID",
        "_NAMESPACE",
    ]
)
_PLAIN = re.compile(
    rb"(?:[0-9]{1,20}|[0-9a-f]{32}|syslog|journal|stdout|kernel|driver|audit|line-break|eof|nul|system|user)\Z"
)
_STAMP = re.compile(
    rb"(?:[A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\d[T ])[ \d]?\d?\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\Z"
)
_FIELD = re.compile(r"[A-Z0-9_]{1,64}\Z")

Replace = Callable[[bytes, bytes], bytes]
"""Makes of a program and its message the message that may be shown."""


class Journal:
    """Replaces what stands in the fields of an entry."""

    def __init__(
        self,
        names: Names,
        message: Replace,
        program: Callable[[bytes], bytes],
        line: Callable[[bytes], bytes],
        shift: Shift | None,
    ) -> None:
        self._names = names
        self._message = message
        self._program = program
        self._line = line
        self._shift = shift

    def entry(self, raw: bytes) -> bytes | None:
        """Return the line for an entry, None where `raw` is none."""
        try:
            fields = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict):
            return None
        program = journal_bytes(fields.get("SYSLOG_IDENTIFIER")) or b""
        result = {self._key(key): self._value(key, value, program) for key, value in fields.items()}
        return json.dumps(result, separators=(",", ":")).encode()

    def _key(self, key: str) -> str:
        if (_FIELD.match(key) and sum(map(str.isdigit, key.split("_"))) < 2) or key in (
            "log",
            "stream",
            "time",
            "attrs",
        ):
            return key
        return self._names.words[key.encode("utf-8", "surrogatepass")].decode()

    def _value(self, key: str, value: Any, program: bytes) -> Any:
        if isinstance(value, list) and not all(type(item) is int for item in value):
            return [self._value(key, item, program) for item in value if not isinstance(item, list)]
        raw = journal_bytes(value)
        if raw is None:
            return self._number(value)
        if key == "time":
            return self._time(raw)
        if key == "log":
            text = raw.rstrip(b"\r\n")
            return (self._line(text) + raw[len(text) :]).decode()
        return self._field(key, raw, program).decode()

    def _number(self, value: Any) -> Any:
        """A value that is no text: only docker's and other programs' own JSON has such."""
        if value is None or isinstance(value, bool):
            return value
        return value if isinstance(value, int) and abs(value) < 10_000_000 else None

    def _field(self, key: str, raw: bytes, program: bytes) -> bytes:
        if key == "MESSAGE":
            return self._message(program, raw)
        if key == "SYSLOG_RAW":
            return self._raw(raw)
        if key in _TIMES:
            text = raw.decode("latin-1")
            if raw.isdigit():
                return (self._shift.microseconds(text) if self._shift else text).encode()
            stamp = text.rstrip().encode("latin-1")
            if not _STAMP.match(stamp):
                return self._names.ids[raw]
            return (self._shift.stamps[stamp] if self._shift else stamp) + b" " * (len(text) - len(stamp))
        if key in _IDS:
            return self._cursor(raw) if key == "__CURSOR" else self._names.ids[raw]
        if key == "_HOSTNAME":
            return self._names.hosts[raw]
        if key == "SYSLOG_IDENTIFIER":
            return self._program(raw)
        if key in _KEPT and _PLAIN.match(raw):
            return raw
        return self._message(b"", raw)

    def _raw(self, raw: bytes) -> bytes:
        """SYSLOG_RAW holds the line as it came; the blanks at its end are the message's."""
        whole = raw.rstrip(b" \n")
        return self._line(whole) + raw[len(whole) :]

    def _cursor(self, raw: bytes) -> bytes:
        """A cursor's parts are ids, and the time in hexadecimal, each behind a letter."""
        return b";".join(
            part[:2] + self._names.ids[part[2:]] if re.match(rb"[a-z]=", part) else self._names.ids[part]
            for part in raw.split(b";")
        )

    def _time(self, raw: bytes) -> str:
        if not _STAMP.match(raw):
            return self._names.ids[raw].decode()
        return (self._shift.stamps[raw] if self._shift else raw).decode()
