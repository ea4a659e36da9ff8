"""Databases in the CSV form of ip-location-db: ``start,end,CC`` or ``start,end,ASN,"organisation"``.

The text is compiled once into a `RangeTable`, which is kept in the state directory and mapped from then on: as Python
objects, half a million ranges cost 280 MB and two seconds in every run.
"""

import os
import re
import socket
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from maillogsentinel.enrich.place import (
    NOWHERE,
    UNKNOWN_FORM,
    Column,
    DatabaseError,
    Place,
    as_number,
    country_code,
    organisation,
)
from maillogsentinel.enrich.ranges import Buffer, RangeBuilder, RangeTable

_LONGEST_LINE = 4096
_MOST_RANGES = 20_000_000
_CACHE_HEAD = struct.Struct("!8sIII")  # magic, CRC-32 of all that follows, length of the sources' identity and notes
_HEADER = re.compile(rb'"?[A-Za-z]{2}[A-Za-z_ ]*"?$')
_CACHE_MAGIC = b"MLSRNG2\n"


class _Compiled(NamedTuple):
    buffer: Buffer
    at: int
    """Where in the buffer the table begins."""
    notes: bytes
    """What is wrong with the sources, one sentence a line."""


class CsvReader:
    """An open CSV database."""

    kind = "CSV"

    def __init__(self, path: str, column: Column, state_dir: str) -> None:
        """Open `path` and its sibling of the other address family, if there is one.

        The compiled table is kept in `state_dir`, or in memory where that cannot be written. Raises DatabaseError.
        """
        self._column = column
        paths = [path, *_sibling(path)]
        self.date = int(os.stat(path).st_mtime)
        cache = os.path.join(state_dir, f"{column}-ranges.cache")
        identity = _identity(column, paths)
        kept = _load(cache, identity)
        if kept is None:
            made = _compile(paths, column)
            kept = (_load(cache, identity) if _save(cache, identity, made) else None) or made
        self.notes = kept.notes.decode().splitlines()
        self._table = RangeTable(kept.buffer, kept.at)

    def lookup(self, address: str) -> Place:
        """Return what the file says of `address`."""
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
        value = self._table.value(packed)
        if value is None:
            return NOWHERE
        if self._column == "country":
            return Place(value.decode("ascii"), None, None)
        number, _, name = value.partition(b",")
        return Place(None, int(number), organisation(name.decode("utf-8", "surrogateescape")))


def _sibling(path: str) -> list[str]:
    """Return the path of the file for the other address family, where there is one beside `path`."""
    directory, name = os.path.split(path)
    for ours, other in (("ipv4", "ipv6"), ("ipv6", "ipv4"), ("v4", "v6"), ("v6", "v4")):
        if ours in name:
            sibling = os.path.join(directory, name.replace(ours, other))
            return [sibling] if os.path.isfile(sibling) else []
    return []


# Compiling.


def _compile(paths: list[str], column: Column) -> _Compiled:
    builder = RangeBuilder()
    notes: list[str] = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                good, bad = _read_ranges(file, column, builder)
        except (OSError, EOFError, zlib.error) as error:
            raise DatabaseError(f"cannot be used: {os.path.basename(path)} cannot be read ({error})") from error
        if not good or len(bad) * 100 > good:
            found = f"{good} ranges, {len(bad)} other lines"
            raise DatabaseError(f"{UNKNOWN_FORM} for the {column} columns ({found} in {os.path.basename(path)})")
        if bad:
            name = os.path.basename(path)
            notes.append(f"has lines that are no ranges and are left out: {len(bad)} in {name}, the first is {bad[0]}")
    return _Compiled(builder.table(), 0, "\n".join(notes).encode("utf-8", "backslashreplace"))


def _read_ranges(file: BinaryIO, column: Column, builder: RangeBuilder) -> tuple[int, list[int]]:
    """Give the ranges of one file to `builder`; return how many, and the numbers of the lines that are none."""
    good = 0
    bad: list[int] = []
    for number, line in enumerate(_lines(file), 1):
        fields = line.strip(b"\xef\xbb\xbf \t\r\n").split(b",", 3)
        if fields == [b""] or line.startswith(b"#"):
            continue
        start, end, value = _range(fields, column)
        if start is not None and end is not None and value is not None and len(start) == len(end) and start <= end:
            good += 1
            if value:
                builder.add(start, end, value)
        elif number > 1 or not _HEADER.match(fields[0]):
            bad.append(number)
        if good > _MOST_RANGES or (len(bad) > 1000 and len(bad) * 100 > good):
            break
    return good, bad


