"""Lines that are missing: sessions with more refused AUTH commands than there are lines for; notices are read beside.

A refused AUTH command is no proof of a failed login: Postfix also refuses it where AUTH is not offered, where TLS comes
first, or for its syntax, and writes no line then. So a session without any line counts only where AUTH is known to be
offered: the same smtpd process, which serves one service alone, proved it by a failure before, or most other sessions
of the same kind have their lines.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from maillogsentinel.localtime import HOUR
from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse import session
from maillogsentinel.parse.session import Ended, Process
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block, line_at, lines
from maillogsentinel.sources.finder import Heard
from maillogsentinel.sources.loss import SESSION, Losses
from maillogsentinel.sources.notices import Notices
from maillogsentinel.sources.timeline import first_stamp, line_stamp

_WARM_UP = 2 * HOUR
"""No session is expected to last longer: by then, those that began before the first line that was read are over."""
_PROCESSES = 4096
_KINDS = 1024
_ENOUGH = 1000
"""Sessions of a kind after which older ones count half."""
_TAIL = 8192
"""Bytes before a block's end that may hold the reason for what the next block has: the two stand close together."""


class _State:
    """What is known of an smtpd process."""

    __slots__ = ("excused", "proof", "seen")

    def __init__(self, seen: int = 0, excused: int = 0, proof: int = 0) -> None:
        self.seen = seen
        """Failures of the session that is under way."""
        self.excused = excused
        """Its AUTH commands that were refused for another reason."""
        self.proof = proof
        """Bits: a session without (1) and with STARTTLS (2) had a failure, so AUTH is offered in such."""


class _Usual(NamedTuple):
    """What the end of a session that has all its lines changes."""

    process: Process
    state: _State
    counts: list[int]
    bit: int
    """As in `_State.proof`."""


class Witness:
    """Follows the sessions of one stream of lines."""

    def __init__(self, memory: dict[str, Any] | None = None) -> None:
        self._until = 0
        """UTC microseconds up to which sessions may end that began before the first line; 0: there was no line yet."""
        self._fresh: dict[Process, int] | None = {}
        """Processes whose session begins in what was read, and where in the block; None: all do."""
        self._processes: dict[Process, _State] = {}
        self._kinds: dict[tuple[str | None, str | None, bool], list[int]] = {}
        """Sessions with refused AUTH commands that had all their lines, and that had none, by server, service, TLS."""
        self._plain: dict[bytes, _Usual] = {}
        self._secured: dict[bytes, _Usual] = {}
        """By what names a process in lines of a common form: what its next session's end changes; those with TLS."""
        self._name_at = 0
        """Where in such a line it stands."""
        self._notices = Notices(memory)
        if memory:
            self._until = memory["until"]
            fresh = memory["fresh"]
            self._fresh = None if fresh is None else dict.fromkeys(((a, b, c) for a, b, c in fresh), -1)
            self._processes = {(a, b, c): _State(*state) for a, b, c, *state in memory["processes"]}
            self._kinds = {(a, b, c): counts for a, b, c, *counts in memory["kinds"]}

    def memory(self) -> dict[str, Any] | None:
        """Return what a later Witness of the same stream needs, as JSON has it; None for nothing."""
        if not self._until:
            return None
        return {
            "until": self._until,
            **self._notices.memory(),
            "fresh": None if self._fresh is None else list(self._fresh),
            "processes": [(*who, it.seen, it.excused, it.proof) for who, it in self._processes.items()],
            "kinds": [(*kind, *counts) for kind, counts in self._kinds.items()],
        }

    def interrupted(self) -> None:
        """Lines are missing before the next block: what the sessions under way have said is not known any more."""
        self._until = 0
        self._fresh = {}
        for state in self._processes.values():
            state.seen = state.excused = 0

    def read(self, block: Block, clock: Clock, losses: Losses, heard: Heard, counters: list[int]) -> None:
        """Add to `losses` what the block tells of.

        `heard` are its lines on logins, and `counters` the places of `session.COUNTER` in it, both in order.
        """
        begins = not self._until
        if self._fresh is not None:
            stamp = first_stamp(block, clock) or clock.reference
            self._until = self._until or stamp + _WARM_UP
            if stamp > self._until:
                self._fresh = None
            else:
                self._fresh = _begun(block, clock, self._fresh)
        self._sessions(block, clock, losses, heard, counters)
        self._notices.read(block, clock, losses, begins)

    def _sessions(self, block: Block, clock: Clock, losses: Losses, heard: Heard, counters: list[int]) -> None:
        data, _, begin = block
        find, back, few, get = data.find, data.rfind, session.FEW.get, self._processes.get
        plain, secured = self._plain, self._secured
        excuses = _Excuses(block, clock)
        ends = excuses.ends
        at, known = 0, len(heard)
        for hit in counters:
            refused = few(data[hit + 6 : hit + 10])
            if refused is None and data[hit + 7 : hit + 8] != b"/":  # auth=1: none was refused
                continue
            start = back(b"\n", begin, hit) + 1 or begin
            while at < known and heard[at][0] < start:
                _, times, failure = heard[at]
                state = type(failure) is Failure and get((failure.server, failure.service, failure.pid))
                if state:
                    state.seen += times
                else:
                    self._hear(heard[at], block, clock)
                at += 1
            # Most sessions are of processes known before, and have all their lines.
            mark = find(session.END, start, hit)
            if refused and mark >= 0:
                name = data[start + self._name_at : mark]
                usual = secured.get(name) if find(session.TLS, mark, hit) >= 0 else plain.get(name)
                if usual:
                    process, state, counts, bit = usual
                    if state.seen >= refused:
                        state.seen = state.excused = 0
                        state.proof |= bit
                        if counts[0] + counts[1] >= _ENOUGH:
                            counts[:] = _aged(counts)
                        counts[0] += 1
                        ends[process] = start
                        continue
                    found: Ended | None = Ended(process, refused, bit == 2, False)
                else:
                    found = self._ended(block, start, hit, clock)
            else:
                found = self._ended(block, start, hit, clock)
            missing = self._missing(found, start, excuses) if found else 0
            if missing:
                losses.add(line_stamp(line_at(block, start), clock), SESSION, 1, missing)
        for one in heard[at:]:
            self._hear(one, block, clock)
        for process in excuses.left():
            self._state(process).excused += 1

    def _ended(self, block: Block, start: int, hit: int, clock: Clock) -> Ended | None:
        """What the line from `start` says, and note how the next end of that process's sessions is recognized."""
        found = session.ended(block.data, start, hit, start + len(line_at(block, start)), clock)
        place = session.name(block.data, start, hit) if found else None
        if found and place:
            names = self._secured if found.tls else self._plain
            if len(names) >= _PROCESSES:
                names.clear()
            self._name_at = place[0] - start
            counts, state = self._counts(found.process, found.tls), self._state(found.process)
            names[block.data[slice(*place)]] = _Usual(found.process, state, counts, 1 + found.tls)
        return found

    def _counts(self, process: Process, tls: bool) -> list[int]:
        """The counts of the process's kind of sessions."""
        kind = process[0], process[1], tls
        counts = self._kinds.get(kind)
        if counts is None:
            if len(self._kinds) >= _KINDS:
                del self._kinds[next(iter(self._kinds))]
                self._forget_names()
            counts = self._kinds[kind] = [0, 0]
        return counts

    def _forget_names(self) -> None:
        self._plain.clear()
        self._secured.clear()

    def _hear(self, heard: tuple[int, int, Failure | Trouble | None], block: Block, clock: Clock) -> None:
        start, times, found = heard
        if type(found) is Failure:
            process: Process = found.server, found.service, found.pid
            state = self._processes.get(process) or self._state(process)
            state.seen += times
            return
        line = line_at(block, start)
        if found is None:
            gave_up = session.aborted(line, clock)
            if gave_up:
                self._state(gave_up).excused += 1
        else:
            parts = session.smtpd(line, clock)
            if parts:
                self._state(parts[0]).excused += 1

    def _state(self, process: Process) -> _State:
        state = self._processes.get(process)
        if state is None:
            if len(self._processes) >= _PROCESSES:
                del self._processes[next(iter(self._processes))]
                self._forget_names()
            state = self._processes[process] = _State()
        return state

    def _missing(self, found: Ended, start: int, excuses: "_Excuses") -> int:
        """How many lines the session that ends at `start` should have had beside those that were seen."""
        process, refused, tls, succeeded = found
        state = self._processes.get(process)
        counts = self._counts(process, tls)
        if counts[0] + counts[1] >= _ENOUGH:
            counts[:] = _aged(counts)
        bit = 1 + tls
        seen = excused = 0
        offered = counts[0] > 2 * counts[1]
        if state:
            seen, excused = state.seen, state.excused
            state.seen = state.excused = 0
            offered = offered or bool(state.proof & bit)
            if seen:
                state.proof |= bit
        missing = refused - seen
        if missing <= 0:
            counts[0] += 1
        elif missing > excused and (seen or not succeeded):
            if seen or offered or counts[0]:  # where AUTH is not offered, nobody asks why it was refused
                excused += excuses.count(process, start)
            missing -= excused
            if missing > 0 and (self._fresh is None or self._fresh.get(process, start) < start):
                counts[1] += not seen
                if seen or offered:
                    excuses.ends[process] = start
                    return missing
        excuses.ends[process] = start
        return 0


