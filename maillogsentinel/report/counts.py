"""Counts of the records of a report as far as they fit into memory."""

import re
from collections import Counter
from collections.abc import Callable
from heapq import nlargest, nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from maillogsentinel.model import Row
from maillogsentinel.parse.login import network_of
from maillogsentinel.report import fleet as by_server

if TYPE_CHECKING:
    from maillogsentinel.store.spill import Spill

K = TypeVar("K")
_Who = tuple[str | None, str | None, str | None]

ATTEMPTS = 0
LISTS = (1, 2, 3, 4, 5)
"""Kinds of keys in a Spill: users, addresses, countries, organisations, AS numbers."""
NETWORKS = 10
_TEXT_LIMIT = 8_000_000
"""Characters that the dicts may hold: names of 2,000 bytes must not make full dicts 40 times larger than usual."""
_NAMES = 50_000
"""Names of organisations that are held; there are not as many."""


class Counts:
    """What fits into memory. Whole columns are counted at once, which Counter does at the speed of C."""

    def __init__(self, counts: by_server.Counts | None, for_chosen: bool) -> None:
        self.fleet = counts
        self._for_chosen = for_chosen
        self.names: dict[str, str] = {}
        """The organisation of each AS number, of several names the first."""
        self.who: Counter[_Who] = Counter()
        self.lists: tuple[Counter[str | None], ...] = tuple(Counter() for _ in LISTS)
        self.size = 0
        """Characters in the keys of `who`; users and addresses are parts of them, the rest comes from our databases."""

    def keys(self) -> int:
        """Return how many keys are held."""
        return len(self.who) + sum(map(len, self.lists)) + (self.fleet.keys() if self.fleet else 0)

    def full(self, limit: int) -> bool:
        """Whether there are more keys or characters than memory should hold."""
        return self.keys() > limit or self.size + (self.fleet.size if self.fleet else 0) > _TEXT_LIMIT

    def add(self, batch: list[Row], statuses: Counter[str]) -> None:
        """Count records; what became of their names goes into `statuses`."""
        servers, _, ips, users, hostnames, outcomes, countries, asns, asos = zip(*batch, strict=True)
        before = len(self.who)
        self.who.update(zip(users, ips, hostnames, strict=True))
        for counter, column in zip(self.lists, (users, ips, countries, asos, asns), strict=True):
            counter.update(column)
        for asn, aso in set(zip(asns, asos, strict=True)) if self._for_chosen else ():
            if asn and aso and (aso < self.names[asn] if asn in self.names else len(self.names) < _NAMES):
                self.names[asn] = aso
        if self.fleet:
            self.fleet.add(servers, ips, users)
        # A dict keeps the order of insertion: the new keys are its last ones.
        for key in islice(reversed(self.who), len(self.who) - before):
            self.size += sum(map(len, filter(None, key)))
        for outcome, number in Counter(outcomes).items():
            statuses[_known(outcome)] += number

    def move_to(self, spill: "Spill") -> None:
        """Put everything into the file, and begin again with nothing."""
        spill.add(ATTEMPTS, self.who)
        for kind, counter in zip(LISTS, self.lists, strict=True):
            spill.add(kind, {(value, "", ""): number for value, number in counter.items()})
        if self._for_chosen:
            spill.add(NETWORKS, {(value, "", ""): number for value, number in self.networks().items()})
        for counter in self.lists:
            counter.clear()
        self.who.clear()
        self.size = 0
        if self.fleet:
            self.fleet.move_to(spill)

    def networks(self) -> Counter[str | None]:
        """Return the counts of the networks that the addresses belong to."""
        networks: Counter[str | None] = Counter()
        for ip, number in self.lists[1].items():
            networks[None if ip is None else network_of(ip)] += number
        return networks

    def listed(self, networks: Counter[str | None]) -> tuple[Counter[str | None], ...]:
        """Return users, addresses, `networks`, countries and AS numbers."""
        users, addresses, countries, _, asns = self.lists
        return users, addresses, networks, countries, asns

    def attempts(self, top: int) -> list[tuple[_Who, int]]:
        """Return the `top` users with address and host name that come most often."""
        return rank(self.who, _attempt_order, top)


def _known(status: str) -> str:
    """Return `status`, or empty text for one that is none of ours, so that a foreign CSV cannot bring many."""
    return status if re.fullmatch("OK|Skipped|Errno [0-9]{1,3}", status) else ""


def rank(counts: dict[K, int], order: Callable[[K], Any], top: int) -> list[tuple[K, int]]:
    """Return the `top` keys with the largest counts; equal counts in `order`, without sorting the whole dict."""
    largest = nlargest(top, counts.values())
    if not largest:
        return []
    least = largest[-1]
    sure = [(key, number) for key, number in counts.items() if number > least]
    ties = nsmallest(top - len(sure), (key for key, number in counts.items() if number == least), key=order)
    sure.sort(key=lambda pair: (-pair[1], order(pair[0])))
    return sure + [(key, least) for key in ties]


def _attempt_order(who: _Who) -> Any:
    user, ip, hostname = who
    return (user is None, user or "", ip is None, ip or "", hostname is None, hostname or "")