def _range(fields: list[bytes], column: Column) -> tuple[bytes | None, bytes | None, bytes | None]:
    if len(fields) < 3:
        return None, None, None
    value = _country(fields[2]) if column == "country" else _system(fields[2:])
    return _address(fields[0]), _address(fields[1]), value


def _lines(file: BinaryIO) -> Iterator[bytes]:
    gzipped = file.peek(2)[:2] == b"\x1f\x8b" if hasattr(file, "peek") else False
    if gzipped:
        import gzip

        with gzip.GzipFile(fileobj=file) as unpacked:
            yield from iter(lambda: unpacked.readline(_LONGEST_LINE), b"")
    else:
        yield from iter(lambda: file.readline(_LONGEST_LINE), b"")


def _address(field: bytes) -> bytes | None:
    """Return an address, dotted or as an integer, as 4 or 16 bytes; None when it is none."""
    text = field.strip(b'" ')
    try:
        if text.isdigit() and len(text) < 40:
            number = int(text)
            return number.to_bytes(4 if number < 1 << 32 else 16, "big")
        return socket.inet_pton(socket.AF_INET6 if b":" in text else socket.AF_INET, text.decode("ascii"))
    except (OSError, ValueError, OverflowError):
        return None


def _country(field: bytes) -> bytes | None:
    """Return the code; empty for a range without a country, None for what is no country field."""
    text = field.strip(b'" ')
    if text in (b"", b"-"):
        return b""
    if len(text) != 2 or not text.isalnum() or text.isdigit():
        return None
    return (country_code(text.decode("ascii", "replace")) or "").encode()


def _system(fields: list[bytes]) -> bytes | None:
    """Return ``ASN,organisation`` without quotes; empty for a range without an AS, None for what is no AS number."""
    text = fields[0].strip(b'" ').decode("ascii", "replace")
    if text in ("", "-", "0"):
        return b""
    number = as_number(text)
    if number is None:
        return None
    name = fields[1].strip() if len(fields) > 1 else b""
    if name.startswith(b'"'):
        name = name[1:].removesuffix(b'"').replace(b'""', b'"')
    return b"%d,%s" % (number, name)


# The compiled table, kept from run to run.


def _identity(column: Column, paths: list[str]) -> bytes:
    parts: list[str] = [column]
    for path in paths:
        found = os.stat(path)
        parts.append(f"{os.path.abspath(path)} {found.st_size} {found.st_mtime_ns} {found.st_ino}")
    return "\n".join(parts).encode("utf-8", "surrogateescape")


def _load(cache: str, identity: bytes) -> _Compiled | None:
    """Return the kept table; None when there is none of these very sources."""
    import mmap

    try:
        with open(cache, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, crc, identity_length, notes_length = _CACHE_HEAD.unpack(mapped[: _CACHE_HEAD.size])
    except (OSError, ValueError, struct.error):
        return None
    at = _CACHE_HEAD.size + identity_length
    if magic != _CACHE_MAGIC or mapped[_CACHE_HEAD.size : at] != identity:
        return None
    with memoryview(mapped) as view, view[_CACHE_HEAD.size :] as checked:
        if zlib.crc32(checked) != crc:
            return None
    return _Compiled(mapped, at + notes_length, mapped[at : at + notes_length])


def _save(cache: str, identity: bytes, made: _Compiled) -> bool:
    """Keep the table; False where that cannot be done, which costs time in the next run and nothing else."""
    new = cache + ".new"
    table = made.buffer[:]
    crc = zlib.crc32(table, zlib.crc32(identity + made.notes))
    try:
        if os.path.lexists(new):
            os.unlink(new)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
        with open(descriptor, "wb") as file:
            file.write(_CACHE_HEAD.pack(_CACHE_MAGIC, crc, len(identity), len(made.notes)) + identity + made.notes)
            file.write(table)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, cache)
    except OSError:
        return False
    return True
