"""The successful logins of a batch, counted by user and network."""

from maillogsentinel.parse import login as parse
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.block import places as all_places
from maillogsentinel.sources.timeline import line_stamp

_PENDING = 4096
_HEAD = 64
_NEAR = 300
"""Bytes before `login.WORD` in which a Dovecot's user may begin."""


_Pending = tuple[int, bytes | int, bytes | int]


class Seen:
    """One user's logins from one network; times in UTC microseconds."""

    __slots__ = ("count", "first", "ip", "last")

    def __init__(self, ip: str, first: int) -> None:
        self.ip = ip
        """The address of the latest one."""
        self.first = self.last = first
        self.count = 0


class Logins:
    """Who logged in from where. A login like an earlier one costs no more than to find it and to count it."""

    def __init__(self) -> None:
        self.since = 0
        """Logins before this moment (UTC microseconds) are not taken."""
        self._seen: dict[tuple[str, str], Seen] = {}
        self._pending: dict[bytes, _Pending] = {}
        """By essence: how often, and the first and the latest line's stamp, or what holds it and is read later."""
        self._clock: Clock | None = None

    def read(self, block: Block, clock: Clock, places: list[int]) -> int:
        """Take the block's successful logins, and return how many bytes of text made this grow.

        `places` are those of `login.WORD` in the block, in order; not needed of the journal's JSON.
        """
        data, end, begin = block
        is_json = data[begin : begin + 1] == b"{"
        if is_json:
            places = all_places(block, parse.WORD)
        find, back, essence = data.find, data.rfind, parse.essence
        if clock is not self._clock:
            self._settle()
            self._clock = clock
        pending, known = self._pending, self._pending.get
        quick = not self.since and not is_json
        grown = 0
        stop = begin - 1
        for hit in places:
            if hit < stop:
                continue  # a second one in the same line
            if data[hit - 8 : hit] != b"sasl_met" and back(b"in: user=<", max(begin, hit - _NEAR), hit) < 0:
                continue  # most are Dovecot's lines on failed logins
            start = back(b"\n", begin, hit) + 1 or begin
            stop = find(b"\n", hit, end)
            if stop < 0:
                stop = end
            raw = essence(data, start, hit, stop, clock)
            entry = known(raw) if raw and quick else None
            if raw and entry:
                pending[raw] = (entry[0] + 1, entry[1], data[start : start + _HEAD])
            elif raw:
                grown += self._take(raw, data, start, stop, clock)
        return grown

    def _take(self, raw: bytes, data: bytes, start: int, stop: int, clock: Clock) -> int:
        head: bytes | int = data[start : start + _HEAD]
        if self.since or data[start] == 123:  # {: JSON has its stamp anywhere
            head = line_stamp(data[start:stop], clock) or clock.reference
            if head < self.since:
                return 0
        entry = self._pending.get(raw)
        if entry:
            self._pending[raw] = (entry[0] + 1, entry[1], head)
            return 0
        if len(self._pending) >= _PENDING:
            self._settle()
        self._pending[raw] = (1, head, head)
        return len(raw)

    def seen(self) -> dict[tuple[str, str], Seen]:
        """Return what was found by user and network."""
        self._settle()
        return self._seen

    def _settle(self) -> None:
        clock = self._clock
        if clock is None:
            return
        for raw, (count, begin, end) in self._pending.items():
            found = parse.login(raw)
            if found is None:
                continue
            last = _stamp(end, clock)
            first = last if begin is end else _stamp(begin, clock)
            key = found.user, found.network
            seen = self._seen.get(key)
            if seen is None:
                seen = self._seen[key] = Seen(found.ip, first)
            seen.count += count
            seen.first = min(seen.first, first, last)
            if last >= seen.last:
                seen.last, seen.ip = last, found.ip
        self._pending.clear()


def _stamp(head: bytes | int, clock: Clock) -> int:
    return head if isinstance(head, int) else line_stamp(head, clock) or clock.reference
