"""The values that travel from room to room, and the escaping that every text gets where it enters the program.

NamedTuples stand where dataclasses would read as well: 40,000 of them are made in a run of half a second, and the
import of ``dataclasses`` alone would cost a run with nothing to do half its time.
"""

import re
from typing import NamedTuple

MECHANISM_INVALID = "(invalid)"
"""The mechanism of a failure whose client put other text into the AUTH verb."""


DELIMITERS = (",", ";", "\t", "|")
"""What may stand between the cells of a CSV."""


class Failure(NamedTuple):
    """One SASL login that Postfix's smtpd refused, as the log line tells it. Texts are safe (see `safe_text`)."""

    stamp: int
    """UTC, microseconds since 1970."""
    server: str | None
    """The host name in the line's header; None where the form has none."""
    ip: str | None
    """Canonical address; None where Postfix wrote ``[unknown]``."""
    user: str | None
    """As attempted, untrimmed; None when the line does not say, or names an earlier attempt's user."""
    hostname: str | None
    """The client's name that Postfix verified; None for ``unknown``."""
    mechanism: str
    reason: str
    service: str | None
    """``smtpd``, ``submission``, ``smtps`` ...; None where the line's form has lost it (RFC 5424)."""
    pid: int | None
    repeat: int
    """How many equal failures the line stands for; more than 1 in repeated-message lines only."""


class Trouble(NamedTuple):
    """One login that failed through the server's own fault: no attack, no record, but counted."""

    stamp: int
    """UTC, microseconds since 1970."""
    server: str | None
    kind: str
    """What happened, one of a few fixed phrases."""


class Row(NamedTuple):
    """One record as the CSV holds it, texts safe, None for ``null``."""

    server: str
    date: str
    ip: str | None
    user: str | None
    hostname: str | None
    reverse_dns_status: str
    country_code: str | None
    asn: str | None
    aso: str | None


# Backslash, C0, DEL, C1, bidirectional controls and separators of lines: what must not reach a terminal or a CSV.
_UNSAFE_BYTES = re.compile(rb"[^ -\[\]-~]")
_UNSAFE_TEXT = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]")
_ESCAPE = re.compile(rb"\\(?:\\|x([0-9A-F]{2})|u([0-9A-F]{4}))")


def _escape_match(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if char == "\\":
        return "\\\\"
    if code >= 0xDC80:
        return f"\\x{code - 0xDC00:02X}"
    if code < 0x80:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}"


def safe_text(raw: bytes) -> str:
    r"""Return `raw` as text that is safe to show: control, bidirectional and line-separating characters and bytes that
    are not UTF-8 become ``\xNN`` or ``\uNNNN``, a backslash is doubled. `raw_bytes` is the inverse."""
    if not _UNSAFE_BYTES.search(raw):
        return raw.decode("ascii")
    return _UNSAFE_TEXT.sub(_escape_match, raw.decode("utf-8", "surrogateescape"))


def raw_bytes(safe: str) -> bytes:
    """Return the bytes that `safe_text` made `safe` of."""

    def plain(match: re.Match[bytes]) -> bytes:
        if match.group(1):
            return bytes((int(match.group(1), 16),))
        if match.group(2):
            return chr(int(match.group(2), 16)).encode("utf-8")
        return b"\\"

    return _ESCAPE.sub(plain, safe.encode("utf-8"))
