"""Answers of reverse DNS, kept in state.db from run to run."""

from collections.abc import Mapping, Sequence

from maillogsentinel.enrich.reverse_dns import Answer
from maillogsentinel.localtime import SECOND, now
from maillogsentinel.store.database import Database

_AT_ONCE = 500  # SQLite's limit of variables in a statement was 999 once


class DnsCache:
    """The resolver's cache. An answer asked for in this run stays for the run, even one that must not be kept.

    What the resolver puts is stored by `save`, in the transaction that stores the batch.
    """

    def __init__(self, database: Database, keep: bool, size: int) -> None:
        self._database = database
        self._size = size
        self._run = now()
        self._unsaved: dict[str, Answer] = {}
        if not keep:
            self._size = 0

    def get(self, addresses: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that are still valid, or were got in this run."""
        found: dict[str, Answer] = {}
        wanted = list(addresses)
        moment = now()
        for at in range(0, len(wanted), _AT_ONCE):
            part = wanted[at : at + _AT_ONCE]
            marks = ",".join("?" * len(part))
            rows = self._database.rows(
                "SELECT ip, hostname, status, expires FROM dns"  # noqa: S608 (question marks only)
                f" WHERE ip IN ({marks}) AND (run = ? OR (expires > ? AND ?))",
                (*part, self._run, moment, self._size > 0),
            )
            for ip, hostname, status, expires in rows:
                found[ip] = Answer(hostname, status, max(0.0, (expires - moment) / SECOND))
        found.update((ip, self._unsaved[ip]) for ip in wanted if ip in self._unsaved)
        return found

    def put(self, answers: Mapping[str, Answer]) -> None:
        """Take new answers."""
        self._unsaved.update(answers)

    def save(self) -> None:
        """Store what was put; in a transaction of the caller."""
        moment = now()
        self._database.run_many(
            "INSERT OR REPLACE INTO dns VALUES (?, ?, ?, ?, ?)",
            [
                (ip, answer.hostname, answer.status, moment + int(answer.keep * SECOND), self._run)
                for ip, answer in self._unsaved.items()
            ],
        )
        self._unsaved = {}

    def trim(self) -> None:
        """Drop what has expired, and the answers nearest to it beyond the configured number; after the run."""
        self._database.run("DELETE FROM dns WHERE expires <= ?", (now(),))
        self._database.run(
            "DELETE FROM dns WHERE ip IN (SELECT ip FROM dns ORDER BY expires DESC LIMIT -1 OFFSET ?)", (self._size,)
        )
