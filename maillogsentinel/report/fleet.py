"""What only the records of several servers tell: attempts per server, and who turned up at more than one of them."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from maillogsentinel.parse.login import network_of

if TYPE_CHECKING:
    from maillogsentinel.store.spill import Spill

SERVERS = 100
"""How many lines the list of servers has."""

_ADDRESSES, _NETWORKS, _USERS = 6, 7, 8
"""Kinds of keys in a Spill, each a value and a server."""
_ON_SERVERS = 9

Pair = tuple[str | None, str]


class Shared(NamedTuple):
    """The values of one column that several servers have seen."""

    ranked: list[tuple[str, int, int]]
    """Value, servers, records: those at most servers first, then those of most records, then by their UTF-8 bytes."""
    distinct: int
    """How many values more than one server has seen."""


class Fleet(NamedTuple):
    """The numbers of several servers; all are exact."""

    servers: list[tuple[str, int]]
    """At most `SERVERS` with their records, most first."""
    distinct: int
    """Servers in all."""
    addresses: Shared
    networks: Shared
    """The first 24 bits of an IPv4 address, the first 48 of an IPv6 address."""
    users: Shared


class Counts:
    """What fits into memory: records of each address and user at each server."""

    def __init__(self) -> None:
        self._addresses: Counter[Pair] = Counter()
        self._users: Counter[Pair] = Counter()
        self.size = 0
        """Characters in the names of servers; see `tally.Counts`."""

    def keys(self) -> int:
        """Return how many keys are held."""
        return len(self._addresses) + len(self._users)

    def add(self, servers: Iterable[str], ips: Iterable[str | None], users: Iterable[str | None]) -> None:
        """Count records, given column by column."""
        servers = tuple(servers)
        before = self.keys()
        self._addresses.update(zip(ips, servers, strict=True))
        self._users.update(zip(users, servers, strict=True))
        self.size += (self.keys() - before) * max(map(len, servers))

    def _kinds(self) -> dict[int, Counter[Pair]]:
        networks: Counter[Pair] = Counter()
        servers: Counter[Pair] = Counter()
        for (ip, server), number in self._addresses.items():
            networks[None if ip is None else network_of(ip), server] += number
            servers[server, ""] += number
        return {_ADDRESSES: self._addresses, _NETWORKS: networks, _USERS: self._users, _ON_SERVERS: servers}

    def move_to(self, spill: "Spill") -> None:
        """Put everything into the file, and begin again with nothing."""
        for kind, counter in self._kinds().items():
            spill.add(kind, {(value, server, ""): number for (value, server), number in counter.items()})
        self._addresses.clear()
        self._users.clear()
        self.size = 0

    def finish(self, top: int) -> Fleet:
        """Return the numbers of what is in memory, with lists of `top` lines."""
        kinds = self._kinds()
        servers = sorted(((name or "", number) for (name, _), number in kinds[_ON_SERVERS].items()), key=_most_first)
        lists = (_shared(kinds[kind], top) for kind in (_ADDRESSES, _NETWORKS, _USERS))
        return Fleet(servers[:SERVERS], len(servers), *lists)


def spilled(spill: "Spill", top: int) -> Fleet:
    """Return the numbers of what was moved to the file, with lists of `top` lines."""
    servers = [(values[0] or "", number) for values, number in spill.ranked(_ON_SERVERS, SERVERS, known=True)]
    lists = (Shared(*spill.shared(kind, top)) for kind in (_ADDRESSES, _NETWORKS, _USERS))
    return Fleet(servers, spill.unknown_and_distinct(_ON_SERVERS)[1], *lists)


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _shared(counter: Counter[Pair], top: int) -> Shared:
    servers: Counter[str] = Counter()
    records: Counter[str] = Counter()
    for (value, _), number in counter.items():
        if value is not None:
            servers[value] += 1
            records[value] += number
    several = [(value, number, records[value]) for value, number in servers.items() if number > 1]
    several.sort(key=lambda found: (-found[1], -found[2], found[0]))
    return Shared(several[:top], len(several))
