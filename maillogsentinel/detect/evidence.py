"""What failures before a login say about it, in memory that does not grow with their number."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.counts import network_of
from maillogsentinel.detect.names import known_as, local_part, same_user

_MOST = 10_000
"""Different names and addresses that are told apart for one login."""


class NewLogin(NamedTuple):
    """One successful login, and what was known of its user before it."""

    stamp: int
    """UTC microseconds."""
    user: str
    """Safe text, as logged."""
    ip: str
    network: str
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""
    country: str | None
    """ISO 3166 code; None when it is not known."""
    known_since: int | None
    """When the user was first seen to log in from anywhere, UTC microseconds; None: never before."""
    known_network: bool
    """Whether the user had logged in from this network before."""
    known_country: bool
    """Whether the user had logged in from this country before; without meaning where that is None."""


class Before(NamedTuple):
    """One failure."""

    stamp: int
    """UTC microseconds."""
    ip: str | None
    user: str | None


class Side:
    """Failures that have something in common with a login."""

    __slots__ = ("addresses", "failures", "first", "others")

    def __init__(self) -> None:
        self.failures = 0
        self.first: int | None = None
        """When the first of them was, UTC microseconds."""
        self.others: set[str] = set()
        """Users other than the one who logged in."""
        self.addresses: set[str] = set()

    def add(self, stamp: int, ip: str | None, other: str | None) -> None:
        """Take one failure; `other`: its user, when that is not the one of the login."""
        self.failures += 1
        self.first = stamp if self.first is None else min(self.first, stamp)
        if other is not None and len(self.others) < _MOST:
            self.others.add(other)
        if ip is not None and len(self.addresses) < _MOST:
            self.addresses.add(ip)


class Evidence:
    """The failures before one login."""

    __slots__ = ("address", "login", "name", "network", "parts", "since", "user")

    def __init__(self, login: NewLogin, hours: int) -> None:
        self.login = login
        self.name = known_as(login.user)
        self.parts = local_part(self.name)
        self.since = login.stamp - hours * 3_600_000_000
        self.address = Side()
        """Of the same address."""
        self.network = Side()
        """Of the same network, the address included."""
        self.user = Side()
        """For the same user, from other networks."""

    def add(self, stamp: int, ip: str | None, network: str | None, name: str | None) -> None:
        """Take a failure that has the login's network or its user's local part, if it was in the hours before."""
        if not self.since <= stamp <= self.login.stamp:
            return
        same = name is not None and same_user(local_part(name), self.parts)
        if network is not None and network == self.login.network:
            self.network.add(stamp, ip, None if same else name)
            if ip == self.login.ip:
                self.address.add(stamp, ip, None if same else name)
        elif same:
            self.user.add(stamp, ip, None)


def gather(logins: Sequence[NewLogin], failures: Iterable[Before], hours: int, allowed: Allowed) -> list[Evidence]:
    """Return the evidence on each login, in their order; failures of the allow-lists are none."""
    found = [Evidence(login, hours) for login in logins]
    by_network: dict[str, list[Evidence]] = {}
    by_local_part: dict[str, list[Evidence]] = {}
    for evidence in found:
        by_network.setdefault(evidence.login.network, []).append(evidence)
        by_local_part.setdefault(evidence.parts[0], []).append(evidence)
    if not found:
        return []
    networks: dict[str | None, str | None] = {}
    for stamp, ip, user in failures:
        if allowed and allowed.attempt(ip, user):
            continue
        if ip not in networks:
            if len(networks) >= _MOST:
                networks.clear()
            networks[ip] = network_of(ip)
        network = networks[ip]
        name = None if user is None else known_as(user)
        for evidence in by_network.get(network or "", ()):
            evidence.add(stamp, ip, network, name)
        for evidence in by_local_part.get(local_part(name)[0], ()) if name is not None else ():
            if evidence.login.network != network:
                evidence.add(stamp, ip, network, name)
    return found
