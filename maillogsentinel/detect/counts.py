"""Failures counted by client and user, without those of the allow-lists."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice
from socket import AF_INET, AF_INET6, inet_pton

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.names import known_as
from maillogsentinel.parse.login import network

ADDRESS, NETWORK, ORGANISATION, COUNTRY, USER = range(5)
"""The levels at which failures are looked at: the first four from the narrow to the wide one."""

Tried = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""Server, address, user, country, AS number and organisation."""
Client = tuple[str | None, str | None, str | None, str | None]
"""Address, country, AS number and organisation."""


def network_of(ip: str | None) -> str | None:
    """Return the network of an address; None for what is no address, as a CSV edited by hand may have."""
    if ip is None:
        return None
    try:
        inet_pton(AF_INET6 if ":" in ip else AF_INET, ip)
    except (OSError, ValueError):
        return None
    return network(ip)


class Counts:
    """What a span's attempts, or a part of them, amount to."""

    def __init__(self, allowed: Allowed, several_servers: bool) -> None:
        self._allow = allowed
        self._several = several_servers
        self._tries: Counter[Tried] = Counter()
        self._size = 0
        """Characters in the keys."""
        self.allowed = 0
        """Attempts of the allow-lists among those that were folded."""
        self.clients: dict[Client, dict[str, int]] = {}
        """After `fold`: the attempts of each client on each user, all of them known."""
        self.servers: set[tuple[Client, str, str]] = set()
        """After `fold`: which client tried which user at which server; empty unless servers are told apart."""
        self.networks: dict[str, str] = {}
        """After `fold`: the network of each address."""

    def add(self, tries: Iterable[Tried]) -> None:
        """Count attempts, each once; at the speed of C."""
        before = len(self._tries)
        self._tries.update(tries)
        self._measure(before)

    def add_counted(self, batch: Iterable[tuple[Tried, int]]) -> None:
        """Count attempts, each with how often it was made."""
        before, tries = len(self._tries), self._tries
        known = tries.get
        for tried, number in batch:
            tries[tried] = known(tried, 0) + number
        self._measure(before)

    def _measure(self, before: int) -> None:
        # A dict keeps the order of insertion: the new keys are its last ones.
        new = islice(reversed(self._tries), len(self._tries) - before)
        self._size += sum(map(len, filter(None, chain.from_iterable(new))))

    def full(self, keys: int, text: int) -> bool:
        """Tell whether there are more keys or characters in them than these."""
        return len(self._tries) > keys or self._size > text

    def fold(self) -> None:
        """Bring the attempts together by client, without those of the allow-lists (which are counted), and without what
        tells nothing: no address, or no user."""
        networks = {ip: network_of(ip) for ip in {tried[1] for tried in self._tries}}
        users = {raw: None if raw is None else known_as(raw) for raw in {tried[2] for tried in self._tries}}
        if self._allow:
            self._take_allowed(networks, users)
        clients = self.clients
        for (server, ip, raw, country, asn, aso), number in self._tries.items():
            user = users[raw]
            if user is None or networks[ip] is None:
                continue
            client = ip, country, asn, aso
            tried = clients.get(client)
            if tried is None:
                clients[client] = {user: number}
            else:
                tried[user] = tried.get(user, 0) + number
            if self._several:
                self.servers.add((client, user, server or ""))
        self._tries.clear()
        self.networks = {client[0] or "": networks[client[0]] or "" for client in clients}

    def _take_allowed(self, networks: dict[str | None, str | None], users: dict[str | None, str | None]) -> None:
        ips = {ip for ip in networks if self._allow.address(ip)}
        names = {raw for raw, user in users.items() if user in self._allow.users}
        for tried in [tried for tried in self._tries if tried[1] in ips or tried[2] in names]:
            self.allowed += self._tries.pop(tried)

    def clear(self) -> None:
        """Begin again with nothing but the number of those allowed."""
        self.clients = {}
        self.servers = set()
        self.networks = {}
        self._size = 0

    def subjects(self, level: int) -> list[str | None]:
        """Return the group of a level to which each of the clients belongs, in their order; None: not known."""
        if level == ADDRESS:
            return [client[0] for client in self.clients]
        if level == NETWORK:
            return [self.networks[client[0] or ""] for client in self.clients]
        column = 1 if level == COUNTRY else 2
        names = {value: group_name(level, value) for value in {client[column] for client in self.clients}}
        return [names[client[column]] for client in self.clients]

    def around(self, level: int, clients: list[Client]) -> frozenset[str]:
        """Return the wider groups in which the group of this level with these clients lies."""
        found = (
            {group_name(COUNTRY, value) for value in {client[1] for client in clients}} if level < COUNTRY else set()
        )
        if level < ORGANISATION:
            found |= {group_name(ORGANISATION, value) for value in {client[2] for client in clients}}
        if level < NETWORK:
            found |= {self.networks[client[0] or ""] for client in clients}
        return frozenset(name for name in found if name is not None)


def group_name(level: int, value: str | None) -> str | None:
    """Return what a country or an AS number is called as a finding's subject."""
    if value is None:
        return None
    return f"AS{value[:20]}" if level == ORGANISATION else value[:20]
