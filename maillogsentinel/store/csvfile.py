"""The CSV: how a record becomes a line and back, and how lines reach the disk.

RFC 4180 with LF. Texts are safe already (`model.safe_text`), so a record is one physical line; a leading ``'`` guards
values that a spreadsheet would take for a formula and the user who is called ``null``.
"""

import os
import re
from collections.abc import Iterable, Iterator

from maillogsentinel.durable import sync_directory
from maillogsentinel.model import DELIMITERS, Row

COLUMNS = Row._fields

_GUARDED = re.compile("[=+\\-@'\uff1d\uff0b\uff0d\uff20\uff07]|null\\Z")


def header(delimiter: str) -> bytes:
    """Return the header line."""
    return (delimiter.join(COLUMNS) + "\n").encode()


def delimiter_of(begin: bytes) -> str | None:
    """Return the delimiter of a CSV by its first bytes; None when they are no header line of ours."""
    return next((delimiter for delimiter in DELIMITERS if begin.startswith(header(delimiter))), None)


def cell(value: str | None, delimiter: str) -> str:
    """Return `value` as it stands between two delimiters; None is ``null``."""
    if value is None:
        return "null"
    if _GUARDED.match(value):
        value = "'" + value
    if delimiter in value or '"' in value:
        return '"' + value.replace('"', '""') + '"'
    return value


def uncell(value: str) -> str | None:
    """Return what `cell` was given, from a value that the csv module has freed of its quotes."""
    if value == "null":
        return None
    return value[1:] if value[:1] == "'" else value


def encode(row: Row, delimiter: str) -> bytes:
    """Return the record's line."""
    return (delimiter.join(cell(value, delimiter) for value in row) + "\n").encode()


def identity(row: Row, delimiter: str) -> str:
    """Return what makes a record the same one: server, date, address and user, as they stand in its line."""
    return delimiter.join(cell(value, delimiter) for value in row[:4])


def decode(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """Yield the records of `lines`; those that have not nine columns are passed over.

    Each line is read by itself: a stray quote, which only another program can have written, costs one record.
    """
    import csv

    for line in lines:
        try:
            cells = next(csv.reader((line,), delimiter=delimiter), [])
        except csv.Error:
            continue
        if len(cells) == len(COLUMNS):
            server, date, *rest, aso = cells
            yield Row(
                uncell(server) or "",
                date,
                uncell(rest[0]),
                uncell(rest[1]),
                uncell(rest[2]),
                rest[3],
                uncell(rest[4]),
                uncell(rest[5]),
                uncell(aso),
            )


def create(path: str, delimiter: str) -> None:
    """Make a CSV with its header line: whole or not at all, 0640, group adm where this user may give it."""
    directory = os.path.dirname(path)
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        protect(descriptor)
        write_all(descriptor, header(delimiter), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, path)
    sync_directory(directory)


def protect(descriptor: int) -> None:
    """Give a file the mode 0640 and, where this user may, the group adm."""
    import grp

    os.fchmod(descriptor, 0o640)
    try:
        os.fchown(descriptor, -1, grp.getgrnam("adm").gr_gid)
    except (KeyError, PermissionError):
        pass


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
