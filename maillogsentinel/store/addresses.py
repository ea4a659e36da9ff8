"""The failures that state.db keeps, by the address that they came from."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from maillogsentinel.store.database import Database


class Attempt(NamedTuple):
    """One failure."""

    network: str
    """The network of its address, as whoever asks divides them."""
    ip: str
    stamp: int
    """UTC, microseconds since 1970."""
    user: str | None
    """As attempted, safe text."""


def attempts(database: Database, since: int, network: Callable[[str], str]) -> Iterator[Attempt]:
    """Yield every kept failure of the addresses that failed after `since` (UTC microseconds), by network, address and
    time. The sorting is done in a temporary file where there are many."""
    database.define("network", lru_cache(4096)(network))
    rows = database.each(
        "SELECT network(ip), ip, stamp, user FROM event WHERE ip IN (SELECT ip FROM event WHERE stamp > ?)"
        " ORDER BY 1, ip, stamp",
        (since,),
    )
    return (Attempt(*row) for row in rows)


class Active(NamedTuple):
    """An address that is at it; times in UTC microseconds."""

    ip: str
    failures: int
    """After the moment that was asked for."""
    last: int
    since: int
    """Its first failure that is kept."""
    users: int
    """Different known ones after that moment."""
    user: str | None
    """The one that it tried most often."""
    hostname: str | None
    """What the cache of reverse DNS has."""


class Activity(NamedTuple):
    """What happened after a moment."""

    failures: int
    addresses: int
    users: int
    worst: list[Active]
    """The addresses with most failures, those with the latest one first among equals."""


def activity(database: Database, after: int, most: int) -> Activity:
    """Return what failed `after` a moment (UTC microseconds), with at most `most` addresses."""
    failures, addresses, different = database.rows(
        "SELECT count(*), count(DISTINCT ip), count(DISTINCT user) FROM event WHERE stamp > ?", (after,)
    )[0]
    ranked = database.rows(
        "SELECT ip, count(*), max(stamp) FROM event WHERE stamp > ? AND ip NOT NULL GROUP BY ip"
        " ORDER BY 2 DESC, 3 DESC, ip LIMIT ?",
        (after, most),
    )
    ips = [row[0] for row in ranked]
    since = dict(_pairs(database, "SELECT ip, min(stamp) FROM event WHERE ip IN (?) GROUP BY ip", ips))
    names = dict(_pairs(database, "SELECT ip, hostname FROM dns WHERE ip IN (?)", ips))
    tried = _tried(database, after, ips)
    worst = []
    for ip, number, last in ranked:
        users, user = tried.get(ip, (0, None))
        worst.append(Active(ip, number, last, since.get(ip, last), users, user, names.get(ip)))
    return Activity(failures, addresses, different, worst)


def _pairs(database: Database, sql: str, ips: Sequence[str], *before: int) -> Iterator[tuple[Any, ...]]:
    """The rows, of two columns, of a query about `ips`, which stand for the ``(?)`` in it."""
    yield from database.each(sql.replace("(?)", f"({','.join('?' * len(ips))})"), (*before, *ips))


def _tried(database: Database, after: int, ips: Sequence[str]) -> dict[str, tuple[int, str]]:
    """How many users each address tried, and which of them most often."""
    found: dict[str, tuple[int, str]] = {}
    sql = (
        "SELECT ip, user FROM event WHERE stamp > ? AND ip IN (?) AND user NOT NULL"
        " GROUP BY ip, user ORDER BY ip, count(*) DESC, user"
    )
    for ip, user in _pairs(database, sql, ips, after):
        users, first = found.get(ip, (0, user))
        found[ip] = users + 1, first
    return found