class _Excuses:
    """The lines of a block that say why AUTH was refused; looked for when somebody asks, since few blocks need them."""

    def __init__(self, block: Block, clock: Clock) -> None:
        self._block = block
        self._clock = clock
        self._places: dict[Process, list[int]] | None = None
        self.ends: dict[Process, int] = {}
        """Where each process's latest session ends, as far as the block has come."""

    def count(self, process: Process, start: int) -> int:
        """How many there are for the process between the end of its session before and `start`."""
        if self._places is None:
            self._places = {}
            for place, who in self._look(self._block.begin):
                self._places.setdefault(who, []).append(place)
        places = self._places.get(process)
        return bisect_left(places, start) - bisect_left(places, self.ends.get(process, 0)) if places else 0

    def left(self) -> Iterator[Process]:
        """The processes whose session does not end in the block, once for each such line near its end."""
        for place, process in self._look(max(self._block.begin, self._block.end - _TAIL)):
            if place >= self.ends.get(process, 0):
                yield process

    def _look(self, begin: int) -> Iterator[tuple[int, Process]]:
        for start, stop in lines(self._block, session.AUTH, begin, self._block.end):
            process = session.excuse(self._block.data[start:stop], self._clock)
            if process:
                yield start, process


def _aged(counts: list[int]) -> list[int]:
    """The counts of a kind of sessions, halved, so that what was long ago weighs less."""
    return [count // 2 for count in counts]


def _begun(block: Block, clock: Clock, before: dict[Process, int]) -> dict[Process, int]:
    """The processes of which a session's begin was seen, the latest ones, and where in the block it was the first."""
    fresh = dict.fromkeys(before, -1)
    for start, stop in lines(block, session.CONNECT, block.begin, block.end):
        process = session.begun(block.data[start:stop], clock)
        if process:
            fresh.setdefault(process, start)
    for process in list(fresh)[: max(0, len(fresh) - _PROCESSES)]:
        del fresh[process]
    return fresh
