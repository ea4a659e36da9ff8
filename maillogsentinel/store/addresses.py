"""The failures that state.db keeps, by the address that they came from."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

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
