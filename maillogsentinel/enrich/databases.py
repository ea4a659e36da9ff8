"""Gets new IP databases: fetched, checked, opened, and only then put in the place of the last good ones."""

import gzip
import hashlib
import json
import logging
import os
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from maillogsentinel.config import Config
from maillogsentinel.durable import sync_directory
from maillogsentinel.enrich import download
from maillogsentinel.enrich.download import NO_STAMP, DownloadError, Got, NetworkAwayError, Progress, Stamp, shown
from maillogsentinel.enrich.geo import OUR_NAMES, open_reader
from maillogsentinel.enrich.place import Column, DatabaseError, Reader
from maillogsentinel.options import ASN_DB_URL, COUNTRY_DB_URL, DB_MAX_BYTES, DB_TIME_LIMIT, STATE_DIR, Option

LOCK = "lock-update"
"""The update's own lock: no extraction waits for a download."""
MEMORY = "ip-databases.json"
"""In the state directory: what was downloaded from where, and what its server calls it."""
STAGING = "ip-databases.new"
"""A directory in the state directory, for what has not been checked yet."""

_ORIGINS: dict[Column, Option[tuple[str, ...]]] = {"country": COUNTRY_DB_URL, "asn": ASN_DB_URL}
_WHAT: dict[Column, str] = {"country": "country database", "asn": "AS database"}
_BLOCK = 1 << 20
_CHECKSUM_BYTES = 1 << 16

# Addresses that every public database knows, and how many others are looked up to see whether the file is whole.
_WELL_KNOWN = ("8.8.8.8", "1.1.1.1", "9.9.9.9", "193.0.6.139", "202.12.27.33", "2001:4860:4860::8888")
_SAMPLES = 2000

_NONE_BEFORE = 1_420_070_400
"""2015: older dates are those of archives that keep none (1970, 1980, 1985), and not when data was made."""

_log = logging.getLogger("maillogsentinel")


class Result(NamedTuple):
    """What became of one database."""

    column: Column
    sentence: str
    changed: bool
    failed: bool
    away: bool
    """Whether it failed since there was no network."""


class _Memory(NamedTuple):
    """What is remembered of a database that was downloaded."""

    origins: str
    """A hash of the addresses, which may hold a key."""
    stamps: list[Stamp]
    name: str
    sha256: str
    """Of the file as it was stored."""


def update(config: Config, progress: Progress | None = None) -> Iterator[Result]:
    """Get each configured database where there is a new one. Needs the lock; a failure leaves the last good one.

    Raises OSError where the state directory cannot be written.
    """
    memories = _load(config[STATE_DIR])
    for column, option in _ORIGINS.items():
        origins = config[option]
        if not origins:
            continue
        what = _WHAT[column]
        try:
            with _staging(config[STATE_DIR]) as staging:
                fresh = _Update(config, column, origins, staging, progress).run(memories.get(column))
            if fresh is None:
                yield Result(column, f"The {what} is up to date.", False, False, False)
                continue
            memories[column], sentence = fresh
            _save(config[STATE_DIR], memories)
            yield Result(column, sentence, True, False, False)
        except (DownloadError, DatabaseError) as error:
            stays = f"[{option.section}] {option.key}: the {what} was not renewed, the last good one stays"
            yield Result(column, f"{stays}: {error}.", False, True, isinstance(error, NetworkAwayError))


