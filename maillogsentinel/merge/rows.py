"""The rows of any CSV that MailLogSentinel ever wrote, as the lines that this version writes for them.

A line that this version would write just so is known by one pattern and not looked at more closely. Every other one is
taken apart: of an older version (dates as 17/05/2025, ``ERRNO 1``, ``N/A``, columns missing, texts not made safe), or
of somebody's spreadsheet.
"""

import csv
import re
from typing import NamedTuple

from maillogsentinel.errors import UsageError
from maillogsentinel.model import DELIMITERS, safe_text
from maillogsentinel.parse.postfix import address
from maillogsentinel.store import csvfile
from maillogsentinel.store.csvfile import COLUMNS

MAX_LINE = 65_536
"""Bytes; no record of ours is near it: a log line is read up to 16 KiB, of which each byte becomes four at most."""

_NEEDED = ("server", "date", "ip", "user")
_DATE = (
    r"\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|[12]\d))"
    r" (?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"
)
_A_DATE = re.compile(_DATE, re.ASCII)
_OLD_DATE = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (.*)", re.ASCII)
_AS_NUMBER = re.compile("(?:AS)?([0-9]{1,10})")
_STATUS = re.compile("errno ([0-9]{1,3})", re.IGNORECASE)
# A character that has no place in a CSV of ours, or an escape, which stays as it is.
_ESCAPE_OR_UNSAFE = re.compile(
    r"\\(?:\\|x[0-9A-F]{2}|u[0-9A-F]{4})|[\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]"
)
# What the fast pattern lets pass, but may be unsafe or in need of a guard: by the first byte of its UTF-8 form.
_SUSPICIOUS = re.compile(
    rb"\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbc[\x87\x8b\x8d\x9d\xa0]"
)
_LEADS = (b"\xc2", b"\xd8", b"\xe2", b"\xef")


class Header(NamedTuple):
    """What the first line of a file says about the others."""

    delimiter: str
    columns: tuple[str, ...]
    raw: bool
    """Of an older version: its texts were not made safe, and a backslash is a backslash."""
    line: bytes


def read_header(line: bytes, path: str) -> Header:
    """Return what the first line of the file at `path` tells. Raises UsageError for that of another program."""
    for delimiter in DELIMITERS:
        if line.rstrip(b"\r\n") == csvfile.header(delimiter)[:-1]:
            return Header(delimiter, COLUMNS, False, line)
    text = line[: 1 << 12].decode("utf-8-sig", "replace").rstrip("\r\n")
    for delimiter in DELIMITERS:
        names = [name.strip().strip('"').lower().replace(" ", "_") for name in text.split(delimiter)]
        if set(_NEEDED) <= set(names) <= set(COLUMNS) and len(set(names)) == len(names):
            return Header(delimiter, tuple(names), set(names) != set(COLUMNS), line)
    raise UsageError(
        f"{path} has another header than any CSV of MailLogSentinel: {safe_text(line[:60].rstrip())!r}. Leave it out,"
        " or put its header in front if it is only a part of a CSV."
    )


_WITH_FOUR = r"(?:ffff:)?[0-9a-f]{1,4}:[0-9a-f]{1,4}(?![0-9a-f:])"
"""What inet_ntop writes with an IPv4 address at its end, behind ``::``."""


class RejectedError(Exception):
    """A row that cannot be read; the text says why, for the file of rejected rows."""


class Taken(NamedTuple):
    """What a block of lines holds."""

    lines: list[bytes]
    """In our form, without their newline."""
    dates: list[bytes]
    rejected: list[tuple[int, str, bytes]]
    """Number of the line in the block from 0, why, and the line itself."""
    plain: bool
    """Whether the block's bytes are just `lines`."""
    longest: int
    """Bytes of the longest of `lines`."""


class Rows:
    """Reads the rows of one file, of which the header is known, for a CSV with the delimiter `out`."""

    def __init__(self, header: Header, out: str) -> None:
        self._header = header
        self._out = out
        self._same = header.delimiter == out and header.columns == COLUMNS and not header.line.endswith(b"\r\n")
        self._regular = header.columns == COLUMNS
        self._delimiter, self._out_byte = header.delimiter.encode(), out.encode()
        self._all = re.compile(b"^" + _pattern(header.delimiter) + b"$", re.MULTILINE)
        self._one = re.compile(_pattern(header.delimiter))

    def take(self, block: bytes) -> Taken:
        """Return what `block`, whole lines, holds; an empty line and a second header are no rows."""
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        suspicious = any(lead in block for lead in _LEADS) and _SUSPICIOUS.search(block)
        if self._same and not suspicious and _is_utf8(block):
            dates = self._all.findall(block)
            longest = max(map(len, lines), default=0)
            if len(dates) == len(lines) and longest <= MAX_LINE:
                return Taken(lines, dates, [], block[-1:] == b"\n", longest)
        return self._take_each(lines, block[-1:] == b"\n")

    def _take_each(self, lines: list[bytes], whole: bool) -> Taken:
        taken = Taken([], [], [], False, 0)
        for number, line in enumerate(lines):
            match = self._one.fullmatch(line) if self._regular and len(line) <= MAX_LINE else None
            if not match or _SUSPICIOUS.search(line) or not _is_utf8(line):
                self._take_apart(number, line, taken)
            elif self._delimiter == self._out_byte:
                taken.lines.append(line)
                taken.dates.append(match[1])
            elif b'"' in line or self._out_byte in line:
                self._take_apart(number, line, taken)
            else:
                taken.lines.append(line.replace(self._delimiter, self._out_byte))
                taken.dates.append(match[1])
        longest = max(map(len, taken.lines), default=0)
        return taken._replace(plain=self._same and whole and taken.lines == lines, longest=longest)

    def _take_apart(self, number: int, line: bytes, taken: Taken) -> None:
        line = line.rstrip(b"\r")
        if not line or line == self._header.line.rstrip(b"\r\n"):
            return
        try:
            cells = self._cells(line)
            ours = self._out.join(csvfile.cell(cell, self._out) for cell in cells).encode()
            _check_length(ours)
        except RejectedError as error:
            taken.rejected.append((number, str(error), line))
            return
        taken.lines.append(ours)
        taken.dates.append((cells[1] or "").encode())

    def _cells(self, line: bytes) -> list[str | None]:
        """Return a row's values, in the order and form of this version. Raises RejectedError."""
        _check_length(line)
        try:
            found = next(csv.reader((line.decode("utf-8", "surrogateescape"),), delimiter=self._header.delimiter))
        except csv.Error as error:
            raise RejectedError(str(error)) from None
        if len(found) != len(self._header.columns):
            raise RejectedError(f"{len(found)} columns in place of {len(self._header.columns)}")
        row = dict(zip(self._header.columns, found, strict=True))
        old = _OLD_DATE.fullmatch(row["date"])
        if old:
            row["date"] = f"{old[3]}-{old[2]}-{old[1]} {old[4]}"
        if not _A_DATE.fullmatch(row["date"]):
            raise RejectedError("the date is none, or has another form")
        return _cells_of(row, self._header.raw or old is not None)


