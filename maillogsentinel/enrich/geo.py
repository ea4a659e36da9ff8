"""Country and AS of addresses, from whichever database a host has."""

import logging
import os
import socket
import stat
from typing import NamedTuple

from maillogsentinel.config import Config
from maillogsentinel.enrich import ipfire, mmdb
from maillogsentinel.enrich.place import NOWHERE, Column, DatabaseError, Place, Reader
from maillogsentinel.options import ASN_DB_PATH, COUNTRY_DB_PATH, STATE_DIR, Option

__all__ = ["Database", "Geo", "Place"]

_log = logging.getLogger("maillogsentinel")

OUR_NAMES: dict[Column, tuple[str, ...]] = {
    "country": ("user-country.mmdb", "country.mmdb", "country.csv"),
    "asn": ("origin-asn.mmdb", "asn.mmdb", "asn.csv"),
}
"""Databases in the state directory: the first and the last are what downloads make (MMDB, CSV)."""

_OPTIONS: dict[Column, Option[str]] = {"country": COUNTRY_DB_PATH, "asn": ASN_DB_PATH}
_WHAT: dict[Column, str] = {"country": "country", "asn": "AS"}


_new_tuple = tuple.__new__  # what Place() calls, in half the time


class Database(NamedTuple):
    """A database that is in use."""

    column: Column
    """``country``, or ``asn`` for AS number and organisation."""
    path: str
    kind: str
    """``MMDB``, ``CSV`` or ``IPFire``."""
    date: int
    """When its data was made, UTC seconds since 1970; of a CSV, the time of the file."""


class _Source(NamedTuple):
    path: str
    reader: Reader
    remedy: str
    """What the admin can do when the file is damaged."""


class Geo:
    """Finds the place of an address. A missing or damaged database costs its columns and never raises."""

    def __init__(self, sources: dict[Column, _Source], problems: list[str]) -> None:
        self._sources = sources
        self._country = sources.get("country")
        self._asn = sources.get("asn")
        self._country_of, self._system_of = (
            source.reader.lookup if source else _nowhere for source in (self._country, self._asn)
        )
        self.problems = problems
        """Sentences for the admin: which file, what is wrong with it, what to do. Look-ups may add to them."""
        self._complained: set[str] = set()
        self._loud = _log.isEnabledFor(logging.DEBUG)

    @classmethod
    def open(cls, config: Config) -> "Geo":
        """Open a database for each column: the configured one, else the newest of ours and Debian's that opens."""
        chooser = _Chooser(config[STATE_DIR])
        sources: dict[Column, _Source] = {}
        for column, option in _OPTIONS.items():
            source = chooser.choose(column, option, config[option])
            if source is not None:
                sources[column] = source
                _log.debug("%s database: %s (%s)", _WHAT[column], source.path, source.reader.kind)
        return cls(sources, chooser.problems)

    @property
    def databases(self) -> list[Database]:
        """The databases in use, one for each column that has one."""
        return [
            Database(column, source.path, source.reader.kind, source.reader.date)
            for column, source in self._sources.items()
        ]

    def lookup(self, address: str) -> Place:
        """Return the place of `address`; None where a database does not know it or is damaged there."""
        if address.startswith("::ffff:") and "." in address:
            address = address[7:]
        try:
            country = self._country_of(address)
            system = country if self._asn is self._country else self._system_of(address)
        except Exception:  # a damaged file makes its library raise anything
            country, system = self._read(self._country, address), self._read(self._asn, address)
        place = country if system is country else _new_tuple(Place, (country[0], system[1], system[2]))
        if self._loud:
            _log.debug("place: %s: %s AS %s %s", address, *place)
        return place

    def _read(self, source: _Source | None, address: str) -> Place:
        if source is None:
            return NOWHERE
        try:
            return source.reader.lookup(address)
        except Exception as error:
            if _is_address(address):
                self._complain(source, error)
            return NOWHERE

    def _complain(self, source: _Source, error: Exception) -> None:
        _log.debug("%s: %r", source.path, error)
        if source.path not in self._complained:
            self._complained.add(source.path)
            self.problems.append(f"{source.path} is damaged ({error}). {source.remedy}")


def _nowhere(_address: str) -> Place:
    return NOWHERE


def candidates(config: Config) -> list[str]:
    """Return the paths of all files that `Geo.open` would look at, whether they are there or not."""
    ours = [os.path.join(config[STATE_DIR], name) for names in OUR_NAMES.values() for name in names]
    return [*(config[option] for option in _OPTIONS.values() if config[option]), *ours, ipfire.PATH]


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


class _Chooser:
    """Opens databases, each file once though it may serve both columns."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir
        self._open: dict[str, _Source] = {}
        self.problems: list[str] = []

    def choose(self, column: Column, option: Option[str], configured: str) -> _Source | None:
        if configured:
            remedy = f"Get it anew, or correct [{option.section}] {option.key}."
            source = self._try(configured, column, remedy)
            if source is not None:
                return source
        ours = [
            source
            for path in (os.path.join(self._state_dir, name) for name in OUR_NAMES[column])
            if path != configured and os.path.lexists(path)
            if (source := self._try(path, column, "Put a good copy there, or remove it."))
        ]
        best = max(ours, key=lambda source: source.reader.date, default=None)
        return self._debians(column, best.reader.date if best else -1) or best

    def _debians(self, column: Column, newer_than: int) -> _Source | None:
        """Debian's database if it is newer; its module is not imported otherwise."""
        remedy = "Reinstall the Debian package libloc-database."
        if not os.path.exists(ipfire.PATH):
            return None
        try:
            if ipfire.date_of(ipfire.PATH) <= newer_than:
                return None
        except DatabaseError as error:
            self._report(f"{ipfire.PATH} {error}. {remedy}")
            return None
        return self._try(ipfire.PATH, column, remedy, module_may_be_missing=True)

    def _try(self, path: str, column: Column, remedy: str, module_may_be_missing: bool = False) -> _Source | None:
        try:
            source = self._open.get(path) or _Source(path, open_reader(path, column, self._state_dir), remedy)
            if isinstance(source.reader, mmdb.MmdbReader):
                source.reader.check(column)
        except ipfire.ModuleMissingError as error:
            if not module_may_be_missing:
                self._report(f"{path} {error}. Install it, or configure another database.")
            return None
        except DatabaseError as error:
            self._report(f"{path} {error}. {remedy}")
            return None
        except OSError as error:
            self._report(f"{path} cannot be read ({error.strerror or error}). {remedy}")
            return None
        except Exception as error:  # a database is never worth the run
            self._report(f"{path} is damaged ({error!r}). {remedy}")
            return None
        if source.reader.kind != "CSV":  # a CSV is about one column
            self._open[path] = source
        for note in source.reader.notes:
            self._report(f"{path} {note}. {remedy}")
        return source

    def _report(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)


def open_reader(path: str, column: Column, state_dir: str) -> Reader:
    """Open `path` as what its bytes say it is. Raises DatabaseError or OSError."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise DatabaseError("is no regular file")
    with open(path, "rb") as file:
        head = file.read(16)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - (128 << 10)))
        is_mmdb = mmdb.MARKER in file.read()
    if not head:
        raise DatabaseError("is empty")
    if head.startswith(ipfire.MAGIC):
        return ipfire.IpfireReader(path)
    if is_mmdb:
        return mmdb.MmdbReader(path)
    from maillogsentinel.enrich.ranges_csv import CsvReader

    return CsvReader(path, column, state_dir)
