"""The groups of a span's attempts, counted in a file: of more than memory should hold."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from maillogsentinel.detect.counts import ADDRESS, COUNTRY, NETWORK, ORGANISATION, USER, Counts, group_name
from maillogsentinel.detect.groups import EXAMPLES, FOCUSED, SERVERS, Details, Group
from maillogsentinel.store.spill import Spill

_WIDER = (ADDRESS, NETWORK, ORGANISATION, COUNTRY)
_USERS, _ADDRESSES, _AROUND, _SERVERS = 10, 20, 30, 40
"""Kinds of keys in a Spill, each with a level added: what stands with a group."""
_BAIT, _NAMES = 50, 51
_AROUND_MOST = 1000


class Spilled:
    """The same as `groups.Held` returns, of any number of attempts."""

    def __init__(self, temp_dir: str | None, bait: frozenset[str]) -> None:
        """Create the file below `temp_dir`. Raises StoreError, as the methods do."""
        self._spill = Spill(temp_dir)
        self._bait = bait
        self.focused = 0

    def close(self) -> None:
        """Give the file back."""
        self._spill.close()

    def take(self, counts: Counts) -> None:
        """Put what `counts` holds into the file, and let it begin again with nothing."""
        counts.fold()
        for level in _WIDER:
            subjects = counts.subjects(level)
            clients = list(zip(subjects, counts.clients.items(), strict=True))
            self._add(_USERS + level, ((subject, users) for subject, (_, users) in clients))
            self._add(_ADDRESSES + level, ((subject, {c[0]: sum(users.values())}) for subject, (c, users) in clients))
            around = ((s, dict.fromkeys(counts.around(level, [client]), 1)) for s, (client, _) in clients)
            self._add(_AROUND + level, around)
            if counts.servers:
                of = {client: subject for subject, (client, _) in clients}
                self._add(_SERVERS + level, ((of[client], {server: 1}) for client, _, server in counts.servers))
        self._add(_SERVERS + USER, ((user, {server: 1}) for _, user, server in counts.servers))
        bait = (
            (c[0], {name: users[name] for name in self._bait & users.keys()}) for c, users in counts.clients.items()
        )
        self._add(_BAIT, bait)
        names = ((group_name(ORGANISATION, c[2]), {c[3]: sum(users.values())}) for c, users in counts.clients.items())
        self._add(_NAMES, names)
        counts.clear()

    def _add(self, kind: int, parts: Iterator[tuple[str | None, Mapping[Any, int]]]) -> None:
        pairs: Counter[tuple[str, str, str]] = Counter()
        for first, seconds in parts:
            if first is not None:
                for second, number in seconds.items():
                    if second is not None:
                        pairs[first, second, ""] += number
        self._spill.add(kind, pairs)

    def complete(self) -> None:
        """Add what can only be told when everything was taken: the addresses that are after each user."""
        self.focused = self._spill.turn(_USERS + ADDRESS, _ADDRESSES + USER, FOCUSED)

    def largest(self, level: int, at_least: int, top: int) -> tuple[list[Group], int]:
        """See `Groups`."""
        found, number = self._spill.shared((_ADDRESSES if level == USER else _USERS) + level, top, at_least)
        return [Group(*group) for group in found], number

    def baits(self, users: frozenset[str], top: int) -> tuple[list[tuple[Group, tuple[str, ...]]], int]:
        """See `Groups`; `users` are those that were given at the beginning."""
        found, number = self._spill.shared(_BAIT, top, 1)
        return [(Group(*group), self._beside(_BAIT, group[0], EXAMPLES)) for group in found], number

    def details(self, level: int, subject: str) -> Details:
        """See `Groups`."""
        kind = (_ADDRESSES if level == USER else _USERS) + level
        name = self._beside(_NAMES, subject, 1) if level == ORGANISATION else ()
        return Details(
            self._spill.different(_ADDRESSES + level, subject),
            self._beside(kind, subject, EXAMPLES),
            tuple(sorted(self._beside(_SERVERS + level, subject, None))[:SERVERS]),
            frozenset(self._beside(_AROUND + level, subject, _AROUND_MOST)),
            name[0] if name else None,
        )

    def _beside(self, kind: int, first: str, top: int | None) -> tuple[str, ...]:
        return tuple(name for name, _ in self._spill.beside(kind, first, top))