def _check_length(line: bytes) -> None:
    """Raises RejectedError for a line as none of ours is, or that would become one and be rejected next time."""
    if len(line) > MAX_LINE:
        raise RejectedError(f"longer than {MAX_LINE} bytes")


def _cells_of(row: dict[str, str], raw: bool) -> list[str | None]:
    """Return the values in order; `raw`: written by an older version, which made no text safe and guarded none."""
    values: dict[str, str | None] = {}
    for name in COLUMNS:
        text = row.get(name, "null")
        value = None if text == "null" else text if raw else csvfile.uncell(text)
        if value is None or (name not in _NEEDED and value in ("", "N/A")):
            values[name] = None
        elif raw:
            values[name] = safe_text(value.encode("utf-8", "surrogateescape"))
        else:
            values[name] = _ESCAPE_OR_UNSAFE.sub(_kept_or_escaped, value)
    if values["ip"] is not None:
        values["ip"] = address(row["ip"].encode("utf-8", "surrogateescape"))
        if values["ip"] is None and row["ip"] not in ("", "unknown", "N/A"):
            raise RejectedError("the ip is no address")
    status = values["reverse_dns_status"]
    number = _STATUS.fullmatch(status or "")
    if number:
        values["reverse_dns_status"] = f"Errno {int(number[1])}"
    elif status is None:
        values["reverse_dns_status"] = "OK" if values["hostname"] else "Skipped"
    values["asn"], values["aso"] = _network(values["asn"], values["aso"])
    return [values[name] for name in COLUMNS]


def _network(asn: str | None, aso: str | None) -> tuple[str | None, str | None]:
    """Some older versions wrote the number and the name of an AS the wrong way round, or AS before the number."""
    if aso and _AS_NUMBER.fullmatch(aso) and not (asn and _AS_NUMBER.fullmatch(asn)):
        asn, aso = aso, asn
    number = _AS_NUMBER.fullmatch(asn or "")
    return number[1] if number else asn, aso


def _kept_or_escaped(match: re.Match[str]) -> str:
    text = match.group()
    return text if len(text) > 1 else safe_text(text.encode("utf-8", "surrogateescape"))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _pattern(delimiter: str) -> bytes:
    """Return the pattern of a line that this version would write, but for `_SUSPICIOUS` parts; group 1 is the date."""
    d = re.escape(delimiter)
    # Printable ASCII but quote, backslash and delimiter; whatever is not ASCII; escapes.
    usual = rf"[^\x00-\x1f\x7f\"\\{d}]*+"
    char = rf"{usual}(?:\\(?:\\|x[0-9A-F]{{2}}|u[0-9A-F]{{4}}){usual})*+"
    guard = r"(?!'(?![=+\-@])|[=+\-@])"
    inner = r"(?:[^\x00-\x1f\x7f\"\\]++|\"\"|\\(?:\\|x[0-9A-F]{2}|u[0-9A-F]{4}))*+"
    cell = rf"(?:\"{guard}{char}(?:{d}|\"\"){inner}\"|{guard}{char})"
    byte = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    # RFC 5952; some rare ones are taken apart: with two groups of zeros in a row, or with :: and seven colons.
    group = r"(?!0:(?:0(?![0-9a-f])|:))(?:0|[1-9a-f][0-9a-f]{0,3})"
    behind = rf"(?!0(?![0-9a-f])){group}(?::{group}){{0,4}}"
    short = (
        rf"(?!(?:[0-9a-f]{{0,4}}:){{7}})(?:{group}(?::{group}){{0,5}}::(?:{behind})?|::(?!{_WITH_FOUR})(?:{behind})?)"
    )
    ip = rf"(?:{byte}(?:\.{byte}){{3}}|null|{group}(?::{group}){{7}}|{short})"
    status = r"(?:OK|Skipped|Errno \d)"
    columns = (cell, f"({_DATE})", ip, cell, cell, status, "(?:[A-Z]{2}|null)", r"(?:\d{1,10}+|null)", cell)
    return d.join(columns).encode()
