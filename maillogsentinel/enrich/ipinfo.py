"""Look-ups of single addresses for whoever asks: the ``ipinfo`` command, and other programs."""

import os
import socket
import time
from typing import NamedTuple

from maillogsentinel.config import Config, settings
from maillogsentinel.enrich.geo import Database, Geo, candidates

_LOOK_AGAIN = 60.0


class Info(NamedTuple):
    """What the databases say of an address."""

    ip: str
    """The address in its canonical form."""
    country_code: str | None
    """ISO 3166-1, two capital letters."""
    asn: int | None
    aso: str | None
    """The AS's organisation, safe to show: control characters and the like are escaped."""
    country_database: Database | None
    """Where the country is from; None when there is no database."""
    asn_database: Database | None


class _Opened(NamedTuple):
    geo: Geo
    databases: dict[str, Database]
    config: Config
    files: tuple[tuple[str, int, int, int], ...]
    looked: float


_opened: dict[str | None, _Opened] = {}


def lookup(address: str, config_file: str | None = None) -> Info:
    """See `maillogsentinel.enrich.lookup`, which is the public name."""
    ip = canonical(address)
    opened = _opened.get(config_file)
    if opened is None or time.monotonic() - opened.looked > _LOOK_AGAIN:
        opened = _opened[config_file] = _fresh(config_file, opened)
    databases = opened.databases
    return Info(ip, *opened.geo.lookup(ip), databases.get("country"), databases.get("asn"))


def canonical(address: str) -> str:
    """Return the canonical form of `address`. Raises ValueError when it is none."""
    try:
        if ":" in address:
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address))
        socket.inet_pton(socket.AF_INET, address)  # glibc takes the canonical form only
    except (OSError, ValueError):
        raise ValueError(f"{address[:100]!r} is not an IP address") from None
    return address


def _fresh(config_file: str | None, opened: _Opened | None) -> _Opened:
    """Open the databases; those of `opened` stay when no file has changed."""
    if opened is not None and _files(opened.config) == opened.files:
        return opened._replace(looked=time.monotonic())
    config = settings(config_file)
    files = _files(config)
    geo = Geo.open(config)
    return _Opened(geo, {item.column: item for item in geo.databases}, config, files, time.monotonic())


def _files(config: Config) -> tuple[tuple[str, int, int, int], ...]:
    """What tells one state of the files that may be used from another."""
    found = []
    for path in candidates(config):
        try:
            status = os.stat(path)
        except OSError:
            continue
        found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
