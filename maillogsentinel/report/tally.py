"""The numbers of a report, counted exactly, in memory that does not grow with the number of different names.

Names are an attacker's to invent, so a dict of them may grow without end. Up to a limit the counts stay in a dict; then
they move to a temporary SQLite file, which does the same sums slower.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest, nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from maillogsentinel.model import Row
from maillogsentinel.report import fleet as by_server
from maillogsentinel.report.fleet import Fleet

if TYPE_CHECKING:
    from maillogsentinel.store.spill import Spill

TOP = 10
"""How many lines a list of the most frequent has."""

_BATCH = 4096
_TEXT_LIMIT = 8_000_000
"""Characters that the dicts may hold: names of 2,000 bytes must not make full dicts 40 times larger than usual."""

K = TypeVar("K")
_Who = tuple[str | None, str | None, str | None]


class Attempt(NamedTuple):
    """Who tried from where; None is unknown."""

    user: str | None
    ip: str | None
    hostname: str | None


class Top(NamedTuple):
    """The most frequent values of one column, and how many records and values there are beside them."""

    ranked: list[tuple[str, int]]
    """At most `TOP` known values with their counts: most frequent first, then in the order of their UTF-8 bytes."""
    unknown: int
    """Records whose value is None."""
    distinct: int
    """Different known values in all."""


class Tally(NamedTuple):
    """Every number of a report; all are exact."""

    total: int
    attempts: list[tuple[Attempt, int]]
    """At most `TOP`, ordered as in `Top`, by user, address, host name; None after every known value."""
    users: Top
    addresses: Top
    countries: Top
    asos: Top
    asns: Top
    dns_failed: dict[int, int]
    """Records by h_errno, ascending; 0 stands for a status that is none of ours (a foreign CSV)."""
    dns_skipped: int
    """Records whose name was not asked for."""
    fleet: Fleet | None = None
    """What several servers have in common; None unless it was asked for."""


def tally(
    rows: Iterable[Row], temp_dir: str | None = None, limit: int = 50_000, several_servers: bool = False
) -> Tally:
    """Return the exact numbers of `rows`; `several_servers`: also those of each server.

    Up to `limit` different keys are counted in memory. Then the counts go on in a private file below `temp_dir`
    (default: the system's), which has no name any more while it is in use. Raises StoreError when that fails.
    """
    counts = _Counts(by_server.Counts() if several_servers else None)
    statuses: Counter[str] = Counter()
    rows = iter(rows)
    spill = None
    try:
        while batch := list(islice(rows, min(_BATCH, limit))):
            counts.add(batch, statuses)
            if counts.full(limit):
                if spill is None:
                    from maillogsentinel.store.spill import Spill

                    spill = Spill(temp_dir)
                counts.move_to(spill)
        if spill is None:
            found = _finish(statuses, counts.attempts(), *map(_top, counts.lists))
            return found._replace(fleet=counts.fleet.finish(TOP) if counts.fleet else None)
        counts.move_to(spill)
        attempts = [(Attempt(*values), number) for values, number in spill.ranked(_ATTEMPTS, TOP)]
        found = _finish(statuses, attempts, *(_spilled_top(spill, kind) for kind in _LISTS))
        return found._replace(fleet=by_server.spilled(spill, TOP) if counts.fleet else None)
    finally:
        if spill is not None:
            spill.close()


_ATTEMPTS = 0
_LISTS = (1, 2, 3, 4, 5)
"""Kinds of keys in a Spill; the lists in the order of Tally's fields."""


class _Counts:
    """What fits into memory. Whole columns are counted at once, which Counter does at the speed of C."""

    def __init__(self, counts: by_server.Counts | None) -> None:
        self.fleet = counts
        self.who: Counter[_Who] = Counter()
        self.lists: tuple[Counter[str | None], ...] = tuple(Counter() for _ in _LISTS)
        self.size = 0
        """Characters in the keys of `who`; users and addresses are parts of them, the rest comes from our databases."""

    def keys(self) -> int:
        return len(self.who) + sum(map(len, self.lists)) + (self.fleet.keys() if self.fleet else 0)

    def full(self, limit: int) -> bool:
        """Whether there are more keys or characters than memory should hold."""
        return self.keys() > limit or self.size + (self.fleet.size if self.fleet else 0) > _TEXT_LIMIT

    def add(self, batch: list[Row], statuses: Counter[str]) -> None:
        servers, _, ips, users, hostnames, outcomes, countries, asns, asos = zip(*batch, strict=True)
        before = len(self.who)
        self.who.update(zip(users, ips, hostnames, strict=True))
        for counter, column in zip(self.lists, (users, ips, countries, asos, asns), strict=True):
            counter.update(column)
        if self.fleet:
            self.fleet.add(servers, ips, users)
        # A dict keeps the order of insertion: the new keys are its last ones.
        for key in islice(reversed(self.who), len(self.who) - before):
            self.size += sum(map(len, filter(None, key)))
        for outcome, number in Counter(outcomes).items():
            statuses[_known(outcome)] += number

    def move_to(self, spill: "Spill") -> None:
        spill.add(_ATTEMPTS, self.who)
        for kind, counter in zip(_LISTS, self.lists, strict=True):
            spill.add(kind, {(value, "", ""): number for value, number in counter.items()})
            counter.clear()
        self.who.clear()
        self.size = 0
        if self.fleet:
            self.fleet.move_to(spill)

    def attempts(self) -> list[tuple[Attempt, int]]:
        return [(Attempt(*who), number) for who, number in _rank(self.who, _attempt_order)]


def _known(status: str) -> str:
    """Return `status`, or empty text for one that is none of ours, so that a foreign CSV cannot bring many."""
    return status if re.fullmatch("OK|Skipped|Errno [0-9]{1,3}", status) else ""


def _finish(statuses: Counter[str], attempts: list[tuple[Attempt, int]], *lists: Top) -> Tally:
    users, addresses, countries, asos, asns = lists
    failed: Counter[int] = Counter()
    for status, number in statuses.items():
        if status not in ("OK", "Skipped"):
            failed[int(status[6:] or 0)] += number
    total = sum(statuses.values())
    skipped = statuses["Skipped"]
    return Tally(total, attempts, users, addresses, countries, asos, asns, dict(sorted(failed.items())), skipped)


def _rank(counts: dict[K, int], order: Callable[[K], Any]) -> list[tuple[K, int]]:
    """Return the `TOP` keys with the largest counts; equal counts in `order`, without sorting the whole dict."""
    largest = nlargest(TOP, counts.values())
    if not largest:
        return []
    least = largest[-1]
    sure = [(key, number) for key, number in counts.items() if number > least]
    ties = nsmallest(TOP - len(sure), (key for key, number in counts.items() if number == least), key=order)
    sure.sort(key=lambda pair: (-pair[1], order(pair[0])))
    return sure + [(key, least) for key in ties]


def _attempt_order(who: _Who) -> Any:
    user, ip, hostname = who
    return (user is None, user or "", ip is None, ip or "", hostname is None, hostname or "")


def _top(counts: Counter[str | None]) -> Top:
    unknown = counts.pop(None, 0)
    # The order of code points, which is Python's, is that of UTF-8 bytes.
    ranked = _rank(counts, lambda value: value)
    return Top(ranked, unknown, len(counts))  # type: ignore[arg-type]  # None has been popped


def _spilled_top(spill: "Spill", kind: int) -> Top:
    unknown, distinct = spill.unknown_and_distinct(kind)
    ranked = [(values[0] or "", number) for values, number in spill.ranked(kind, TOP, known=True)]
    return Top(ranked, unknown, distinct)
