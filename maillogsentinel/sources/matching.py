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

*Unanswered* are failures that no attempt waited for. They wait `LATE` for their line; the same holds with the roles
exchanged: one alone takes the name of the attempt that comes, of several without a name none is named, and one is
counted off. A failure that came in an earlier batch is committed: it gets no name, but still takes its line away.

A temporary failure of Dovecot makes server trouble of the failure that it is matched with.
"""

from collections import deque
from typing import Any, NamedTuple

from maillogsentinel.model import Failure
from maillogsentinel.parse.companion import Companion

WAIT = 5_000_000
"""Microseconds of log time that a companion waits for its failure: Dovecot's and PAM's delay are 2 s each."""
LATE = 2_000_000
"""Microseconds of log time that a failure waits for its companion."""
MOST = 4096
"""Attempts, and failures, that are remembered at most."""

Key = tuple[str | None, str]


class Answer(NamedTuple):
    """What is known of a failure through its companions."""

    user: str | None
    temporary: bool


class Attempt:
    """What the companions say of one attempt; `open` until a failure has taken it."""

    __slots__ = ("key", "kinds", "open", "session", "stamp", "temporary", "user")

    def __init__(
        self, key: Key, session: bool, stamp: int, user: str | None, kinds: list[str], temporary: bool
    ) -> None:
        self.key = key
        self.session = session
        self.stamp = stamp
        self.user = user
        self.kinds = kinds
        self.temporary = temporary
        self.open = True


class _Waiting:
    """The attempts of one client that wait, oldest first; `spent` of them have been taken, nobody knows which."""

    __slots__ = ("attempts", "spent")

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.spent = 0

    def drop(self, gone: list[Attempt]) -> None:
        for attempt in gone:
            attempt.open = False
        self.attempts = [attempt for attempt in self.attempts if attempt.open]
        if self.spent >= len(self.attempts):
            for attempt in self.attempts:
                attempt.open = False
            self.attempts, self.spent = [], 0

    def expire(self, stamp: int) -> None:
        gone = [attempt for attempt in self.attempts if abs(stamp - attempt.stamp) > WAIT]
        if gone:
            self.spent = max(0, self.spent - len(gone))  # those taken are the older ones, if anything
            self.drop(gone)


class Unanswered:
    """A failure that no companion waited for; `index` is its place in the batch, -1 when it cannot be changed."""

    __slots__ = ("failure", "index", "key", "stamp", "user")

    def __init__(self, key: Key, stamp: int, user: str | None, index: int, failure: Failure | None) -> None:
        self.key = key
        self.stamp = stamp
        self.user = user
        self.index = index
        self.failure = failure


class Matcher:
    """Matches companions with failures; feed it both in the order of their lines."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Key, bool], _Waiting] = {}
        self._order: deque[Attempt] = deque()
        self._unanswered: dict[Key, list[Unanswered]] = {}
        self._answered: dict[tuple[Key, bool], Attempt] = {}
        self._blind = 0
        """Until this stamp nobody is named, for attempts had to be forgotten."""

    @property
    def idle(self) -> bool:
        """Whether no attempt waits for a failure."""
        return not self._waiting

    @property
    def expects(self) -> bool:
        """Whether a failure waits for its companion."""
        return bool(self._unanswered)

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        self._order.clear()
        self._unanswered.clear()
        self._answered.clear()

    # -- a companion

    def hear(self, said: Companion) -> tuple[Unanswered, Answer] | None:
        """Take a companion; return the failure that it answers, if one waits for it, and what is known of it now."""
        key = (said.server, said.ip)
        last = self._answered.get((key, said.session))
        if last and _is_more_of(last, said) and not said.temporary:
            last.kinds.append(said.kind)
            return None
        if not said.session and key in self._unanswered:
            answered = self._late(key, said)
            if answered:
                self._done(Attempt(key, False, said.stamp, said.user, [said.kind], said.temporary), said.stamp)
                return answered
        waiting = self._waiting.get((key, said.session))
        if waiting:
            waiting.expire(said.stamp)
            for attempt in waiting.attempts:
                if _is_more_of(attempt, said):
                    attempt.kinds.append(said.kind)
                    attempt.temporary |= said.temporary
                    return None
        self._add(Attempt(key, said.session, said.stamp, said.user, [said.kind], said.temporary))
        return None

    def _done(self, attempt: Attempt, stamp: int) -> None:
        """Remember the last attempt that a failure has taken, for another line of it may come late."""
        if len(self._answered) >= MOST:
            self._answered.clear()
        attempt.stamp = stamp
        self._answered[attempt.key, attempt.session] = attempt

    def _add(self, attempt: Attempt) -> None:
        place = (attempt.key, attempt.session)
        waiting = self._waiting.get(place)
        if waiting is None:
            waiting = self._waiting[place] = _Waiting()
        waiting.attempts.append(attempt)
        self._order.append(attempt)
        if len(self._order) > MOST:
            oldest = self._order.popleft()
            if oldest.open:
                if abs(attempt.stamp - oldest.stamp) <= WAIT:
                    self._blind = max(self._blind, oldest.stamp + WAIT)
                self._forget(oldest)

    def _forget(self, attempt: Attempt) -> None:
        place = (attempt.key, attempt.session)
        waiting = self._waiting[place]
        waiting.drop([attempt])
        if not waiting.attempts:
            del self._waiting[place]

    def _late(self, key: Key, said: Companion) -> tuple[Unanswered, Answer] | None:
        """The failure among those unanswered that this companion belongs to."""
        entries = [entry for entry in self._unanswered[key] if -LATE <= entry.stamp - said.stamp <= WAIT]
        named = [entry for entry in entries if entry.user is not None and _same(said.user, entry.user)]
        nameless = [entry for entry in entries if entry.user is None]
        if said.user is None and not nameless:
            named = entries
        if not named and not nameless:
            self._keep(key, entries)
            return None
        taken = (named or nameless)[0]
        if not named and len(nameless) > 1:
            for entry in nameless:
                entry.index = -1
        entries.remove(taken)
        self._keep(key, entries)
        user = None if self._blind > said.stamp else said.user
        return taken, Answer(user, said.temporary)

    def _keep(self, key: Key, entries: list[Unanswered]) -> None:
        if entries:
            self._unanswered[key] = entries
        else:
            del self._unanswered[key]

    # -- a failure

    def ask(self, failure: Failure) -> Answer | None:
        """Return what the companions before it say of a failure, which takes them; None when none waits for it."""
        if failure.ip is None:
            return None
        key = (failure.server, failure.ip)
        for session in (False, True):
            waiting = self._waiting.get((key, session))
            if waiting is None:
                continue
            waiting.expire(failure.stamp)
            answer = None
            if waiting.attempts:
                answer = self._take(waiting, failure) if failure.user is None else self._take_named(waiting, failure)
            if not waiting.attempts:
                del self._waiting[key, session]
            if answer:
                return answer
        return None

    def _take(self, waiting: _Waiting, failure: Failure) -> Answer:
        attempts = waiting.attempts
        first = attempts[0]
        agreed = all(attempt.user == first.user for attempt in attempts) and self._blind <= failure.stamp
        if failure.repeat != 1:  # which of the attempts it stands for is not known
            waiting.spent = len(attempts)
            answer = Answer(None, False)
        elif agreed and not waiting.spent:
            waiting.drop([first])
            self._done(first, failure.stamp)
            return Answer(first.user, first.temporary)
        else:
            waiting.spent += 1
            answer = Answer(first.user if agreed else None, all(attempt.temporary for attempt in attempts))
        waiting.drop([])
        return answer

    def _take_named(self, waiting: _Waiting, failure: Failure) -> Answer | None:
        """The attempt of the user whom Postfix named, or else the oldest without one."""
        user = failure.user or ""
        attempts = waiting.attempts
        taken = next((attempt for attempt in attempts if _same(attempt.user, user)), None)
        taken = taken or next((attempt for attempt in attempts if attempt.user is None), None)
        if taken is None:
            return None
        waiting.drop([taken])
        self._done(taken, failure.stamp)
        return Answer(failure.user, taken.temporary)

    def expect(self, failure: Failure, index: int) -> None:
        """A failure that got no answer waits for a companion that comes late."""
        if failure.ip is not None:
            key = (failure.server, failure.ip)
            entry = Unanswered(key, failure.stamp, failure.user, index, failure)
            self._unanswered.setdefault(key, []).append(entry)

    def settle(self, stamp: int) -> None:
        """Forget the failures that have waited long enough at this time, and the oldest when there are too many."""
        entries = [entry for part in self._unanswered.values() for entry in part if abs(stamp - entry.stamp) <= LATE]
        self._unanswered = {}
        for entry in sorted(entries, key=_age)[-MOST:]:
            self._unanswered.setdefault(entry.key, []).append(entry)

    def unanswered(self) -> list[Unanswered]:
        """Return the failures that wait."""
        return [entry for entries in self._unanswered.values() for entry in entries]

    # -- from run to run

    def dump(self, stamp: int) -> dict[str, Any]:
        """Return what still waits at this time, as JSON takes it; empty for nothing."""
        attempts = []
        for place, waiting in list(self._waiting.items()):
            waiting.expire(stamp)
            if not waiting.attempts:
                del self._waiting[place]
            for number, one in enumerate(waiting.attempts):
                spent = waiting.spent if not number else 0
                attempts.append([*one.key, one.session, one.stamp, one.user, one.kinds, one.temporary, spent])
        self.settle(stamp)
        unanswered = [[*entry.key, entry.stamp, entry.user] for entry in self.unanswered()]
        return {"attempts": attempts, "unanswered": unanswered} if attempts or unanswered else {}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take up again what `dump` returned."""
        for server, ip, session, stamp, user, kinds, temporary, spent in dumped.get("attempts", []):
            self._add(Attempt((server, ip), session, stamp, user, list(kinds), temporary))
            self._waiting[(server, ip), session].spent += spent
        for server, ip, stamp, user in dumped.get("unanswered", []):
            entry = Unanswered((server, ip), stamp, user, -1, None)
            self._unanswered.setdefault((server, ip), []).append(entry)


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
