"""Which addresses and networks a firewall had better not let in: failures in, entries out."""

import socket
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import nlargest
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from maillogsentinel.enrich.special import kind_of

if TYPE_CHECKING:
    from maillogsentinel.store.addresses import Attempt

Network = IPv4Network | IPv6Network
N = TypeVar("N", IPv4Network, IPv6Network)

_ANYBODYS = ("", "documentation")
_PRIVATE = ("private", "private, behind a provider's NAT", "private, behind NAT64", "benchmarks")


class Rules(NamedTuple):
    """From when on an address is listed, and for how long; times in microseconds."""

    failures: int
    users: int
    """0: their number does not matter."""
    within: int
    expire: int
    network_addresses: int
    """So many listed addresses make their network listed; 0: never."""
    most: int
    allow_users: frozenset[str]
    bait_users: frozenset[str]
    """Both in small letters."""


class Listed(NamedTuple):
    """An address or network that is listed. The larger one is the worse."""

    baited: bool
    failures: int
    users: int
    last: int
    """Its last failure, UTC microseconds."""
    network: str
    """In CIDR notation, an address as it is."""


class Entry(NamedTuple):
    """What stands in the list."""

    network: Network
    until: int
    """When it goes, UTC microseconds."""


class Spared:
    """What is never listed."""

    def __init__(self, networks: Iterable[str], login_networks: frozenset[str], private: bool) -> None:
        """`networks` are allowed and own ones, `login_networks` those of successful logins, as an `Attempt` names them;
        `private`: spare private addresses, too."""
        self._logins = login_networks
        self._kinds = _ANYBODYS if private else (*_ANYBODYS, *_PRIVATE)
        self._ranges: dict[int, tuple[list[int], list[int]]] = {4: ([], []), 6: ([], [])}
        known = [ip_network(network) for network in networks]
        joined: list[Network] = [
            *collapse_addresses(network for network in known if isinstance(network, IPv4Network)),
            *collapse_addresses(network for network in known if isinstance(network, IPv6Network)),
        ]
        for network in joined:
            starts, ends = self._ranges[network.version]
            starts.append(int(network.network_address))
            ends.append(int(network.broadcast_address))

    def logged_in(self, network: str) -> bool:
        """Whether somebody logged in successfully from this network."""
        return network in self._logins

    def address(self, ip: str) -> bool:
        """Whether an address is spared."""
        packed = socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)
        number = int.from_bytes(packed, "big")
        return kind_of(ip) not in self._kinds or self._touched(6 if ":" in ip else 4, number, number)

    def network(self, text: str) -> bool:
        """Whether a part of a network is spared."""
        network = ip_network(text)
        first, last = network.network_address, network.broadcast_address
        # What is special is whole networks of this size, or begins one.
        return kind_of(str(first)) not in self._kinds or self._touched(network.version, int(first), int(last))

    def _touched(self, version: int, first: int, last: int) -> bool:
        starts, ends = self._ranges[version]
        index = bisect_right(starts, last) - 1
        return index >= 0 and ends[index] >= first


def listed(attempts: Iterable["Attempt"], rules: Rules, spared: Spared, now: int) -> list[Listed]:
    """Return what is to be listed at `now` (UTC microseconds), the worst first, without overlaps.

    `attempts` come by network, address and time. Memory holds no more than `rules` have numbers for.
    """
    return nlargest(rules.most, _listed(attempts, rules, spared, now))


def _listed(attempts: Iterable["Attempt"], rules: Rules, spared: Spared, now: int) -> Iterator[Listed]:
    for network, tries in groupby(attempts, key=lambda attempt: attempt.network):
        if spared.logged_in(network):
            continue
        found = _addresses(tries, rules, spared, now)
        if rules.network_addresses and not spared.network(network):
            found = _joined(network, found, rules.network_addresses)
        yield from found


def _joined(network: str, found: Iterable[Listed], enough: int) -> Iterator[Listed]:
    """The addresses of a network as they are, or the network where there are enough of them."""
    held: list[Listed] = []
    whole: Listed | None = None
    for one in found:
        if whole is None and len(held) + 1 < enough:
            held.append(one)
            continue
        for part in (*held, one):
            before = whole or Listed(False, 0, 0, 0, network)
            whole = Listed(
                before.baited or part.baited,
                before.failures + part.failures,
                max(before.users, part.users),
                max(before.last, part.last),
                network,
            )
        held = []
    yield from [whole] if whole else held


def _addresses(attempts: Iterable["Attempt"], rules: Rules, spared: Spared, now: int) -> Iterator[Listed]:
    for ip, tries in groupby(attempts, key=lambda attempt: attempt.ip):
        if not spared.address(ip):
            one = _judged(ip, tries, rules)
            if one and one.last + rules.expire > now:
                yield one


def _judged(ip: str, tries: Iterable["Attempt"], rules: Rules) -> Listed | None:
    """What an address is listed as; None where it passes no threshold."""
    recent: deque[int] = deque(maxlen=rules.failures)
    users: dict[str, int] = {}  # by when they were last tried, the latest at the end
    baited = passed = False
    failures = last = most_users = 0
    for attempt in tries:
        user = None if attempt.user is None else attempt.user.lower()
        if user in rules.allow_users:
            continue
        failures, last = failures + 1, attempt.stamp
        baited = baited or user in rules.bait_users
        if passed:
            continue
        begin = attempt.stamp - rules.within
        recent.append(attempt.stamp)
        if user is not None and rules.users:
            users.pop(user, None)
            users[user] = attempt.stamp
            while users[oldest := next(iter(users))] < begin:
                del users[oldest]
            most_users = max(most_users, len(users))
        passed = (len(recent) == rules.failures and recent[0] >= begin) or most_users >= rules.users > 0
    return Listed(baited, failures, most_users, last, ip) if passed or baited else None


def entries(found: Iterable[Listed], expire: int, now: int, join: bool) -> list[Entry]:
    """Return what stands in the list in the order of addresses; `join`: what is adjacent becomes one network, which
    goes when the first of its parts would."""
    ipv4: dict[IPv4Network, int] = {}
    ipv6: dict[IPv6Network, int] = {}
    for one in found:
        network = ip_network(one.network)
        until = min(one.last, now) + expire  # a clock that was ahead lets nothing be listed for longer
        if isinstance(network, IPv4Network):
            ipv4[network] = until
        else:
            ipv6[network] = until
    return [*_ordered(ipv4, join), *_ordered(ipv6, join)]


def _ordered(until: dict[N, int], join: bool) -> Iterator[Entry]:
    parts = sorted(until)
    at = 0
    for network in collapse_addresses(parts) if join else parts:
        begin = at
        while at < len(parts) and parts[at].subnet_of(network):
            at += 1
        yield Entry(network, min(until[part] for part in parts[begin:at]))
