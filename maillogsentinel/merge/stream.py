"""One series of lines in order, read a little at a time and handed out up to a date."""

import re

from maillogsentinel.errors import StoreError
from maillogsentinel.merge.intake import LONGEST_NAME
from maillogsentinel.merge.spool import Extents

_CHANGED = "An input was changed while it was read. Nothing was written; merge again."


class Stream:
    """The lines of one `Extents`. Each is handed out behind its date, so that they sort by date, then line."""

    def __init__(
        self, number: int, found: Extents, servers: frozenset[bytes] | None, width: int, delimiter: str
    ) -> None:
        self.input = number
        self.want = 0
        """Bytes to have in memory."""
        self.first: bytes | None = None
        """The date of the first line; None: there is none any more."""
        self.last = b""
        """The date of the last line in memory."""
        self._place = found.place
        self._extents = found.extents[::-1]
        self._buffer = b""
        self._end = 0
        """Where the last whole line in memory ends."""
        self._width = width
        self._delimiter = delimiter.encode()
        # Where all lines begin with the same server, their dates stand at the same place.
        only = next(iter(servers)) if servers and len(servers) == 1 else b'"'
        self._at = 0 if only.startswith(b'"') or len(only) == LONGEST_NAME else len(only) + 1
        self._quoted = re.compile(rb'"(?:[^"]|"")*+"' + re.escape(self._delimiter))

    @property
    def more(self) -> bool:
        """Whether lines are left that are not in memory."""
        return bool(self._extents)

    def fill(self) -> None:
        """Have `want` bytes in memory and one line at least, or all that is left. Raises StoreError."""
        if len(self._buffer) * 4 >= self.want * 3 and self._end:
            return
        while self._extents and (len(self._buffer) < self.want or not self._end):
            start, end = self._extents.pop()
            data = self._place.read(min(max(4096, self.want - len(self._buffer)), end - start), start)
            if start + len(data) < end:
                self._extents.append((start + len(data), end))
            self._buffer += data
            self._end = self._buffer.rfind(b"\n") + 1
        self._note()
        if not self._extents and self._end != len(self._buffer):
            raise StoreError(_CHANGED)

    def _note(self) -> None:
        if not self._end:
            self.first = None
            return
        first = self._date(0)
        if first < (self.first or b""):
            raise StoreError(_CHANGED)
        self.first = first
        self.last = self._date(self._buffer.rfind(b"\n", 0, self._end - 1) + 1)

    def _date(self, begin: int) -> bytes:
        """The date of the line that begins there."""
        at = begin + self._at
        if not self._at:
            match = self._quoted.match(self._buffer, begin)
            at = match.end() if match else self._buffer.index(self._delimiter, begin) + 1
        return self._buffer[at : at + self._width]

    def take(self, horizon: bytes | None) -> list[bytes]:
        """Hand out the lines in memory whose date is less than `horizon`; all of them when that is None."""
        end = self._end if horizon is None or self.last < horizon else self._place_of(horizon)
        lines = self._buffer[:end].split(b"\n")
        lines.pop()
        self._buffer = self._buffer[end:]
        self._end -= end
        self._note()
        if self._at:
            start, stop = self._at, self._at + self._width
            return [line[start:stop] + line for line in lines]
        return [self._dated(line) for line in lines]

    def _dated(self, line: bytes) -> bytes:
        match = self._quoted.match(line) if line[:1] == b'"' else None
        at = match.end() if match else line.index(self._delimiter) + 1
        return line[at : at + self._width] + line

    def _place_of(self, horizon: bytes) -> int:
        """Where the first line begins whose date is not less than `horizon`."""
        low, high = 0, self._end
        while low < high:
            middle = (low + high) // 2
            begin = self._buffer.rfind(b"\n", low, middle) + 1 or low
            if self._date(begin) < horizon:
                low = self._buffer.index(b"\n", begin) + 1
            else:
                high = begin
        return low
