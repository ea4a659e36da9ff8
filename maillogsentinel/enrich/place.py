"""What an IP database says of an address, and the forms in which databases put it."""

import re
from typing import Literal, NamedTuple, Protocol

from maillogsentinel.errors import MailLogSentinelError
from maillogsentinel.model import safe_text

Column = Literal["country", "asn"]

UNKNOWN_FORM = "is no database of a known form (MMDB, ip-location-db CSV, IPFire)"


class Place(NamedTuple):
    """Where an address belongs."""

    country_code: str | None
    """ISO 3166-1, two capital letters."""
    asn: int | None
    aso: str | None
    """The AS's organisation, safe text."""


NOWHERE = Place(None, None, None)


class Reader(Protocol):
    """An open database."""

    @property
    def kind(self) -> str:
        """``MMDB``, ``CSV`` or ``IPFire``."""

    @property
    def date(self) -> int:
        """When its data was made, UTC seconds since 1970."""

    @property
    def notes(self) -> list[str]:
        """What is wrong with it without making it useless, as the rest of a sentence that begins with its path."""

    def lookup(self, address: str) -> Place:
        """Return what is known of `address`; raises whatever a damaged file makes it raise."""


class DatabaseError(MailLogSentinelError):
    """A database cannot be used; ``str()`` is the rest of a sentence that begins with its path."""


# MaxMind and IPFire write these for "anonymous", "satellite", "anycast", "Tor" and "hostile"; the others say "unknown".
_NO_COUNTRY = {"A1", "A2", "A3", "T1", "XD", "XX", "ZZ"}


def country_code(value: object) -> str | None:
    """Return `value` as an ISO code, None where it is none or stands for no country."""
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{2}", value):
        return None
    code = value.upper()
    return None if code in _NO_COUNTRY else code


def as_number(value: object) -> int | None:
    """Return `value`, a number or a text such as ``AS15169``, as a number; None where it is none, and for AS 0."""
    if isinstance(value, str):
        digits = re.fullmatch("(?:AS)?([0-9]{1,10})", value, re.IGNORECASE)
        value = int(digits.group(1)) if digits else 0
    return value if isinstance(value, int) and 0 < value < 1 << 32 else None


def organisation(value: object) -> str | None:
    """Return `value` as safe text; None where it is no text or empty."""
    if not isinstance(value, str) or not value.strip():
        return None
    return safe_text(value.strip().encode("utf-8", "surrogateescape"))
