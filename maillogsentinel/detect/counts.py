"""Failures counted by client and user, without those of the allow-lists."""

from collections.abc import Iterable
from socket import AF_INET, AF_INET6, inet_pton

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.names import LONGEST, known_as
from maillogsentinel.parse.login import network

ADDRESS, NETWORK, ORGANISATION, COUNTRY, USER = range(5)
"""The levels at which failures are looked at: the first four from the narrow to the wide one."""

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
        self._names: dict[str, str] = {}
        self.clients: dict[Client, dict[str | None, int]] = {}
        """After `fold`: the attempts of each client on each user, all of them known."""
        self.servers: set[tuple[Client, str | None, str]] = set()
        """Which client tried which user at which server; empty unless servers are told apart."""
        self.networks: dict[str, str] = {}
        """After `fold`: the network of each address."""
        self.keys = 0
        self.size = 0
        """Characters that the keys hold."""
        self.allowed = 0
        """Attempts of the allow-lists among those that were folded."""

    def add(self, batch: Iterable[tuple[tuple[str | None, ...], int]]) -> None:
        """Count attempts: server, address, user, country, AS number and organisation, and how often."""
        names, clients, several = self._names, self.clients, self._several
        keys = size = 0
        for (server, ip, raw, country, asn, aso), number in batch:
            user = names.get(raw) if raw is not None else None
            if user is None and raw is not None:
                user = self._name(raw)
            client = ip, country, asn, aso
            users = clients.get(client)
            if users is None:
                users = clients[client] = {}
                size += len(ip or "") + len(country or "") + len(asn or "") + len(aso or "")
            if user in users:
                users[user] += number
            else:
                users[user] = number
                keys += 1
                size += len(user or "")
            if several:
                self._at(client, user, server or "")
        self.keys += keys
        self.size += size

    def _name(self, raw: str) -> str:
        name = known_as(raw)
        if len(raw) <= LONGEST and len(self._names) < 10_000:
            self._names[raw] = name
        return name

    def _at(self, client: Client, user: str | None, server: str) -> None:
        key = client, user, server
        if key not in self.servers:
            self.servers.add(key)
            self.keys += 1
            self.size += len(server)

    def fold(self) -> None:
        """Take out those of the allow-lists, and what tells nothing: no address, or no user."""
        if self._allow:
            self._take_allowed()
        found = {ip: network_of(ip) for ip in {client[0] for client in self.clients}}
        for users in self.clients.values():
            users.pop(None, None)
        self.clients = {client: users for client, users in self.clients.items() if users and found[client[0]]}
        self.networks = {client[0] or "": found[client[0]] or "" for client in self.clients}
        self.servers = {key for key in self.servers if key[1] in self.clients.get(key[0], ())}

    def _take_allowed(self) -> None:
        for client in list(self.clients):
            users = self.clients[client]
            if self._allow.address(client[0]):
                self.allowed += sum(self.clients.pop(client).values())
                continue
            for name in self._allow.users.intersection(filter(None, users)):
                self.allowed += users.pop(name)

    def clear(self) -> None:
        """Begin again with nothing but the number of those allowed."""
        self.clients = {}
        self.servers = set()
        self.networks = {}
        self._names = {}
        self.keys = self.size = 0

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
