"""Databases in the MaxMind DB format 2.0, with the field names of ip-location-db, MaxMind, DB-IP and IPinfo."""

from collections.abc import Mapping
from typing import Any

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

MARKER = b"\xab\xcd\xefMaxMind.com"
"""What the metadata begins with, in the last 128 KiB of the file."""

# Addresses that every public database knows: what they are like shows which columns a file has.
_WELL_KNOWN = ("8.8.8.8", "1.1.1.1", "9.9.9.9", "193.0.6.139", "202.12.27.33", "2001:4860:4860::8888")

_REMEMBERED = 20_000

_ORGANISATION_FIELDS = ("autonomous_system_organization", "as_name", "as_org", "organization", "name")


class MmdbReader:
    """An open MMDB file; mapped, so it must be replaced by rename and not be written over."""

    kind = "MMDB"

    def __init__(self, path: str) -> None:
        """Open `path`. Raises DatabaseError when it is damaged."""
        import maxminddb

        self.notes: list[str] = []
        self._places: dict[tuple[Any, ...], Place] = {}
        try:
            self._reader = maxminddb.open_database(path)
            metadata = self._reader.metadata()
            self.date = int(metadata.build_epoch)
            self._only_ipv4 = metadata.ip_version == 4
        except Exception as error:  # the metadata is decoded before it is checked: any type may come out of damage
            raise DatabaseError(f"is damaged ({error})") from error

    def check(self, column: Column) -> None:
        """Raise DatabaseError when the file is about something else than `column`."""
        try:
            found = [self._reader.get(address) for address in _WELL_KNOWN if not (self._only_ipv4 and ":" in address)]
        except Exception as error:
            raise DatabaseError(f"is damaged ({error})") from error
        known = [record for record in found if record and isinstance(record, dict)]
        if known and not any(_country(record) if column == "country" else _asn(record) for record in known):
            what = "country codes" if column == "country" else "AS numbers"
            raise DatabaseError(f"{UNKNOWN_FORM} with {what}")

    def lookup(self, address: str) -> Place:
        """Return what the file says of `address`; raises what maxminddb raises for a damaged file."""
        if self._only_ipv4 and ":" in address:
            return NOWHERE
        record = self._reader.get(address)
        if not record or not isinstance(record, dict):
            return NOWHERE
        # Few records differ, and to understand one takes longer than to find it.
        key = (*record, *record.values())
        try:
            return self._places[key]
        except KeyError:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            place = self._places[key] = _place(record)
            return place
        except TypeError:  # MaxMind's have records within, which cannot be a key
            return _place(record)


def _place(record: Mapping[str, Any]) -> Place:
    asn = _asn(record)
    return Place(_country(record), asn, _organisation(record) if asn is not None else None)


def _country(record: Mapping[str, Any]) -> str | None:
    found = country_code(record.get("country_code"))
    for field in ("country", "registered_country"):
        value = record.get(field)
        found = found or country_code(value.get("iso_code") if isinstance(value, dict) else value)
    return found


def _asn(record: Mapping[str, Any]) -> int | None:
    return as_number(record.get("autonomous_system_number")) or as_number(record.get("asn"))


def _organisation(record: Mapping[str, Any]) -> str | None:
    return next((found for field in _ORGANISATION_FIELDS if (found := organisation(record.get(field)))), None)