class _Update:
    """The renewal of one database."""

    def __init__(
        self, config: Config, column: Column, origins: tuple[str, ...], staging: str, progress: Progress | None
    ) -> None:
        self._state_dir = config[STATE_DIR]
        self._most = config[DB_MAX_BYTES]
        self._seconds = config[DB_TIME_LIMIT]
        self._column = column
        self._origins = origins
        self._staging = staging
        self._progress = progress

    def run(self, memory: _Memory | None) -> tuple[_Memory, str] | None:
        """Return what to remember and what to say; None when there is nothing new. Raises DownloadError,
        DatabaseError and OSError."""
        stamps = self._stamps(memory)
        with download.time_limit(self._seconds, shown(self._origins[0])):
            parts = [self._get(number, stamp) for number, stamp in enumerate(stamps)]
            if all(part.unchanged for part in parts):
                return None
            for number, part in enumerate(parts):
                if part.unchanged:  # but another part is new
                    parts[number] = self._get(number, NO_STAMP)
            published = [self._published(origin) for origin in self._origins]
        for number, (part, checksum) in enumerate(zip(parts, published, strict=True)):
            self._unpack(number, part, checksum)
        readers = self._opened(parts)
        self._probe(readers)
        self._join(len(parts))
        return self._install(readers[0], parts, memory)

    def _stamps(self, memory: _Memory | None) -> list[Stamp]:
        """What may be asked for conditionally: what is still here as it was stored."""
        nothing = [NO_STAMP] * len(self._origins)
        if memory is None or memory.origins != _hash(self._origins) or len(memory.stamps) != len(nothing):
            return nothing
        try:
            with open(os.path.join(self._state_dir, memory.name), "rb") as file:
                return memory.stamps if hashlib.file_digest(file, "sha256").hexdigest() == memory.sha256 else nothing
        except OSError:
            return nothing

    def _part(self, number: int) -> str:
        return os.path.join(self._staging, f"download-{number + 1}")

    def _get(self, number: int, stamp: Stamp) -> Got:
        _log.debug("Asking for %s", shown(self._origins[number]))
        with open(self._part(number), "wb") as file:
            return download.get(self._origins[number], file, stamp, self._most, self._progress)

    def _published(self, origin: str) -> str | None:
        """The SHA-256 that is published for `origin`; None when none is."""
        address, certain = _checksum_of(origin)
        if not address:
            return None
        path = os.path.join(self._staging, "checksum")
        try:
            with open(path, "wb+") as file:
                download.get(address, file, NO_STAMP, _CHECKSUM_BYTES)
                file.seek(0)
                found = _digest(file.read(), origin)
        except download.NothingThereError:
            _log.info("No checksum is published at %s", shown(address))
            return None
        except DownloadError as error:
            if certain or isinstance(error, NetworkAwayError):
                raise
            _log.info("No checksum: %s", error)
            return None
        if found is None and certain:
            raise DownloadError(f"{shown(address)} has no SHA-256 for it. Try again later")
        return found

    def _unpack(self, number: int, part: Got, published: str | None) -> None:
        """Unpack gzip, and check the sum of what was published: the packed or the unpacked file."""
        path = self._part(number)
        origin = shown(self._origins[number])
        sums = [part.sha256]
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if packed:
            sums.append(self._gunzip(path, origin))
        if published is not None and published not in sums:
            raise DownloadError(
                f"{origin} does not have the SHA-256 that is published for it. The two may be out of step for some"
                " hours: try again later"
            )
        with open(path, "rb") as file:
            head = file.read(1024)
        if re.match(rb"(?:\xef\xbb\xbf)?\s*<[!?A-Za-z]", head):
            raise DownloadError(
                f"{origin} is an HTML page and no database, perhaps of a proxy or a log-in. Open it in a browser, and"
                " correct the address"
            )

    def _gunzip(self, path: str, origin: str) -> str:
        digest = hashlib.sha256()
        done = 0
        try:
            with gzip.open(path, "rb") as packed, open(path + ".plain", "wb") as plain:
                while block := packed.read(_BLOCK):
                    done += len(block)
                    if done > self._most:
                        raise DownloadError(
                            f"{origin} has more than {self._most} bytes when it is unpacked. Name another one, or raise"
                            " [geolocation] update_max_bytes"
                        )
                    digest.update(block)
                    plain.write(block)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DownloadError(f"{origin} is damaged, or was cut off ({error}). Try again") from error
        os.rename(path + ".plain", path)
        return digest.hexdigest()

    def _opened(self, parts: list[Got]) -> list[Reader]:
        """A reader of each part: a CSV may come as one for IPv4 and one for IPv6."""
        readers = [self._open(number) for number in range(len(parts))]
        for number, (part, reader) in enumerate(zip(parts, readers, strict=True)):
            if reader.kind not in ("MMDB", "CSV") or (reader.kind == "MMDB" and len(parts) > 1):
                what = "cannot be joined with another one" if reader.kind == "MMDB" else "is no MMDB and no CSV"
                raise DownloadError(f"{shown(self._origins[number])} {what}. Name one MMDB, or CSVs")
            if reader.kind == "CSV" and not part.whole:
                self._must_end(number)
        return readers

    def _open(self, number: int) -> Reader:
        try:
            return open_reader(self._part(number), self._column, self._staging)
        except DatabaseError as error:
            raise DatabaseError(f"{shown(self._origins[number])} {error}") from error

    def _must_end(self, number: int) -> None:
        with open(self._part(number), "rb") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                raise DownloadError(f"{shown(self._origins[number])} was cut off within a line. Try again")

    def _probe(self, readers: list[Reader]) -> None:
        """Raise DatabaseError unless the readers know what every database knows, and read well all over."""
        try:
            if not any(self._knows(reader, address) for reader in readers for address in _WELL_KNOWN):
                what = "a country" if self._column == "country" else "an AS number"
                raise DatabaseError(
                    f"{shown(self._origins[0])} has {what} for none of {', '.join(_WELL_KNOWN)}: it is not whole, or"
                    " about something else"
                )
            for reader in readers:
                for number in range(_SAMPLES):
                    spread = (number << 32) // _SAMPLES
                    reader.lookup(".".join(str(spread >> shift & 255) for shift in (24, 16, 8, 0)))
                    reader.lookup(f"2{spread >> 20:03x}:{spread >> 4 & 0xFFFF:x}::1")
        except DatabaseError:
            raise
        except Exception as error:  # a damaged file makes its library raise anything
            raise DatabaseError(f"{shown(self._origins[0])} is damaged ({error})") from error

    def _knows(self, reader: Reader, address: str) -> bool:
        place = reader.lookup(address)
        return (place.country_code if self._column == "country" else place.asn) is not None

    def _join(self, count: int) -> None:
        """Append all other parts to the first one."""
        if count > 1:
            with open(self._part(0), "ab") as whole:
                for number in range(1, count):
                    whole.write(b"\n")
                    with open(self._part(number), "rb") as file:
                        shutil.copyfileobj(file, whole, _BLOCK)

    def _install(self, reader: Reader, parts: list[Got], former: _Memory | None) -> tuple[_Memory, str]:
        path = self._part(0)
        names = OUR_NAMES[self._column]
        name = names[0] if reader.kind == "MMDB" else names[-1]
        target = os.path.join(self._state_dir, name)
        if reader.kind == "CSV":
            _date(path, parts)
        os.chmod(path, 0o640)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        date = os.stat(path).st_mtime if reader.kind == "CSV" else reader.date
        os.rename(path, target)
        sync_directory(self._state_dir)
        if former is not None and former.name != name and former.name in names:
            _remove(os.path.join(self._state_dir, former.name))
        if reader.kind == "CSV":
            self._compile(target)
        made = time.strftime("%Y-%m-%d", time.gmtime(date))
        sentence = f"The {_WHAT[self._column]} is new: {target}, {os.stat(target).st_size} bytes, data of {made}."
        return _Memory(_hash(self._origins), [part.stamp for part in parts], name, digest), sentence

    def _compile(self, target: str) -> None:
        """Let the table be made now and not by the next extraction."""
        try:
            open_reader(target, self._column, self._state_dir)
        except (DatabaseError, OSError) as error:
            _log.warning("%s: %s", target, error)


