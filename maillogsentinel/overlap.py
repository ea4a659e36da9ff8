"""Where one source follows another that held the same events: nothing is taken twice, and nothing is left out.

rsyslog's stamps and the journal's differ by some milliseconds, and older files know whole seconds only. So the new
source is taken from two seconds before the last line of the old one on; in the seconds around that line an event of
the new source that equals a recorded one of the old, with a stamp that is its own but for that, is that one.
"""

import json
from typing import TYPE_CHECKING

from maillogsentinel.localtime import SECOND
from maillogsentinel.store.database import Database

if TYPE_CHECKING:
    from maillogsentinel.model import Failure
    from maillogsentinel.sources.scan import Batch

_KEY = "overlap"


class Overlap:
    """What of a new source's beginning the old one has had."""

    def __init__(self, database: Database, name: str, last: int) -> None:
        """`name` of the new source; `last`: the stamp of the old one's last line that was read, UTC microseconds."""
        second = _whole(last)
        self.last = last
        self.since = second - 2 * SECOND
        """Older events are the old source's."""
        self._whole_until = second - SECOND
        """Up to here the old source has had every event, whichever stamp it gave it."""
        self._until = second + 2 * SECOND
        self._recorded: dict[tuple[object, ...], list[int]] = {}
        for stamp, *key in database.rows(
            "SELECT stamp, pid, ip, user, mechanism, reason FROM event"
            " WHERE stamp >= ? AND stamp < ? AND source <> ? ORDER BY stamp",
            (self.since - SECOND, self._until, name),
        ):
            self._recorded.setdefault(tuple(key), []).append(stamp)

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
        recorded = self._recorded.get((failure.pid, failure.ip, failure.user, failure.mechanism, failure.reason), [])
        left = failure.repeat
        while left and recorded:
            nearest = min(recorded, key=lambda stamp: _apart(stamp, failure.stamp))
            if _apart(nearest, failure.stamp) > SECOND:
                break
            recorded.remove(nearest)
            left -= 1
        if not left or failure.stamp < self._whole_until:
            return None
        return failure._replace(repeat=left)


def _whole(stamp: int) -> int:
    return stamp - stamp % SECOND


def _apart(one: int, other: int) -> int:
    """How far two stamps are apart; in whole seconds where one of them knows no more."""
    if one % SECOND == 0 or other % SECOND == 0:
        return abs(_whole(one) - _whole(other))
    return abs(one - other)


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
