"""Says when the databases of countries and networks have grown old, and what to do; by mail at most once a month."""

import os
import re
import time

from maillogsentinel.config import Config
from maillogsentinel.enrich import ipfire
from maillogsentinel.enrich.geo import Database, Geo
from maillogsentinel.options import ASN_DB_PATH, ASN_DB_URL, COUNTRY_DB_PATH, COUNTRY_DB_URL

OLD = 30
"""Days from which on a database is old."""
MARKER = "ip-databases.mailed"
"""A file in the state directory, whose time says when a mail last told the age."""

_DAY = 86_400
_NONE_BEFORE = 1_420_070_400  # 2015: a CSV that an archive gave such a date is of an age that nobody knows
_COMMAND = "maillogsentinel ipinfo --update"
_PATHS = {"country": COUNTRY_DB_PATH, "asn": ASN_DB_PATH}
_URLS = {"country": COUNTRY_DB_URL, "asn": ASN_DB_URL}
# Copies of ip-location-db that older documentation names; the project renews its GitHub releases only.
_FROZEN = re.compile(r"//raw\.githubusercontent\.com/sapics/ip-location-db/|/@ip-location-db/", re.IGNORECASE)


def days_old(database: Database) -> int:
    """Return how old the data of `database` is, in whole days."""
    return int(time.time() - database.date) // _DAY


def sentences(config: Config, databases: list[Database] | None = None) -> list[str]:
    """Return a sentence for each database in use that is older than 30 days; `databases` where they are known."""
    if databases is None:
        databases = Geo.open(config).databases
    old = [database for database in databases if days_old(database) > OLD and database.date > _NONE_BEFORE]
    found = []
    for path in dict.fromkeys(database.path for database in old):
        same = [database for database in old if database.path == path]
        columns = " and ".join({"country": "countries", "asn": "networks"}[database.column] for database in same)
        day = time.strftime("%Y-%m-%d", time.gmtime(same[0].date))
        found.append(
            f"The database of {columns} is {days_old(same[0])} days old (data of {day}, {path}):"
            f" addresses move, and some are shown in the wrong place. {_remedy(config, same[0])}"
        )
    return found


def _remedy(config: Config, database: Database) -> str:
    """What the admin can do about the age of `database`."""
    path, url = _PATHS[database.column], _URLS[database.column]
    if config[path] == database.path:
        return f"Put a newer one there, or take [{path.section}] {path.key} away and run: {_COMMAND}"
    if not config[url]:
        return f"[{url.section}] {url.key} is empty: take that line away and run: {_COMMAND}"
    if url in config.entries and any(_FROZEN.search(origin) for origin in config[url]):
        return (
            f"[{url.section}] {url.key} names a copy that its publisher no longer renews: take that line away and run:"
            f" {_COMMAND}"
        )
    if database.path == ipfire.PATH:
        return f"It is Debian's libloc-database, which stays as old as the release. For today's data run: {_COMMAND}"
    return f"Run: {_COMMAND}"


def mail_is_due(state_dir: str) -> bool:
    """Whether a mail may tell the age: none did within 30 days."""
    try:
        return not 0 <= time.time() - os.stat(os.path.join(state_dir, MARKER)).st_mtime < OLD * _DAY
    except OSError:
        return True


def note_mailed(state_dir: str) -> None:
    """Remember that a mail has told the age; where that cannot be written, the next mail tells it again."""
    path = os.path.join(state_dir, MARKER)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640))
        os.utime(path)
    except OSError:
        pass
