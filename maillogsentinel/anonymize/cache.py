"""What was replaced before is looked up."""

from collections.abc import Callable

MOST = 65_536
"""Entries of one cache; what repeats in a log does so soon, and the rest need not be kept."""


class Cache(dict[bytes, bytes]):
    """The answers of a function of bytes: ``cache[raw]`` is ``make(raw)``; forgets all when it is full."""

    def __init__(self, make: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, raw: bytes) -> bytes:
        if len(self) >= MOST:
            self.clear()
        made = self[raw] = self._make(raw)
        return made
