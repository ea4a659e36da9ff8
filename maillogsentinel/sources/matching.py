"""Which of Dovecot's lines speaks of which of Postfix's: pure, and online over the lines in their order.

The key is the log's host and the client's address. Dovecot answers Postfix, which then logs the failure; the daemons'
lines reach the log by different ways, so that Dovecot's may also come last (2.4 does that without a failure delay).

*Attempts* are what companions have announced: the lines of one user, one of each kind, are one attempt (PAM, a worker
and the master may all write of it). An attempt waits `WAIT` for its failure.

- A failure that Postfix named takes the attempt of the same user.
- One without a name takes the oldest attempt if all that wait agree on the user, and gets this name.
- If they do not agree, nobody is named; and since nobody knows which attempt is left, none of them is taken out: only
  their number is counted. All go together when as many failures have come as attempts were announced. Until then each
  further failure meets them all, and is named only if all agree. So no name moves on to the wrong failure, and the
  first moment of rest makes all clear again.
- Attempts with a session id belong to IMAP or POP clients: they are asked only when there are no others.

*Unanswered* are failures that no attempt waited for. They wait `LATE` for their line, and the same holds with the roles
exchanged: one alone takes the attempt that comes, of several without a name none is named, and one is counted off. The
name is given only if the line is late by no more than `PROMPT`: else it may as well belong to the client's next attempt
where the line of this one is missing. A failure of an earlier batch is committed: it gets no name, but takes its line.

A temporary failure of Dovecot makes server trouble of the failure that it is matched with. Dovecot never answers at
once then, so no failure waits for such a line.
"""

from collections import deque
from typing import Any, NamedTuple

from maillogsentinel.model import Failure
from maillogsentinel.parse.companion import Companion

WAIT = 5_000_000
"""Microseconds of log time that a companion waits for its failure: Dovecot's and PAM's delay are 2 s each."""
LATE = 2_000_000
"""Microseconds of log time that a failure waits for its companion."""
PROMPT = 200_000
"""Microseconds of log time within which a late companion still names its failure; Dovecot 2.4 takes some 100."""
CROWD = 100
"""So many attempts of one client at once are not told apart: until it has been quiet for `WAIT`, it names nobody."""
MOST = 4096
"""Attempts, and failures, that are remembered at most."""

Place = tuple[str | None, str, bool]
"""Host, client address, and whether the client came with a session id."""


class Answer(NamedTuple):
    """What is known of a failure through its companions."""

    user: str | None
    temporary: bool


class Attempt:
    """What the companions say of one attempt; `open` until a failure has taken it."""

    __slots__ = ("kinds", "open", "place", "stamp", "temporary", "user")

    def __init__(self, place: Place, stamp: int, user: str | None, kinds: tuple[str, ...], temporary: bool) -> None:
        self.place = place
        self.stamp = stamp
        self.user = user
        self.kinds = kinds
        self.temporary = temporary
        self.open = True


class Unanswered:
    """A failure that no companion waited for; `index` is its place in the batch, -1 when it cannot be changed."""

    __slots__ = ("failure", "index", "place", "stamp", "user")

    def __init__(self, place: Place, stamp: int, user: str | None, index: int, failure: Failure | None) -> None:
        self.place = place
        self.stamp = stamp
        self.user = user
        self.index = index
        self.failure = failure


