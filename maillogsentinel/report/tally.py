"""The numbers of a report, counted exactly, in memory that does not grow with the number of different names.

Names are an attacker's to invent, so a dict of them may grow without end. Up to a limit the counts stay in a dict; then
they move to a temporary SQLite file, which does the same sums slower.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from maillogsentinel.model import Row
from maillogsentinel.report import fleet as by_server
from maillogsentinel.report.counts import ATTEMPTS, LISTS, NETWORKS, Counts, rank
from maillogsentinel.report.fleet import Fleet

if TYPE_CHECKING:
    from maillogsentinel.store.spill import Spill

TOP = 10
"""How many lines a list of the most frequent has."""

_BATCH = 4096


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
    networks: Top = Top([], 0, 0)
    """The first 24 bits of an IPv4 address, the first 48 of an IPv6 address; only where `chosen` was given."""
    chosen: dict[str, list[tuple[str, int]]] = {}  # noqa: RUF012  # nobody writes to it
    """Of users, addresses, networks, countries and asns at most `TOP` that were chosen, as in `Top.ranked`."""
    organisations: dict[str, str] = {}  # noqa: RUF012
    """The name of each AS number in `asns` and `chosen`, where it is known; only where `chosen` was given."""


def tally(
    rows: Iterable[Row], temp_dir: str | None = None, limit: int = 50_000, several_servers: bool = False
) -> Tally:
    """Return the exact numbers of `rows`; see `Tallying`. Raises StoreError."""
    with Tallying(temp_dir, limit, several_servers) as counting:
        for batch in counting.batches(rows):
            counting.add(batch)
        return counting.finish()


Chosen = Callable[[str, str], bool]
"""Whether a value of a list (``users``, ``networks`` ...) is to be listed apart."""


class Tallying:
    """Counts records as they come, for who reads them for something else as well. Its methods raise StoreError.

    Up to `limit` different keys are counted in memory. Then the counts go on in a private file below `temp_dir`
    (default: the system's), which has no name any more while it is in use. `several_servers`: the numbers of each
    server as well. `chosen`: networks as well, and which values to list apart.
    """

    def __init__(
        self,
        temp_dir: str | None = None,
        limit: int = 50_000,
        several_servers: bool = False,
        chosen: Chosen | None = None,
    ) -> None:
        self._counts = Counts(by_server.Counts() if several_servers else None, chosen is not None)
        self._statuses: Counter[str] = Counter()
        self._temp_dir, self._limit, self._chosen = temp_dir, limit, chosen
        self._spill: Spill | None = None

    def __enter__(self) -> "Tallying":
        return self

    def __exit__(self, *_: object) -> None:
        if self._spill is not None:
            self._spill.close()

    def batches(self, rows: Iterable[Row]) -> Iterator[list[Row]]:
        """Yield `rows` in lists of the length that suits."""
        rows = iter(rows)
        while batch := list(islice(rows, min(_BATCH, self._limit))):
            yield batch

    def add(self, batch: list[Row]) -> None:
        """Count records."""
        self._counts.add(batch, self._statuses)
        if self._counts.full(self._limit):
            self._move()

    def _move(self) -> "Spill":
        if self._spill is None:
            from maillogsentinel.store.spill import Spill

            self._spill = Spill(self._temp_dir)
        self._counts.move_to(self._spill)
        return self._spill

    def finish(self) -> Tally:
        """Return the exact numbers of what was counted."""
        counts, chosen = self._counts, self._chosen
        if self._spill is None:
            networks = counts.networks() if chosen else Counter()  # before the tops take the unknown out
            found = _finish(
                self._statuses,
                [(Attempt(*who), number) for who, number in counts.attempts(TOP)],
                *map(_top, counts.lists),
            )
            found = found._replace(fleet=counts.fleet.finish(TOP) if counts.fleet else None)
            if chosen:
                known = zip(LISTED, counts.listed(networks), strict=True)
                apart = {name: rank(_of(counter, name, chosen), str, TOP) for name, counter in known}
                found = found._replace(networks=_top(networks), chosen=apart)
        else:
            spill = self._move()
            attempts = [(Attempt(*values), number) for values, number in spill.ranked(ATTEMPTS, TOP)]
            found = _finish(self._statuses, attempts, *(_spilled_top(spill, kind) for kind in LISTS))
            found = found._replace(fleet=by_server.spilled(spill, TOP) if counts.fleet else None)
            if chosen:
                apart = {name: _spilled_chosen(spill, name, chosen) for name in LISTED}
                found = found._replace(networks=_spilled_top(spill, NETWORKS), chosen=apart)
        numbers = [*found.asns.ranked, *found.chosen.get("asns", ())]
        return found._replace(organisations={asn: counts.names[asn] for asn, _ in numbers if asn in counts.names})


LISTED = ("users", "addresses", "networks", "countries", "asns")
"""The lists from which values may be chosen."""
_KINDS = {"users": 1, "addresses": 2, "networks": NETWORKS, "countries": 3, "asns": 5}
_LOOKED_AT = 2_000
"""Values of a list in a file, the most frequent, among which those chosen are looked for."""


def _finish(statuses: Counter[str], attempts: list[tuple[Attempt, int]], *lists: Top) -> Tally:
    users, addresses, countries, asos, asns = lists
    failed: Counter[int] = Counter()
    for status, number in statuses.items():
        if status not in ("OK", "Skipped"):
            failed[int(status[6:] or 0)] += number
    total = sum(statuses.values())
    skipped = statuses["Skipped"]
    return Tally(total, attempts, users, addresses, countries, asos, asns, dict(sorted(failed.items())), skipped)


def _top(counts: Counter[str | None]) -> Top:
    unknown = counts.pop(None, 0)
    # The order of code points, which is Python's, is that of UTF-8 bytes.
    ranked = rank(counts, lambda value: value, TOP)
    return Top(ranked, unknown, len(counts))  # type: ignore[arg-type]  # None has been popped


def _of(counter: Counter[str | None], name: str, chosen: Chosen) -> dict[str, int]:
    return {value: number for value, number in counter.items() if value is not None and chosen(name, value)}


def _spilled_chosen(spill: "Spill", name: str, chosen: Chosen) -> list[tuple[str, int]]:
    ranked = [(values[0] or "", number) for values, number in spill.ranked(_KINDS[name], _LOOKED_AT, known=True)]
    return [(value, number) for value, number in ranked if chosen(name, value)][:TOP]


def _spilled_top(spill: "Spill", kind: int) -> Top:
    unknown, distinct = spill.unknown_and_distinct(kind)
    ranked = [(values[0] or "", number) for values, number in spill.ranked(kind, TOP, known=True)]
    return Top(ranked, unknown, distinct)
