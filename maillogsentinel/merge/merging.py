"""Any number of inputs merged into one series of lines, in memory that does not grow with them.

Of each input some lines are in memory. Those before the earliest date up to which all inputs are known are taken, made
one copy of each record, sorted and written; then memory is filled again. Sorting what is in order but for its origin
costs little (see Python's listsort.txt), less than choosing line by line.
"""

from collections.abc import Callable, Iterator

from maillogsentinel.merge.copies import Flood, Identity, rivals
from maillogsentinel.merge.intake import Input
from maillogsentinel.merge.spool import Extents, Spool, plain
from maillogsentinel.merge.stream import Stream

MEMORY = 4_000_000
"""Bytes of lines in memory; as Python objects they take some six times as much."""
MOST = 1000
"""Series of lines that are merged at once; more are merged in several passes."""
LINES = 4_000_000
"""Bytes that a line of each series may have together: where lines are long, fewer series are merged at once."""
_LARGEST = 65_536

Write = Callable[[bytes], None]


class Merging:
    """A merge of lines with dates of `width` bytes."""

    def __init__(self, spool: Spool, directory: str, width: int, delimiter: str, memory: int) -> None:
        self._spool = spool
        self._directory = directory
        self._width = width
        self._delimiter = delimiter
        self._memory = memory
        self._identity = Identity(width, delimiter)

    def run(self, inputs: list[Input], write: Write, most: int) -> int:
        """Write the merged lines, in pieces of whole lines; return their number. Raises StoreError."""
        inputs = [one for one in inputs if one.parts]
        while sum(len(one.parts) for one in inputs) > most:
            inputs = self._pass(inputs, most)
        count = 0
        for rows in self._merged(inputs):
            count += len(rows)
            for data in plain(rows, self._width):
                write(data)
        return count

    # -- passes

    def _pass(self, inputs: list[Input], most: int) -> list[Input]:
        """Merge inputs, or parts of one, in groups of `most` series into the spool."""
        smaller: list[Input] = []
        group: list[Input] = []
        for one in inputs:
            if len(one.parts) > most // 2:
                parts = [one.parts[at : at + most] for at in range(0, len(one.parts), most)]
                together = [self._stored([Input(some, one.servers, 0)]) for some in parts]
                smaller.append(Input([part for some in together for part in some.parts], one.servers, one.rows))
                continue
            if sum(len(other.parts) for other in group) + len(one.parts) > most:
                smaller.append(self._stored(group))
                group = []
            group.append(one)
        return [*smaller, *([self._stored(group)] if group else [])]

    def _stored(self, inputs: list[Input]) -> Input:
        extent = self._spool.append(data for rows in self._merged(inputs) for data in plain(rows, self._width))
        servers: frozenset[bytes] | None = frozenset()
        for one in inputs:
            servers = None if servers is None or one.servers is None else servers | one.servers
        return Input([Extents(self._spool, [extent])], servers, 0)

    # -- rounds

    def _merged(self, inputs: list[Input]) -> Iterator[list[bytes]]:
        """Yield the rows of `inputs` that count, each behind its date, in order."""
        streams = [
            Stream(number, part, one.servers, self._width, self._delimiter)
            for number, one in enumerate(inputs)
            for part in one.parts
        ]
        for stream in streams:
            stream.want = max(1, min(_LARGEST, self._memory // 2 // len(streams)))
        groups = rivals(inputs)
        while streams:
            for stream in streams:
                stream.fill()
            streams = [stream for stream in streams if stream.first is not None]
            horizon = min((stream.last for stream in streams if stream.more), default=None)
            rows = self._round(streams, horizon, groups)
            if rows:
                yield rows
            if horizon is not None and len(rows) < len(streams) + 64 and not self._grow(streams, horizon) and not rows:
                yield from self._flood(streams, horizon)

    def _round(self, streams: list[Stream], horizon: bytes | None, groups: dict[int, int]) -> list[bytes]:
        """Take the rows before `horizon` that count, sorted."""
        rows: list[bytes] = []
        rivalry: dict[int, dict[int, list[bytes]]] = {}
        for stream in streams:
            if horizon is None or (stream.first or b"") < horizon:
                taken = stream.take(horizon)
                if stream.input in groups:
                    rivalry.setdefault(groups[stream.input], {}).setdefault(stream.input, []).extend(taken)
                else:
                    rows += taken
        for copies in rivalry.values():
            rows += self._identity.best(copies.values())
        rows.sort()
        return rows

    def _grow(self, streams: list[Stream], horizon: bytes) -> bool:
        """Have more in memory of the inputs that ended the round; False when there is no room."""
        used = sum(stream.want for stream in streams)
        grown = False
        for stream in streams:
            if stream.more and stream.last == horizon and used + stream.want <= self._memory:
                used += stream.want
                stream.want *= 2
                grown = True
        return grown

    def _flood(self, streams: list[Stream], date: bytes) -> Iterator[list[bytes]]:
        """Yield the rows of one date, of which there are too many for memory."""
        flood = Flood(self._directory, self._identity)
        try:
            for stream in streams:
                while stream.first == date:
                    flood.add(stream.input, stream.take(date + b"\0"))
                    stream.fill()
            yield from flood.rows()
        finally:
            flood.close()
