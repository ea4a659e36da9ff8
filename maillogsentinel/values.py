"""What the value of an option may be.

Each function takes the text after the equals sign; it, or the one that it returns, raises ValueError with what is
allowed.
"""

import re
from collections.abc import Callable

from maillogsentinel.model import DELIMITERS
from maillogsentinel.sources.names import AUTO, JOURNAL, refuse_parts


def text(value: str) -> str:
    """Return plain text of one line."""
    if re.search("[\x00-\x1f\x7f]", value):
        raise ValueError("has a control character; allowed is plain text on one line")
    return value


def absolute(value: str) -> str:
    """Return an absolute path."""
    if not text(value).startswith("/"):
        raise ValueError(f"is {value!r}; allowed is an absolute path, such as /var/log/mail.log")
    return value


def sources(value: str) -> tuple[str, ...]:
    """Return the names of sources: auto, the journal, or absolute paths."""
    names = tuple(text(value).replace(",", " ").split())
    if len(names) == 1 and (names[0] in (AUTO, JOURNAL) or names[0].startswith(JOURNAL + ":/")):
        return names
    for name in names or ("",):
        if not name.startswith("/"):
            raise ValueError(
                f"{'has' if len(names) > 1 else 'is'} {name!r}; allowed is auto, journal, journal:/DIRECTORY, or one or"
                " several absolute paths, such as /var/log/mail.log, also with the wildcards * ? [ ]"
            )
    refuse_parts(names)
    return names


def optional_path(value: str) -> str:
    """Return an absolute path, or nothing."""
    return absolute(value) if value else ""


def command(value: str) -> tuple[str, ...]:
    """Return an absolute path and arguments, or nothing."""
    parts = tuple(text(value).split())
    if parts:
        absolute(parts[0])
    return parts


def file_name(value: str) -> str:
    """Return a name without a directory."""
    if not text(value) or "/" in value or value in (".", ".."):
        raise ValueError(f"is {value!r}; allowed is a file name without a directory")
    return value


def switch(value: str) -> bool:
    """Return what yes or no means."""
    if value.lower() in ("yes", "true", "on", "1"):
        return True
    if value.lower() in ("no", "false", "off", "0"):
        return False
    raise ValueError(f"is {value!r}; allowed is yes or no")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not re.fullmatch("[0-9]{1,15}", value) or not low <= int(value) <= high:
            raise ValueError(f"is {value!r}; allowed is a whole number from {low} to {high}")
        return int(value)

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Return the reader of a number of seconds from `low` to `high`."""

    def parse(value: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or not low <= float(value) <= high:
            raise ValueError(f"is {value!r}; allowed is a number of seconds from {low:g} to {high:g}")
        return float(value)

    return parse


def size(value: str) -> int:
    """Return a number of bytes."""
    match = re.fullmatch("([0-9]{1,12})([KMG]?)", value.upper())
    if not match:
        raise ValueError(f"is {value!r}; allowed is a number of bytes, also with K, M or G, such as 5M")
    return int(match.group(1)) << {"": 0, "K": 10, "M": 20, "G": 30}[match.group(2)]


def choice(*allowed: str) -> Callable[[str], str]:
    """Return the reader of one of these words, in small letters."""

    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"is {value!r}; allowed is {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value.lower()

    return parse


def level(value: str) -> str:
    """Return the name of one of logging's levels."""
    return choice("debug", "info", "warning", "error")(value).upper()


def delimiter(value: str) -> str:
    """Return the delimiter of a CSV."""
    value = {"tab": "\t", "\\t": "\t"}.get(value.lower(), value)
    if value not in DELIMITERS:
        raise ValueError(f"is {value!r}; allowed is one of , ; | or the word tab")
    return value


def time_zone(value: str) -> str:
    """Return the name of a time zone; empty for the machine's."""
    if value not in ("", "UTC"):  # which need no database, and no time to read it
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"is {value!r}; allowed is a name of the time zone database, such as UTC or Europe/Paris"
            ) from None
    return value


def addresses(value: str) -> tuple[str, ...]:
    """Return IP addresses."""
    found = tuple(value.replace(",", " ").split())
    for address in found:
        import ipaddress

        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"has {address!r}; allowed is a list of IP addresses of DNS servers") from None
    return found


def networks(value: str) -> tuple[str, ...]:
    """Return networks in CIDR notation, each with the length of its prefix, host bits cleared; an address is one."""
    import ipaddress

    found = []
    for part in text(value).replace(",", " ").split():
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            raise ValueError(
                f"has {part!r}; allowed is a list of addresses and networks, such as 192.0.2.0/24 and 2001:db8::/32"
            ) from None
    return tuple(found)


def users(value: str) -> frozenset[str]:
    """Return user names in small letters, which are separated by commas."""
    return frozenset(filter(None, (part.strip().lower() for part in text(value).split(","))))


def origins(value: str) -> tuple[str, ...]:
    """Return http or https addresses or absolute paths."""
    found = tuple(value.split())
    for origin in found:
        if not re.fullmatch(r"(?i:https?)://[^\s/?#]+[^\s]*|/.+", text(origin)):
            raise ValueError(
                f"has {origin!r}; allowed is an http or https address or an absolute path, or nothing; several (a CSV"
                " in parts) separated by blanks"
            )
    return found


def recipients(value: str) -> str:
    """Return mail addresses, joined by a comma and a blank."""
    parts = [part.strip() for part in text(value).split(",")]
    for part in parts:
        if not re.fullmatch(r"[^\s,;<>()\[\]\"\\:]{1,254}", part) or part.startswith("-"):
            raise ValueError(f"is {value!r}; allowed is a mail address or a local user, several separated by commas")
    return ", ".join(parts)


def sender(value: str) -> str:
    """Return mail addresses, or nothing."""
    return recipients(value) if value else ""


def server_name(value: str) -> str:
    """Return a host name, or nothing."""
    if value and not re.fullmatch(r"[A-Za-z0-9_.:-]{1,255}", value):
        raise ValueError(f"is {value!r}; allowed is a host name")
    return value
