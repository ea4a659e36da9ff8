"""The names of a day as numbers: enough to tell which are new, in a bounded size, and without the names themselves."""

import sys
from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

LIMIT = 16_384
"""Numbers that a sketch holds at most. Of more names it has the smallest numbers, which are a fair sample of all."""

Sketch = array  # of type "Q": different numbers in ascending order; whole where it has fewer than LIMIT


def number(name: str) -> int:
    """Return the number of a name: 64 bits, the same at any time and on any machine."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Gathering:
    """Collects names, also the same ones again, and makes a sketch of them."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._highest = 1 << 64

    def add(self, numbers: Iterable[int]) -> None:
        """Add the numbers of names."""
        highest = self._highest
        self._numbers.update([one for one in numbers if one < highest])
        if len(self._numbers) > 2 * LIMIT:
            self._numbers = set(self.sketch())
            self._highest = max(self._numbers)

    def sketch(self) -> "Sketch[int]":
        """Return the sketch of what was added so far."""
        return array("Q", sorted(self._numbers)[:LIMIT])


class Unseen(NamedTuple):
    """What one sketch has that others have not."""

    numbers: frozenset[int]
    """Of these it is certain."""
    share: float
    """Which part of the names it is; 0 without any name."""
    exact: bool
    """Whether no sketch had more names than it can hold; else `share` is an estimate, within a few per cent."""


class Search:
    """Finds out which names of one sketch others have not, which are looked at one by one."""

    def __init__(self, names: "Sketch[int]") -> None:
        self._names = names
        self._left = set(names)
        self._highest, self._exact = (1 << 64, True) if len(names) < LIMIT else (names[-1], False)

    def take_away(self, sketch: "Sketch[int]") -> None:
        """Strike out what stands in `sketch`."""
        self._left.difference_update(sketch)
        if len(sketch) >= LIMIT:
            # What is larger may have been there and have found no place.
            self._highest, self._exact = min(self._highest, sketch[-1]), False

    def result(self) -> Unseen:
        """Return what is left."""
        known = sum(one <= self._highest for one in self._names)
        found = frozenset(one for one in self._left if one <= self._highest)
        return Unseen(found, len(found) / known if known else 0.0, self._exact)


def to_bytes(sketch: "Sketch[int]") -> bytes:
    """Return what `from_bytes` reads on any machine."""
    return _little(sketch).tobytes()


def from_bytes(data: bytes) -> "Sketch[int]":
    """Return the sketch that `to_bytes` was given."""
    sketch = array("Q")
    sketch.frombytes(data[: len(data) // 8 * 8])
    return _little(sketch)


def _little(sketch: "Sketch[int]") -> "Sketch[int]":
    if sys.byteorder == "little":
        return sketch
    swapped = sketch[:]
    swapped.byteswap()
    return swapped
