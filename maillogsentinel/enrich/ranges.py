"""Tables of address ranges, packed so that half a million of them take a few megabytes and no time to load.

A table is one run of bytes: all first addresses of a family in order, all last ones, and the number of each one's
value; then the values. Addresses are in network order, so that bytes compare as addresses do.
"""

import struct
import sys
from array import array
from bisect import bisect_right
from itertools import chain
from typing import Protocol

_COUNTS = struct.Struct("!4I")
_NUMBER = struct.Struct("!I")
_WIDTHS = (4, 16)


class Buffer(Protocol):
    """bytes, or a mapped file: what gives bytes for a slice."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> bytes: ...


class RangeTable:
    """Finds the value of an address in a packed table."""

    def __init__(self, buffer: Buffer, at: int = 0) -> None:
        """Use the table that begins at byte `at` of `buffer`. Raises ValueError when it is not as long as it says."""
        self._buffer = buffer
        if len(buffer) < at + _COUNTS.size:
            raise ValueError("no range table")
        ipv4, ipv6, values, text = _COUNTS.unpack(buffer[at : at + _COUNTS.size])
        at += _COUNTS.size
        self._families: dict[int, tuple[_Addresses, _Addresses, int]] = {}
        for width, count in zip(_WIDTHS, (ipv4, ipv6), strict=True):
            starts = _Addresses(buffer, at, width, count)
            ends = _Addresses(buffer, at + width * count, width, count)
            self._families[width] = (starts, ends, at + 2 * width * count)
            at += (2 * width + 4) * count
        self._offsets = at
        self._texts = at + 4 * (values + 1)
        if len(buffer) != self._texts + text:
            raise ValueError("range table of another length")

    def value(self, packed: bytes) -> bytes | None:
        """Return the value of the range that `packed` (4 or 16 bytes) is in; None when it is in none."""
        starts, ends, numbers = self._families[len(packed)]
        index = bisect_right(starts, packed) - 1
        if index < 0 or packed > ends[index]:
            return None
        number = self._number(numbers + 4 * index)
        at = self._offsets + 4 * number
        return self._buffer[self._texts + self._number(at) : self._texts + self._number(at + 4)]

    def _number(self, at: int) -> int:
        number: int = _NUMBER.unpack(self._buffer[at : at + 4])[0]
        return number


class _Addresses:
    """A sequence of packed addresses, for bisect."""

    __slots__ = ("_at", "_buffer", "_count", "_width")

    def __init__(self, buffer: Buffer, at: int, width: int, count: int) -> None:
        self._buffer = buffer
        self._at = at
        self._width = width
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        at = self._at + index * self._width
        return self._buffer[at : at + self._width]


class RangeBuilder:
    """Packs ranges, which come best in order, into a table.

    Where ranges overlap, the one that begins last counts, and of those that begin together the one
    that comes last: so ip-location-db makes its MMDB of them.
    """

    def __init__(self) -> None:
        self._families = {width: _Family(width) for width in _WIDTHS}
        self._numbers: dict[bytes, int] = {}
        self._offsets = array("I", (0,))
        self._texts = bytearray()

    def add(self, start: bytes, end: bytes, value: bytes) -> None:
        """Add one range; `start` and `end` (inclusive) are packed addresses of one family."""
        number = self._numbers.setdefault(value, len(self._numbers))
        if number == len(self._offsets) - 1:
            self._texts += value
            self._offsets.append(len(self._texts))
        self._families[len(start)].add(start, end, number)

    def __len__(self) -> int:
        return sum(len(family.numbers) for family in self._families.values())

    def table(self) -> bytes:
        """Return the packed table; the builder is used up."""
        families = [self._families[width] for width in _WIDTHS]
        for family in families:
            family.sort()
        counts = [len(family.numbers) for family in families]
        parts: list[bytes | bytearray] = [_COUNTS.pack(*counts, len(self._numbers), len(self._texts))]
        self._numbers = {}
        for family in families:
            parts += (family.starts, family.ends, _big_endian(family.numbers))
        parts += (_big_endian(self._offsets), self._texts)
        return b"".join(parts)


class _Family:
    def __init__(self, width: int) -> None:
        self._width = width
        self._last = b""
        self._apart = True
        self.starts = bytearray()
        self.ends = bytearray()
        self.numbers = array("I")

    def add(self, start: bytes, end: bytes, number: int) -> None:
        self._apart = self._apart and start > self._last
        self._last = end
        self.starts += start
        self.ends += end
        self.numbers.append(number)

    def sort(self) -> None:
        """Put the ranges in order, and cut those that overlap into pieces that do not."""
        if self._apart:
            return
        starts, ends, numbers = self.starts, self.ends, self.numbers
        self.starts, self.ends, self.numbers = bytearray(), bytearray(), array("I")
        width, top = self._width, 1 << 8 * self._width

        def first_of(index: int) -> int:
            return int.from_bytes(starts[index * width : (index + 1) * width], "big")

        def last_of(index: int) -> int:
            return int.from_bytes(ends[index * width : (index + 1) * width], "big")

        at = 0  # all in front of it is done
        around: list[tuple[int, int]] = []  # last address and number of the ranges that are begun, the innermost last
        order = sorted(range(len(numbers)), key=first_of)
        in_order = ((first_of(index), last_of(index), numbers[index]) for index in order)
        for first, last, number in chain(in_order, ((top, top, 0),)):
            while around and at < first:
                if around[-1][0] >= at:
                    until = min(around[-1][0], first - 1)
                    self._piece(at, until, around[-1][1])
                    at = until + 1
                if around[-1][0] < first:
                    around.pop()
            at = first
            around.append((last, number))

    def _piece(self, first: int, last: int, number: int) -> None:
        self.starts += first.to_bytes(self._width, "big")
        self.ends += last.to_bytes(self._width, "big")
        self.numbers.append(number)


def _big_endian(numbers: "array[int]") -> bytes:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()