class Matcher:
    """Matches companions with failures; feed it both in the order of their lines."""

    def __init__(self) -> None:
        self._waiting: dict[Place, list[Attempt]] = {}
        self._spent: dict[Place, int] = {}
        """How many of those that wait are taken where nobody knows which."""
        self._order: deque[Attempt] = deque()
        self._unanswered: dict[Place, list[Unanswered]] = {}
        self._answered: dict[Place, Attempt] = {}
        self._crowded: dict[Place, int] = {}
        """When the last companion was heard of clients that try too much at once."""
        self._blind = 0
        """Until this stamp nobody is named, for attempts had to be forgotten."""

    @property
    def idle(self) -> bool:
        """Whether no attempt waits for a failure."""
        return not self._waiting

    @property
    def asks(self) -> bool:
        """Whether a failure waits for a name that it can be given."""
        return any(entry.user is None and entry.index >= 0 for part in self._unanswered.values() for entry in part)

    def doubts(self, stamp: int) -> bool:
        """Return whether an attempt that Dovecot could not check still waits for its failure at this time."""
        attempts = (attempt for waiting in self._waiting.values() for attempt in waiting)
        return any(attempt.temporary and abs(stamp - attempt.stamp) <= WAIT for attempt in attempts)

    def clear(self) -> None:
        """Forget all that waits."""
        for part in (self._waiting, self._spent, self._unanswered, self._answered, self._crowded):
            part.clear()
        self._order.clear()

    # -- a companion

    def hear(self, said: Companion) -> tuple[Unanswered, Answer] | None:
        """Take a companion; return the failure that it answers, if one waits for it, and what is known of it now."""
        stamp, server, ip, user, kind, session, temporary = said
        place = (server, ip, session)
        if self._crowded and self._is_crowded(place, stamp):
            self._crowded[place] = stamp
            return None
        last = self._answered.get(place)
        if last and not temporary and _is_more_of(last, said):
            last.kinds += (kind,)
            return None
        if self._unanswered and place in self._unanswered and not temporary:
            answered = self._late(place, said)
            if answered:
                self._done(Attempt(place, stamp, user, (kind,), temporary), stamp)
                return answered
        if place in self._waiting:
            self._expire(place, stamp)
            for attempt in self._waiting.get(place, ()):
                if _is_more_of(attempt, said):
                    attempt.kinds += (kind,)
                    attempt.temporary |= temporary
                    return None
        self._add(Attempt(place, stamp, user, (kind,), temporary))
        return None

    def _add(self, attempt: Attempt) -> None:
        waiting = self._waiting.get(attempt.place)
        if waiting is None:
            self._waiting[attempt.place] = [attempt]
        elif len(waiting) < CROWD:
            waiting.append(attempt)
        else:
            self._drop(attempt.place, waiting)
            self._crowded[attempt.place] = attempt.stamp
            return
        self._order.append(attempt)
        if len(self._order) > MOST:
            oldest = self._order.popleft()
            if oldest.open:
                if abs(attempt.stamp - oldest.stamp) <= WAIT:
                    self._blind = max(self._blind, oldest.stamp + WAIT)
                self._drop(oldest.place, [oldest])

    def _is_crowded(self, place: Place, stamp: int) -> bool:
        if abs(stamp - self._crowded.get(place, -WAIT)) <= WAIT:
            return True
        self._crowded.pop(place, None)
        return False

    def _late(self, place: Place, said: Companion) -> tuple[Unanswered, Answer] | None:
        """The failure among those unanswered that this companion belongs to."""
        entries = [entry for entry in self._unanswered[place] if -LATE <= entry.stamp - said.stamp <= WAIT]
        named = [entry for entry in entries if entry.user is not None and _same(said.user, entry.user)]
        nameless = [entry for entry in entries if entry.user is None]
        if said.user is None and not nameless:
            named = entries
        found = None
        if named or nameless:
            taken = (named or nameless)[0]
            if not named and len(nameless) > 1:
                for entry in nameless:
                    entry.index = -1
            entries.remove(taken)
            sure = self._blind <= said.stamp and abs(said.stamp - taken.stamp) <= PROMPT
            found = taken, Answer(said.user if sure else None, False)
        if entries:
            self._unanswered[place] = entries
        else:
            del self._unanswered[place]
        return found

    # -- a failure

    def ask(self, failure: Failure) -> Answer | None:
        """Return what the companions before it say of a failure, which takes them; None when none waits for it."""
        server, ip, stamp = failure.server, failure.ip or "", failure.stamp
        for session in (False, True):
            place = (server, ip, session)
            if self._crowded and not session and self._is_crowded(place, stamp):
                return Answer(None, False)
            waiting = self._waiting.get(place)
            if waiting is None:
                continue
            if any(abs(stamp - attempt.stamp) > WAIT for attempt in waiting):
                self._expire(place, stamp)
                waiting = self._waiting.get(place)
            answer = self._take(place, waiting, failure) if waiting else None
            if answer:
                return answer
        return None

    def _take(self, place: Place, waiting: list[Attempt], failure: Failure) -> Answer | None:
        if failure.user is not None:
            return self._take_named(place, waiting, failure)
        if failure.repeat != 1:  # which of the attempts it stands for is not known
            self._drop(place, waiting)
            return Answer(None, False)
        first = waiting[0]
        agreed = self._blind <= failure.stamp
        if len(waiting) > 1:
            agreed = agreed and all(attempt.user == first.user for attempt in waiting)
        if agreed and place not in self._spent:
            if len(waiting) > 1:
                self._drop(place, [first])
            else:
                first.open = False
                del self._waiting[place]
            self._done(first, failure.stamp)
            return Answer(first.user, first.temporary)
        self._spent[place] = self._spent.get(place, 0) + 1
        answer = Answer(first.user if agreed else None, all(attempt.temporary for attempt in waiting))
        self._drop(place, [])
        return answer

    def _take_named(self, place: Place, waiting: list[Attempt], failure: Failure) -> Answer | None:
        """The attempt of the user whom Postfix named, or else the oldest without one."""
        user = failure.user or ""
        taken = next((attempt for attempt in waiting if _same(attempt.user, user)), None)
        taken = taken or next((attempt for attempt in waiting if attempt.user is None), None)
        if taken is None:
            return None
        self._drop(place, [taken])
        self._done(taken, failure.stamp)
        return Answer(failure.user, taken.temporary)

    def _expire(self, place: Place, stamp: int) -> None:
        gone = [attempt for attempt in self._waiting[place] if abs(stamp - attempt.stamp) > WAIT]
        if gone:
            if place in self._spent:  # those taken are the older ones, if anything
                self._spent[place] -= min(len(gone), self._spent[place])
            self._drop(place, gone)

    def _drop(self, place: Place, gone: list[Attempt]) -> None:
        """Take attempts out; all of them when as many as are left have been taken."""
        for attempt in gone:
            attempt.open = False
        left = [attempt for attempt in self._waiting[place] if attempt.open]
        if len(left) <= self._spent.get(place, 0):
            for attempt in left:
                attempt.open = False
            del self._waiting[place]
            self._spent.pop(place, None)
        else:
            self._waiting[place] = left

    def _done(self, attempt: Attempt, stamp: int) -> None:
        """Remember the last attempt that a failure has taken, for another line of it may come late."""
        if len(self._answered) >= MOST:
            self._answered.clear()
        attempt.stamp = stamp
        self._answered[attempt.place] = attempt

    def expect(self, failure: Failure, index: int) -> None:
        """A failure that got no answer waits for a companion that comes late."""
        place = (failure.server, failure.ip or "", False)
        entry = Unanswered(place, failure.stamp, failure.user, index, failure)
        self._unanswered.setdefault(place, []).append(entry)

    def settle(self, stamp: int) -> None:
        """Forget the failures that have waited long enough at this time, and the oldest when there are too many."""
        for place in list(self._crowded):
            self._is_crowded(place, stamp)
        entries = [entry for part in self._unanswered.values() for entry in part if abs(stamp - entry.stamp) <= LATE]
        self._unanswered = {}
        for entry in sorted(entries, key=_age)[-MOST:]:
            self._unanswered.setdefault(entry.place, []).append(entry)

    def unanswered(self) -> list[Unanswered]:
        """Return the failures that wait."""
        return [entry for entries in self._unanswered.values() for entry in entries]

    # -- from run to run

    def dump(self, stamp: int) -> dict[str, Any]:
        """Return what still waits at this time, as JSON takes it; empty for nothing."""
        for place in list(self._waiting):
            self._expire(place, stamp)
        self.settle(stamp)
        attempts = [
            [*one.place, one.stamp, one.user, list(one.kinds), one.temporary]
            for waiting in self._waiting.values()
            for one in waiting
        ]
        unanswered = [[*entry.place, entry.stamp, entry.user] for entry in self.unanswered()]
        crowded = [[*place, last] for place, last in self._crowded.items()]
        if not attempts and not unanswered and not crowded:
            return {}
        spent = [[*place, count] for place, count in self._spent.items()]
        return {"attempts": attempts, "spent": spent, "unanswered": unanswered, "crowded": crowded}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take up again what `dump` returned."""
        for server, ip, session, stamp, user, kinds, temporary in dumped["attempts"]:
            self._add(Attempt((server, ip, session), stamp, user, tuple(kinds), temporary))
        self._spent = {(server, ip, session): count for server, ip, session, count in dumped["spent"]}
        self._crowded = {(server, ip, session): last for server, ip, session, last in dumped["crowded"]}
        for server, ip, session, stamp, user in dumped["unanswered"]:
            place = (server, ip, session)
            self._unanswered.setdefault(place, []).append(Unanswered(place, stamp, user, -1, None))


def _age(entry: Unanswered) -> int:
    return entry.stamp


def _is_more_of(attempt: Attempt, said: Companion) -> bool:
    """Whether a companion is one more line on the same attempt."""
    return attempt.user == said.user and said.kind not in attempt.kinds and abs(said.stamp - attempt.stamp) <= WAIT


def _same(dovecot: str | None, postfix: str) -> bool:
    """Whether both name the same user: Dovecot writes in lower case and cuts at 64 characters."""
    if dovecot is None:
        return False
    if len(dovecot) >= 64 and dovecot.endswith("..."):
        return postfix.lower().startswith(dovecot[:-3].lower())
    return dovecot.lower() == postfix.lower()
