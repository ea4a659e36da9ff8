"""What the failures of a span show when they are counted by who tried whom."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.counts import ADDRESS, COUNTRY, NETWORK, ORGANISATION, USER, Counts, Tried
from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.groups import Details, Group, Groups, Held
from maillogsentinel.detect.names import listed, shown
from maillogsentinel.detect.thresholds import Thresholds
from maillogsentinel.model import Row

if TYPE_CHECKING:
    from maillogsentinel.detect.spilled import Spilled

MOST = 100
"""Findings of one kind at most: an attacker may have any number of addresses."""
SHARE = 20
"""Of so many addresses that are after few users one must be after the same user."""
_BATCH = 4096
_KEYS = 50_000
_TEXT_LIMIT = 8_000_000
"""Different attempts, and characters in them, that memory may hold."""


T = TypeVar("T")


class Attempt(NamedTuple):
    """One failure's server, client and user; safe texts, None for what is not known."""

    server: str | None
    ip: str | None
    user: str | None
    country: str | None
    asn: str | None
    aso: str | None


class Patterns(NamedTuple):
    """What `patterns` found."""

    findings: list[Finding]
    """In the order of `finding.order`; of each kind at most `MOST`, the largest."""
    allowed: int
    """Attempts that the allow-lists took out; they are in no finding."""
    left_out: int = 0
    """Findings beyond `MOST` of a kind."""


def patterns(
    attempts: Iterable[tuple[Attempt | Tried, int]],
    limits: Thresholds,
    temp_dir: str | None = None,
    several_servers: bool = False,
    keys: int = _KEYS,
) -> Patterns:
    """Return what the attempts of one span (a day, or the last 24 hours) amount to, whatever their order.

    Each attempt (an `Attempt`, or a plain tuple of the same) comes with how often it was made, and may come again.
    `several_servers`: findings name the servers that saw them. Up to `keys` different attempts are counted in memory;
    then the counts go on in a private file below `temp_dir` (default: the system's). Raises StoreError when that fails.
    """
    return _patterns(attempts, Counts.add_counted, limits, temp_dir, several_servers, keys)


def patterns_of(
    rows: Iterable[Row], limits: Thresholds, temp_dir: str | None = None, several_servers: bool = False
) -> Patterns:
    """Return the same as `patterns` of a span's records, in the least time."""
    return _patterns(rows, _add_rows, limits, temp_dir, several_servers, _KEYS)


def _add_rows(counts: Counts, batch: list[Row]) -> None:
    servers, _, ips, users, _, _, countries, asns, asos = zip(*batch, strict=True)
    counts.add(zip(servers, ips, users, countries, asns, asos, strict=True))


def _patterns(
    items: Iterable[T],
    add: Callable[[Counts, list[T]], None],
    limits: Thresholds,
    temp_dir: str | None,
    several_servers: bool,
    keys: int,
) -> Patterns:
    counts = Counts(Allowed(limits), several_servers)
    items = iter(items)
    spilled: Spilled | None = None
    try:
        while batch := list(islice(items, min(_BATCH, keys))):
            add(counts, batch)
            if counts.full(keys, _TEXT_LIMIT):
                spilled = spilled or _spilled(temp_dir, limits)
                spilled.take(counts)
        if spilled is None:
            counts.fold()
            return _found(Held(counts), limits, counts.allowed)
        spilled.take(counts)
        spilled.complete()
        return _found(spilled, limits, counts.allowed)
    finally:
        if spilled is not None:
            spilled.close()


def _spilled(temp_dir: str | None, limits: Thresholds) -> "Spilled":
    from maillogsentinel.detect.spilled import Spilled

    return Spilled(temp_dir, limits.bait_users)


class _Detector(NamedTuple):
    """What a finding is called, whose groups it looks at, and how large one must be."""

    kind: str
    level: int
    at_least: int


def _found(groups: Groups, limits: Thresholds, allowed: int) -> Patterns:
    detectors = (
        # However busy the server: what strangers like best, each day many of them try.
        _Detector("distributed", USER, limits.user_addresses and max(limits.user_addresses, groups.focused // SHARE)),
        _Detector("spraying", ADDRESS, limits.address_users),
        _Detector("network", NETWORK, limits.network_users),
        _Detector("organisation", ORGANISATION, limits.organisation_users),
        _Detector("country", COUNTRY, limits.country_users),
    )
    findings: list[Finding] = []
    left_out = 0
    inside: list[tuple[int, frozenset[str]]] = []
    """Users of each finding that lies in wider groups, and these."""
    for detector in detectors:
        if not detector.at_least:
            continue
        largest, number = groups.largest(detector.level, detector.at_least, MOST)
        left_out += number - len(largest)
        narrower = tuple(inside)
        for group in largest:
            # One address that tries many users is one finding, not also one on its network and its country.
            if any(group.subject in around and users * 2 >= group.different for users, around in narrower):
                continue
            details = groups.details(detector.level, group.subject)
            inside.append((group.different, details.around))
            findings.append(_finding(detector, group, details, limits))
    baits, more = _baits(groups, limits)
    return Patterns(sorted([*findings, *baits], key=order), allowed, left_out + more)


def _finding(detector: _Detector, group: Group, details: Details, limits: Thresholds) -> Finding:
    subject, different, attempts = group
    users, addresses = (1, different) if detector.level == USER else (different, details.addresses)
    return Finding(
        detector.kind,
        "warning" if different >= detector.at_least * limits.warning_factor else "notice",
        subject,
        _sentence(detector.level, group, details),
        attempts,
        users,
        addresses,
        servers=details.servers,
        examples=details.examples,
    )


def _sentence(level: int, group: Group, details: Details) -> str:
    subject, different, attempts = group
    end = f", {_times(attempts)}{_at(details.servers)}"
    if level == USER:
        return (
            f"The user {shown(subject)} was tried from {different} {_addresses(different)} that tried hardly anybody"
            f" else{end}."
        )
    if level == ADDRESS:
        return f"The address {subject} tried {different} different {_users(different)}{end}."
    place = f"in {subject}" if level == COUNTRY else f"of {subject}"
    if level == ORGANISATION and details.name:
        place += f" ({details.name[:64]})"
    number = details.addresses
    return f"{number} {_addresses(number)} {place} tried {different} different {_users(different)}{end}."


def _baits(groups: Groups, limits: Thresholds) -> tuple[list[Finding], int]:
    if not limits.bait_users:
        return [], 0
    largest, number = groups.baits(limits.bait_users, MOST)
    findings = []
    for (ip, users, attempts), names in largest:
        servers = groups.details(ADDRESS, ip).servers
        more = f" and {users - len(names)} more" if users > len(names) else ""
        who = ", ".join(map(shown, names)) + more if more else listed(tuple(map(shown, names)))
        sentence = f"The address {ip} tried the bait {who}, {_times(attempts)}{_at(servers)}."
        findings.append(Finding("bait", "notice", ip, sentence, attempts, users, 1, servers=servers, examples=names))
    return findings, number - len(largest)


def _at(servers: tuple[str, ...]) -> str:
    return f", at {listed(servers)}" if servers else ""


def _addresses(number: int) -> str:
    return "address" if number == 1 else "addresses"


def _users(number: int) -> str:
    return "user" if number == 1 else "users"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times in all"
