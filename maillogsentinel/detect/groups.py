"""Who tried very many, or was tried by very many: the groups of a span's attempts, counted in memory."""

from collections import Counter
from collections.abc import Collection, Iterable
from heapq import nsmallest
from itertools import chain
from typing import NamedTuple, Protocol

from maillogsentinel.detect.counts import ADDRESS, ORGANISATION, USER, Client, Counts

FOCUSED = 5
"""Users whom an address tries at most, to count among those that try one user from many addresses: one that walks
through a list of names comes by the usual ones, but is after nobody."""
EXAMPLES = 5
SERVERS = 50
"""Names of servers that a group has at most."""


class Group(NamedTuple):
    """What an address, network, autonomous system or country has tried, or who has tried a user."""

    subject: str
    different: int
    """Users that it tried; of a user: addresses that are after this one."""
    attempts: int


class Details(NamedTuple):
    """More on one group."""

    addresses: int
    """Different ones in it."""
    examples: tuple[str, ...]
    """Of what was counted, the most frequent."""
    servers: tuple[str, ...]
    around: frozenset[str]
    """Wider groups in which it lies; not of a user."""
    name: str | None
    """What an AS is called most often."""


class Groups(Protocol):
    """What detectors ask."""

    focused: int
    """How many addresses are after `FOCUSED` users at most."""

    def largest(self, level: int, at_least: int, top: int) -> tuple[list[Group], int]:
        """Return the groups of a level that have at least so many different ones: the `top` of them, and how many there
        are in all."""

    def baits(self, users: frozenset[str], top: int) -> tuple[list[tuple[Group, tuple[str, ...]]], int]:
        """Return the addresses that tried any of `users`, most of them first, each with the users; and how many there
        are in all."""

    def details(self, level: int, subject: str) -> Details:
        """Return more on one of the groups that `largest` or `baits` returned."""


def ranked(groups: list[Group], top: int) -> list[Group]:
    """Return the `top` groups, the largest first."""
    return nsmallest(top, groups, key=lambda group: (-group.different, -group.attempts, group.subject))


def examples(counts: dict[str, int]) -> tuple[str, ...]:
    """Return the most frequent of the keys."""
    return tuple(nsmallest(EXAMPLES, counts, key=lambda name: (-counts[name], name)))


_Member = tuple[Client, dict[str, int]]


class Held:
    """The groups of a `Counts` that fits into memory."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._sizes = [len(users) for users in counts.clients.values()]
        self._members: dict[tuple[int, str], list[_Member]] = {}
        """Clients with their users, of the groups that are large enough to be looked at."""
        self._unfocused = self._after_many()
        self.focused = len(counts.networks) - len(self._unfocused)
        self._servers_of: dict[Client | str, set[str]] = {}
        """Of clients and of users."""

    def largest(self, level: int, at_least: int, top: int) -> tuple[list[Group], int]:
        """See `Groups`."""
        if level == USER:
            return self._after_one(at_least, top)
        self._collect(level, self._bounds(level, at_least))
        found = []
        for (at, subject), members in self._members.items():
            if at == level:
                different = len(set().union(*(users for _, users in members)))
                if different >= at_least:
                    found.append(Group(subject, different, sum(sum(users.values()) for _, users in members)))
        return ranked(found, top), len(found)

    def _bounds(self, level: int, at_least: int) -> set[str]:
        """Return the groups that can have as many: few of them are looked at more closely."""
        bounds: dict[str | None, int] = {}
        known = bounds.get
        for subject, size in zip(self._counts.subjects(level), self._sizes, strict=True):
            bounds[subject] = known(subject, 0) + size
        return {subject for subject, size in bounds.items() if subject is not None and size >= at_least}

    def _collect(self, level: int, wanted: set[str]) -> None:
        if wanted:
            for subject, member in zip(self._counts.subjects(level), self._counts.clients.items(), strict=True):
                if subject in wanted:
                    self._members.setdefault((level, subject or ""), []).append(member)

    def _after_one(self, at_least: int, top: int) -> tuple[list[Group], int]:
        few = [member for member in self._counts.clients.items() if len(member[1]) <= FOCUSED]
        bounds = Counter(chain.from_iterable(users for _, users in few))
        wanted = {user for user, number in bounds.items() if number >= at_least}
        if not wanted:
            return [], 0
        for member in few:
            if member[0][0] not in self._unfocused:
                for user in wanted.intersection(member[1]):
                    self._members.setdefault((USER, user or ""), []).append(member)
        found = []
        for (level, user), members in self._members.items():
            addresses = {client[0] for client, _ in members} if level == USER else ()
            if len(addresses) >= at_least:
                found.append(Group(user, len(addresses), sum(users[user] for _, users in members)))
        return ranked(found, top), len(found)

    def _after_many(self) -> set[str | None]:
        """Return the addresses that are after more than a few users."""
        users_of: dict[str | None, Collection[str | None]] = {}
        for client, users in self._counts.clients.items():
            ip = client[0]
            users_of[ip] = {*users_of[ip], *users} if ip in users_of else users
        return {ip for ip, users in users_of.items() if len(users) > FOCUSED}

    def baits(self, users: frozenset[str], top: int) -> tuple[list[tuple[Group, tuple[str, ...]]], int]:
        """See `Groups`."""
        tried: dict[str, dict[str, int]] = {}
        for client, of_client in self._counts.clients.items():
            for user in users.intersection(filter(None, of_client)):
                by_user = tried.setdefault(client[0] or "", {})
                by_user[user] = by_user.get(user, 0) + of_client[user]
        groups = [Group(ip, len(by_user), sum(by_user.values())) for ip, by_user in tried.items()]
        found = ranked(groups, top)
        self._collect(ADDRESS, {ip for ip, *_ in found if (ADDRESS, ip) not in self._members})
        return [(group, examples(tried[group.subject])) for group in found], len(groups)

    def details(self, level: int, subject: str) -> Details:
        """See `Groups`."""
        members = self._members.get((level, subject), [])
        clients = [client for client, _ in members]
        counted: dict[str, int] = {}
        known = counted.get
        for client, users in members:
            of_client = {client[0]: users[subject]} if level == USER else users
            for key, number in of_client.items():
                counted[key or ""] = known(key or "", 0) + number
        names: dict[str, int] = {}
        if level == ORGANISATION:
            for client, users in members:
                names[client[3] or ""] = names.get(client[3] or "", 0) + sum(users.values())
            names.pop("", None)
        return Details(
            len({client[0] for client in clients}),
            examples(counted),
            self._servers(level, subject, clients),
            frozenset() if level == USER else self._counts.around(level, clients),
            next(iter(examples(names)), None),
        )

    def _servers(self, level: int, subject: str, clients: Iterable[Client]) -> tuple[str, ...]:
        if not self._counts.servers:
            return ()
        if not self._servers_of:
            for client, user, server in self._counts.servers:
                self._servers_of.setdefault(client, set()).add(server)
                self._servers_of.setdefault(user or "", set()).add(server)
        keys: Iterable[Client | str] = (subject,) if level == USER else clients
        return tuple(sorted(set().union(*(self._servers_of[key] for key in keys)))[:SERVERS])
