"""From blocks of lines to a batch: what a finder found in them, and what witness, logins and naming make of it."""

import json
from typing import Any

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.finder import WARNINGS, Finder, Found
from maillogsentinel.sources.logins import Logins
from maillogsentinel.sources.loss import Losses
from maillogsentinel.sources.naming import Naming
from maillogsentinel.sources.witness import Witness


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
        """`adjacent` is the failure that the line before the first was, else None; `logins`: look for successful
        logins, too."""
        kept = _unpacked(memory)
        self._witness = Witness(kept.get("witness"))
        self._naming = Naming(kept.get("naming"))
        self._logins = logins
        self.finder = Finder(adjacent)
        self.lines_bytes = 0
        """Bytes of the lines that were failures, and of what else a batch holds in memory."""
        self.warnings: list[str] = []

    @property
    def adjacent(self) -> Failure | None:
        """The failure that the last line read was, else None: a repeated-message line right behind it repeats it."""
        return self.finder.adjacent

    def memory(self) -> str:
        """Return what a later Scanner of the same stream needs beside `adjacent`; empty for nothing."""
        parts = {"witness": self._witness.memory(), "naming": self._naming.memory()}
        parts = {name: part for name, part in parts.items() if part}
        return json.dumps(parts, separators=(",", ":")) if parts else ""

    def interrupted(self) -> None:
        """Lines are missing before the next block: nothing in it refers to what was read so far."""
        self.finder.adjacent = None
        self._witness.interrupted()
        self._naming.interrupted()

    def scan(self, block: Block, clock: Clock, batch: Batch, found: Found | None = None) -> None:
        """Add what the block says to `batch`, in the order of the lines.

        `found` is what another finder, which read the same lines before, found in it.
        """
        if found is None:
            found = self.finder.find(block, clock)
        else:
            self.finder.passed(block, found.adjacent)
        first = len(batch.failures)
        batch.failures += found.failures
        batch.troubles += found.troubles
        self.lines_bytes += found.size
        self.warnings += found.warnings[: WARNINGS - len(self.warnings)]
        self._witness.read(block, clock, batch.losses, found.heard, found.counters)
        if self._logins:
            self.lines_bytes += batch.logins.read(block, clock, found.methods)
        self._naming.read(
            block, clock, batch.failures, batch.troubles, first, found.starts, found.auths, found.companions
        )


def _unpacked(memory: str) -> dict[str, Any]:
    """What `Scanner.memory` wrote; nothing where it is damaged, or another version's."""
    try:
        kept = json.loads(memory) if memory else {}
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}
