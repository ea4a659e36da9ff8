"""From blocks of lines to failures: looks only at lines that can matter, and at the line behind each failure."""

import json
from typing import Any

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse import repeats
from maillogsentinel.parse.postfix import LOOK_BACK, REMARK, WORD, as_trouble, find_json, read
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.naming import Naming
from maillogsentinel.sources.segment import Block

_HEADER = 600
"""Bytes from a line's start within which a repeated-message line says that it is one."""


class Batch:
    """What was found since the last commit."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.troubles: list[Trouble] = []

    def drop_older(self, failures: int, troubles: int, since: int) -> None:
        """Drop what is older than `since` (UTC microseconds) behind the first so many failures and troubles."""
        self.failures[failures:] = [found for found in self.failures[failures:] if found.stamp >= since]
        self.troubles[troubles:] = [found for found in self.troubles[troubles:] if found.stamp >= since]


class Scanner:
    """Reads the blocks of one stream of lines, which may run on through several files."""

    def __init__(self, adjacent: Failure | None, memory: str = "") -> None:
        self.adjacent = adjacent
        """The failure that the last line read was, else None: a repeated-message line right behind it repeats it."""
        self.lines_bytes = 0
        """Bytes of the lines that were failures, which bounds what a batch holds in memory."""
        self.warnings: list[str] = []
        self._end = b""
        self._naming = Naming()
        kept = _unpacked(memory)
        if "naming" in kept:
            self._naming.load(kept["naming"])

    def memory(self) -> str:
        """Return what a later Scanner of the same stream needs beside `adjacent`; empty for nothing."""
        kept = {"naming": self._naming.memory()}
        kept = {key: value for key, value in kept.items() if value}
        return json.dumps(kept, separators=(",", ":")) if kept else ""

    def interrupted(self) -> None:
        """Lines are missing before the next block: nothing in it refers to what was read so far."""
        self.adjacent = None
        self._naming.interrupted()

    def scan(self, block: Block, clock: Clock, batch: Batch) -> None:
        """Add what the block says to `batch`, in the order of the lines."""
        first = len(batch.failures)
        starts: list[int] = []  # where the lines of the failures begin
        self._failures(block, clock, batch.failures, batch.troubles, starts)
        self._naming.read(block, clock, batch.failures, batch.troubles, first, starts)

    def _failures(
        self, block: Block, clock: Clock, failures: list[Failure], troubles: list[Trouble], starts: list[int]
    ) -> None:
        """Append the block's failures and troubles; a failure's ``repeat`` is the number of records."""
        data, end, begin = block
        search, back, begins = data.find, data.rfind, data.startswith
        is_json = data[begin : begin + 1] == b"{"
        at = begin
        behind = begin if self.adjacent is not None else -1  # where the line behind a failure begins
        while True:
            if is_json:
                hit = find_json(data, at, end)
            else:
                hit = search(WORD, at, end)
                while hit >= 0 and begins(REMARK, max(hit - len(REMARK), 0)):
                    hit = search(WORD, hit + 1, end)
            start = back(b"\n", at, hit) + 1 or at if hit >= 0 else end
            if 0 <= behind < start:
                self._repeated(data, behind, start, end, clock, failures, starts)
            if hit < 0:
                self._end = data[max(0, end - LOOK_BACK) : end]
                return
            stop = search(b"\n", hit, end)
            stop = end if stop < 0 else stop
            found = read(data[start:stop], clock)
            at = stop + 1
            behind = -1
            if type(found) is Failure and found.user is None:
                found = as_trouble(found, self._before(data, start)) or found
            if type(found) is Failure:
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
                    troubles.append(found)

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
            if data.find(b"ast message ", behind, min(behind + _HEADER, end)) >= 0:
                stop = data.find(b"\n", behind, end)
                stop = end if stop < 0 else stop
                again = repeats.last_message(data[behind:stop], self.adjacent, clock)
            if again is None:
                self.adjacent = None
                return
            failure, count, warning = again
            self._warn(warning)
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
