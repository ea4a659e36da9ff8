"""The IPFire location database, which Debian carries as libloc-database, read by the module of python3-location."""

import os
import struct
from typing import Any

from maillogsentinel.enrich.place import NOWHERE, DatabaseError, Place, country_code, organisation

MAGIC = b"LOCDBXX"
_REMEMBERED = 8_192
PATH = "/usr/share/libloc-location/location.db"

# struct loc_database_magic and the beginning of loc_database_header_v1 (libloc, src/libloc/format.h): time of making;
# vendor, description, licence; offset and length of the ASes, networks, tree, countries and strings.
_HEADER = struct.Struct("!7sBQ3I10I")


def date_of(path: str) -> int:
    """Return when the data of the database at `path` was made, UTC seconds since 1970.

    Raises DatabaseError when the file is cut short: libloc maps it and would crash the program, not raise.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_HEADER.size)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DatabaseError(f"cannot be read ({error.strerror})") from error
    if len(head) < _HEADER.size or not head.startswith(MAGIC):
        raise DatabaseError("is damaged (no IPFire header)")
    _, version, date, _, _, _, *sections = _HEADER.unpack(head)
    if version != 1:
        raise DatabaseError(f"has version {version} of the IPFire format; version 1 is known")
    if any(offset + length > size for offset, length in zip(sections[::2], sections[1::2], strict=True)):
        raise DatabaseError("is damaged (cut short)")
    return int(date)


class IpfireReader:
    """An open IPFire database; mapped, so it must be replaced by rename and not be written over."""

    kind = "IPFire"

    def __init__(self, path: str) -> None:
        """Open `path`. Raises DatabaseError when it is damaged or the module to read it with is missing."""
        self.date = date_of(path)
        self.notes: list[str] = []
        self._places: dict[tuple[str | None, int | None], Place] = {}
        location = _module()
        try:
            self._database = location.Database(path)
        except Exception as error:
            raise DatabaseError(f"is damaged ({error})") from error

    def lookup(self, address: str) -> Place:
        """Return what the database says of `address`."""
        try:
            network = self._database.lookup(address)
        except OSError:
            # What libloc does not find it reports by an errno that it does not set, so that any older one may come
            # (ENOENT for 192.0.2.0/24 with 0.9.14). A damaged file was refused when it was opened.
            os.getpriority(os.PRIO_PROCESS, 0)  # sets it to 0, so that the next ones cost no exception
            return NOWHERE
        if network is None:
            return NOWHERE
        code, asn = network.country_code, network.asn
        place = self._places.get((code, asn))
        if place is None:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            place = Place(country_code(code), asn or None, self._name_of(asn) if asn else None)
            self._places[code, asn] = place
        return place

    def _name_of(self, asn: int) -> str | None:
        try:
            system = self._database.get_as(asn)
        except OverflowError:
            return None  # libloc 0.9.16 takes AS numbers below 2**31 only
        return organisation(system.name) if system is not None else None


class ModuleMissingError(DatabaseError):
    """The module to read IPFire databases with is not installed."""


def _module() -> Any:
    # libloc writes each fault of a damaged file to stderr, and cron would mail that; it reads its level once.
    level = os.environ.get("LOC_LOG")
    os.environ["LOC_LOG"] = "0"
    try:
        import location
    except ImportError as error:
        raise ModuleMissingError("is an IPFire database, and the Debian package python3-location is missing") from error
    finally:
        if level is None:
            del os.environ["LOC_LOG"]
        else:
            os.environ["LOC_LOG"] = level
    return location