def _date(path: str, parts: list[Got]) -> None:
    """Give a CSV the date that its server tells; a CSV has no other."""
    from email.utils import parsedate_to_datetime

    dates = []
    for part in parts:
        try:
            dates.append(parsedate_to_datetime(part.stamp.last_modified).timestamp())
        except (TypeError, ValueError, OverflowError):
            return
    moment = min(*dates, time.time())
    if moment > _NONE_BEFORE:
        os.utime(path, (moment, moment))


# Checksums.


def _checksum_of(origin: str) -> tuple[str, bool]:
    """Return where the SHA-256 of `origin` is published, and whether that is certain; empty when it cannot be told."""
    if origin.startswith("/"):
        return origin + ".sha256", False
    try:
        parts = urlsplit(origin)
    except ValueError:
        return "", False
    # ip-location-db: the release "checksum" beside the release "latest".
    release = re.fullmatch("(.*/releases/download)/latest/([^/]+)", parts.path)
    if release:
        return parts._replace(path=f"{release[1]}/checksum/{release[2]}.sha256", fragment="").geturl(), True
    if parts.query:
        return "", False
    return parts._replace(path=parts.path + ".sha256", fragment="").geturl(), False


def _digest(text: bytes, origin: str) -> str | None:
    """Return the SHA-256 for `origin` in a text of lines ``HEX  NAME``, or of one HEX alone."""
    name = origin.rpartition("/")[2].encode("utf-8", "surrogateescape")
    for line in text.splitlines():
        found = re.fullmatch(rb"([0-9A-Fa-f]{64})(?:\s+\*?(\S+))?\s*", line)
        if found and (found[2] is None or found[2].rpartition(b"/")[2] == name):
            return found[1].decode("ascii").lower()
    return None


# What is kept from run to run.


def _hash(origins: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(origins).encode("utf-8", "surrogateescape")).hexdigest()


def _load(state_dir: str) -> dict[Column, _Memory]:
    """Return what is remembered; nothing of what cannot be read, which costs a download."""
    found: dict[Column, _Memory] = {}
    try:
        with open(os.path.join(state_dir, MEMORY), "rb") as file:
            kept: Any = json.loads(file.read(1 << 16))
        for column in _ORIGINS:
            if column in kept:
                origins, stamps, name, digest = (kept[column][key] for key in _Memory._fields)
                pairs = [Stamp(str(etag), str(modified)) for etag, modified in stamps]
                if name in OUR_NAMES[column]:
                    found[column] = _Memory(str(origins), pairs, name, str(digest))
    except (OSError, ValueError, KeyError, TypeError):
        return found
    return found


def _save(state_dir: str, memories: dict[Column, _Memory]) -> None:
    path = os.path.join(state_dir, MEMORY)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({column: memory._asdict() for column, memory in memories.items()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


@contextmanager
def _staging(state_dir: str) -> Iterator[str]:
    """An empty directory, which is gone afterwards; a run that was killed leaves one behind for the next."""
    path = os.path.join(state_dir, STAGING)
    _remove(path)
    os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        _remove(path)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
