"""Where one source follows another that held the same events: nothing is taken twice, and nothing is left out.

rsyslog's stamps and the journal's differ by some milliseconds, and older files know whole seconds only. So the new
source is taken from a second before the last line of the old one on; within the seconds around that line an event of
the new source that equals a recorded one of the old (client, pid and message) is that one.
"""

import json
from collections import Counter
from typing import TYPE_CHECKING

from maillogsentinel.localtime import SECOND
from maillogsentinel.store.database import Database

if TYPE_CHECKING:
    from maillogsentinel.model import Failure
    from maillogsentinel.sources.scan import Batch

_KEY = "overlap"
_AROUND = 2 * SECOND
"""From a second before the last line's second to the end of the one behind it."""


class Overlap:
    """What of a new source's beginning the old one has had."""

    def __init__(self, database: Database, name: str, last: int) -> None:
        """`name` of the new source; `last`: the stamp of the old one's last line that was read, UTC microseconds."""
        second = last - last % SECOND
        self.last = last
        self.since = second - SECOND
        """Older events are the old source's."""
        self._until = second + _AROUND
        self._recorded: Counter[tuple[int | None, str | None, str, str]] = Counter()
        for pid, ip, mechanism, reason in database.rows(
            "SELECT pid, ip, mechanism, reason FROM event WHERE stamp >= ? AND stamp < ? AND source <> ?",
            (self.since, self._until, name),
        ):
            self._recorded[pid, ip, mechanism, reason] += 1

    def drop(self, batch: "Batch", failures: int, troubles: int) -> None:
        """Drop what the old source has had of what stands behind the first so many failures and troubles."""
        if len(batch.failures) > failures:
            batch.failures[failures:] = [
                left for found in batch.failures[failures:] if (left := self._left(found)) is not None
            ]
        batch.troubles[troubles:] = [found for found in batch.troubles[troubles:] if found.stamp > self.last]

    def _left(self, failure: "Failure") -> "Failure | None":
        if failure.stamp >= self._until:
            return failure
        if failure.stamp < self.since:
            return None
        key = failure.pid, failure.ip, failure.mechanism, failure.reason
        had = min(self._recorded[key], failure.repeat)
        self._recorded[key] -= had
        if had == failure.repeat:
            return None
        return failure._replace(repeat=failure.repeat - had)


def note(database: Database, last: int) -> None:
    """Remember that the sources read from now on follow others, read up to `last`; in a transaction of the caller."""
    database.put(_KEY, json.dumps(last))


def pending(database: Database) -> bool:
    """Whether the sources read now begin with an overlap."""
    return database.get(_KEY) is not None


def load(database: Database, name: str) -> Overlap | None:
    """Return the overlap that the source `name` begins with; None for none."""
    last = database.get(_KEY)
    return None if last is None else Overlap(database, name, json.loads(last))


def forget(database: Database) -> None:
    """The new sources have been read past the overlap; in a transaction of the caller."""
    database.run("DELETE FROM meta WHERE key = ?", (_KEY,))
