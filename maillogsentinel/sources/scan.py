"""From blocks of lines to failures: looks only at lines that can matter, and at the line behind each failure."""

import json
from typing import Any

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse import repeats
from maillogsentinel.parse.login import WORD as METHOD
from maillogsentinel.parse.postfix import ABORTED, JOURNAL, LOOK_BACK, NEEDLES, as_trouble, read
from maillogsentinel.parse.session import COUNTER
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.logins import Logins
from maillogsentinel.sources.loss import Losses
from maillogsentinel.sources.naming import AUTH_ENDS, BEGINNINGS, Naming
from maillogsentinel.sources.segment import Block
from maillogsentinel.sources.witness import Heard, Witness

_REPEATED = b"ast message "
_HEADER = 600
"""Bytes from a line's start within which a repeated-message line says so."""


_LINE_BEGIN = 3
_LINE_END = 8
"""Bytes at a line's begin and end in which nothing stands that is looked for."""


class Batch:
    """What was found since the last commit."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.troubles: list[Trouble] = []
        self.losses = Losses()
        self.logins = Logins()

    def take_since(self, since: int) -> None:
        """Take no losses and no logins from before `since` (UTC microseconds; 0: take all) from now on."""
        self.losses.since = self.logins.since = since

    def drop_older(self, failures: int, troubles: int, since: int) -> None:
        """Drop what is older than `since` (UTC microseconds) behind the first so many failures and troubles."""
        self.failures[failures:] = [found for found in self.failures[failures:] if found.stamp >= since]
        self.troubles[troubles:] = [found for found in self.troubles[troubles:] if found.stamp >= since]


class Scanner:
    """Reads the blocks of one stream of lines, which may run on through several files."""

    def __init__(self, adjacent: Failure | None, memory: str = "", logins: bool = True) -> None:
        """`logins`: look for successful logins, too."""
        kept = _unpacked(memory)
        self._witness = Witness(kept.get("witness"))
        self._naming = Naming(kept.get("naming"))
        self._logins = logins
        self._heard: Heard = []
        self._counters: list[int] = []
        self._methods: list[int] = []
        self._auths: list[int] = []
        self.adjacent = adjacent
        """The failure that the last line read was, else None: a repeated-message line right behind it repeats it."""
        self.lines_bytes = 0
        """Bytes of the lines that were failures, and of what else a batch holds in memory."""
        self.warnings: list[str] = []
        self._end = b""

    def memory(self) -> str:
        """Return what a later Scanner of the same stream needs beside `adjacent`; empty for nothing."""
        parts = {"witness": self._witness.memory(), "naming": self._naming.memory()}
        parts = {name: part for name, part in parts.items() if part}
        return json.dumps(parts, separators=(",", ":")) if parts else ""

    def interrupted(self) -> None:
        """Lines are missing before the next block: nothing in it refers to what was read so far."""
        self.adjacent = None
        self._witness.interrupted()
        self._naming.interrupted()

    def scan(self, block: Block, clock: Clock, batch: Batch) -> None:
        """Add what the block says to `batch`, in the order of the lines."""
        first = len(batch.failures)
        starts: list[int] = []  # where the lines of the failures begin
        self._auths = []
        self._failures(block, clock, batch.failures, batch.troubles, starts)
        self._witness.read(block, clock, batch.losses, self._heard, self._counters)
        if self._logins:
            self.lines_bytes += batch.logins.read(block, clock, self._methods)
        self._heard, self._counters, self._methods = [], [], []
        self._naming.read(block, clock, batch.failures, batch.troubles, first, starts, self._auths)

    def _failures(
        self, block: Block, clock: Clock, failures: list[Failure], troubles: list[Trouble], starts: list[int]
    ) -> None:
        """Append the block's failures and troubles; a failure's ``repeat`` is the number of records."""
        data, end, begin = block
        search, back, begins = data.find, data.rfind, data.startswith
        heard = self._heard.append
        at = begin
        behind = begin if self.adjacent is not None else -1  # where the line behind a failure begins
        for hit in self._places(block):
            if hit < at:
                continue  # a second one in the same line
            start = back(b"\n", at, hit) + 1 or at
            if 0 <= behind < start:
                if search(_REPEATED, behind, behind + _HEADER) >= 0:
                    self._repeated(data, behind, start, end, clock, failures, starts)
                else:
                    self.adjacent = None
            stop = search(b"\n", hit, end)
            stop = end if stop < 0 else stop
            found = read(data[start:stop], clock)
            at = stop + 1
            behind = -1
            if type(found) is Failure and found.user is None:
                found = as_trouble(found, self._before(data, start)) or found
            if type(found) is Failure:
                heard((start, found.repeat, found))
                if found.repeat != 1:
                    count, warning = repeats.records(found, self.adjacent is not None)
                    self._warn(warning)
                    found = found._replace(repeat=count)
                self.lines_bytes += stop - start
                self.adjacent = found
                behind = at
                failures.append(found)
                starts.append(start)
            else:
                self.adjacent = None
                if type(found) is Trouble:
                    heard((start, 1, found))
                    troubles.append(found)
                elif begins(ABORTED, hit):
                    heard((start, 1, None))
        if 0 <= behind < end:
            self._repeated(data, behind, end, end, clock, failures, starts)
        self._end = data[max(0, end - LOOK_BACK) : end]

    def _places(self, block: Block) -> list[int]:
        """Return where the lines that may be failures have what gives them away, in order; note the others' places.

        Looking for two letters that all have in common takes little more than looking for one of the words.
        """
        data, end, begin = block
        if data[begin : begin + 1] == b"{":
            return self._places_json(block)
        search, begins = data.find, data.startswith
        found: list[int] = []
        counters, methods, auths = self._counters.append, self._methods.append, self._auths.append
        end -= _LINE_END
        hit = search(b"th", begin + _LINE_BEGIN, end)
        while hit >= 0:
            letter = data[hit + 2]
            if letter == 111:  # o, as in method=
                if begins(METHOD, hit + 1):
                    methods(hit + 1)
            elif data[hit - 1] != 117:  # u, as in all others
                pass
            elif letter == 61:  # =, as in auth=
                if data[hit - 3] == 32:
                    counters(hit - 3)
            elif letter == 101:  # e, as in authentication
                if begins(NEEDLES, hit - 3):
                    found.append(hit - 3)
            elif letter in AUTH_ENDS and begins(BEGINNINGS, hit - 2):  # as Dovecot's lines have it
                auths(hit - 2)
            hit = search(b"th", hit + 2, end)
        return found

    def _places_json(self, block: Block) -> list[int]:
        """The same for lines of the journal's JSON, save those on logins."""
        found: list[int] = []
        for match in JOURNAL.finditer(block.data, block.begin, block.end):
            (self._counters if match.group() == COUNTER else found).append(match.start())
        return found

    def _repeated(
        self,
        data: bytes,
        behind: int,
        start: int,
        end: int,
        clock: Clock,
        failures: list[Failure],
        starts: list[int],
    ) -> None:
        """Take the repeated-message lines that begin at `behind`, right after a failure, and end before `start`."""
        while behind < start and self.adjacent is not None:
            again = None
            if data.find(_REPEATED, behind, min(behind + _HEADER, end)) >= 0:
                stop = data.find(b"\n", behind, end)
                stop = end if stop < 0 else stop
                again = repeats.last_message(data[behind:stop], self.adjacent, clock)
            if again is None:
                self.adjacent = None
                return
            failure, count, warning = again
            self._warn(warning)
            self._heard.append((behind, failure.repeat, failure))
            failures.append(failure if failure.repeat == count else failure._replace(repeat=count))
            starts.append(behind)
            behind = stop + 1

    def _before(self, data: bytes, start: int) -> bytes:
        """The lines in front of the one that begins at `start`, also those of the block before."""
        if start >= LOOK_BACK:
            return data[start - LOOK_BACK : start]
        return self._end + data[:start]

    def _warn(self, warning: str | None) -> None:
        if warning and len(self.warnings) < 20:
            self.warnings.append(warning)


def _unpacked(memory: str) -> dict[str, Any]:
    """What `Scanner.memory` wrote; nothing where it is damaged, or another version's."""
    try:
        kept = json.loads(memory) if memory else {}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}
