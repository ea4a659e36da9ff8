"""The user of a failure that Postfix did not name, taken from Dovecot's and saslauthd's lines in the same blocks."""

from bisect import bisect_left
from typing import Any, NamedTuple

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse.companion import AUTH, Companion
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.block import places as all_places
from maillogsentinel.sources.companions import companion, nameable, read_companions
from maillogsentinel.sources.matching import LATE, Answer, Matcher

TEMPORARY = "Dovecot could not check the password"
"""The kind of trouble that Dovecot's temporary failures are."""

_ERROR = b"Error"
_ERROR_WITHIN = 256
"""Bytes behind `AUTH` in which it stands: Dovecot cuts the user name, which may be between them, at 64 characters."""
_TAIL = 16_384
"""Bytes before a block in which its first failures may have their companions, at least."""
_new = tuple.__new__  # half the time of calling the class


def told(failure: Failure, answer: Answer) -> Failure | Trouble:
    """Return what a failure is by its companions' answer: named, unchanged, or the server's trouble."""
    if answer.temporary:
        return Trouble(failure.stamp, failure.server, TEMPORARY)
    if failure.user is None and answer.user is not None:
        return _new(Failure, (*failure[:3], answer.user, *failure[4:]))
    return failure


class Naming:
    """Names the failures of one stream of lines as its blocks are read, and finds those that are Dovecot's trouble.

    Most hosts' Postfix names every user: then only a search for temporary failures is made, and of the rest nothing is
    read unless a failure without a name comes soon behind it.
    """

    def __init__(self, memory: dict[str, Any] | None = None) -> None:
        """`memory` is what an earlier one's `memory` returned."""
        self._matcher = Matcher()
        if memory:
            try:
                self._matcher.load(memory)
            except (TypeError, KeyError, ValueError, AttributeError):  # another version's
                self._matcher.clear()
        self._failures: list[Failure] = []
        self._troubles: list[Trouble] = []
        self._removed: list[int] = []
        self._newest = 0
        self._unread: list[_Unread] = []
        self._skipped = False
        """Whether lines before those unread were not read either."""

    def memory(self) -> dict[str, Any]:
        """Return what waits, as JSON takes it; empty for nothing."""
        self._catch_up()
        return self._matcher.dump(self._newest)

    def interrupted(self) -> None:
        """Lines are missing: what waits stays without its counterpart."""
        self._matcher.clear()
        self._unread = []
        self._skipped = False

    def read(
        self,
        block: Block,
        clock: Clock,
        failures: list[Failure],
        troubles: list[Trouble],
        first: int,
        starts: list[int],
        places: list[int],
        companions: list[tuple[int, Companion]] | None = None,
    ) -> None:
        """Name what the block's companions name in ``failures[first:]``, whose lines begin at `starts`.

        Both lists are the batch's: those found to be trouble move from the one to the other. Earlier failures of the
        same list may get a name as well. `places` are those of `AUTH` in the block, in order; not needed of the
        journal's JSON. `companions` are the block's, where they have been read already.
        """
        matcher = self._matcher
        if failures is not self._failures:
            self._failures = failures
            for entry in matcher.unanswered():
                entry.index = -1
        self._troubles = troubles
        fresh = failures[first:]
        whole = matcher.asks or any(failure.user is None and nameable(failure) for failure in fresh)
        whole = whole or bool(fresh and matcher.doubts(fresh[0].stamp))
        if not whole and not _has_temporary(block, clock, places):
            self._put_off(block, clock, fresh, starts)
            return
        self._catch_up()
        heard = companions if companions is not None else read_companions(block, clock, places)
        if heard or not matcher.idle or matcher.unanswered():
            self._match(heard, first, starts)
        else:
            self._expect_last(first)
        self._settle(heard, fresh)

    def _settle(self, heard: list[tuple[int, Companion]], failures: list[Failure]) -> None:
        if heard or failures:
            self._newest = max(heard[-1][1].stamp if heard else 0, failures[-1].stamp if failures else 0)
            self._matcher.settle(self._newest)

    def _put_off(self, block: Block, clock: Clock, fresh: list[Failure], starts: list[int]) -> None:
        """Keep the block's end, and the failures in it, for a failure without a name that the next block may have."""
        data, end, begin = block
        if end - begin > _TAIL:
            begin = data.find(b"\n", end - _TAIL, end) + 1 or end
            self._unread = []
            self._skipped = True
        number = bisect_left(starts, begin)
        starts = [start - begin for start in starts[number:]]
        self._unread.append(_Unread(data[begin:end], clock, fresh[number:], starts))
        while len(self._unread) > 1 and sum(len(part.data) for part in self._unread[1:]) >= _TAIL:
            del self._unread[0]
            self._skipped = True

    def _catch_up(self) -> None:
        """Match what was put off, as if it had been read then; its failures have their names."""
        if self._skipped:
            self._matcher.clear()
            self._skipped = False
        for data, clock, failures, starts in self._unread:
            part = Block(data, len(data))
            heard = read_companions(part, clock, all_places(part, AUTH))
            at = 0
            for offset, said in heard:
                while at < len(failures) and starts[at] < offset:
                    self._pass(failures[at])
                    at += 1
                self._matcher.hear(said)
            for failure in failures[at:]:
                self._pass(failure)
            self._settle(heard, failures)
        self._unread = []

    def _pass(self, failure: Failure) -> None:
        if failure.user is not None and not self._matcher.ask(failure) and failure.repeat == 1:
            self._matcher.expect(failure, -1)

    def _match(self, heard: list[tuple[int, Companion]], first: int, starts: list[int]) -> None:
        failures = self._failures
        index, count = first, len(failures)
        for offset, said in heard:
            while index < count and starts[index - first] < offset:
                self._failure(index)
                index += 1
            late = self._matcher.hear(said)
            if late:
                entry, answer = late
                if 0 <= entry.index < count and failures[entry.index] is entry.failure:
                    self._apply(entry.index, answer)
        for rest in range(index, count):
            self._failure(rest)
        if self._removed:
            self._remove()

    def _failure(self, index: int) -> None:
        failure = self._failures[index]
        if failure.user is None and not nameable(failure):
            return
        answer = self._matcher.ask(failure)
        if answer is not None:
            self._apply(index, answer)
        elif failure.repeat == 1:
            self._matcher.expect(failure, index)

    def _expect_last(self, first: int) -> None:
        """The block names nobody; but the line on one of its last failures may begin the next block."""
        failures = self._failures
        for index in range(len(failures) - 1, first - 1, -1):
            if abs(failures[-1].stamp - failures[index].stamp) > LATE:
                return
            if (failures[index].user is not None or nameable(failures[index])) and failures[index].repeat == 1:
                self._matcher.expect(failures[index], index)

    def _apply(self, index: int, answer: Answer) -> None:
        found = told(self._failures[index], answer)
        if isinstance(found, Trouble):
            self._troubles.append(found)
            self._removed.append(index)
        else:
            self._failures[index] = found

    def _remove(self) -> None:
        """Take out the failures that were found to be trouble."""
        gone = set(self._removed)
        self._failures[:] = [failure for index, failure in enumerate(self._failures) if index not in gone]
        for entry in self._matcher.unanswered():
            entry.index -= sum(index < entry.index for index in gone)
        self._removed = []


class _Unread(NamedTuple):
    """The end of a block whose companions nobody has asked for, and its failures there."""

    data: bytes
    clock: Clock
    failures: list[Failure]
    starts: list[int]


def _has_temporary(block: Block, clock: Clock, places: list[int]) -> bool:
    """Whether a companion tells of a temporary failure; `places` are those of `AUTH` in the block."""
    data, end, begin = block
    if data[begin : begin + 1] == b"{":
        return any(said.temporary for _, said in read_companions(block, clock, places))
    find = data.find
    for hit in places:
        if find(_ERROR, hit, hit + _ERROR_WITHIN) >= 0:
            stop = find(b"\n", hit, end)
            said = companion(data[data.rfind(b"\n", begin, hit) + 1 or begin : end if stop < 0 else stop], clock)
            if said and said.temporary:
                return True
    return False
