"""Logins that detection has to look at: what each was to what had been known of its user."""

import json
from collections.abc import Iterable

from maillogsentinel.detect.logins import NewLogin
from maillogsentinel.store.database import Database
from maillogsentinel.store.logins import Login


def compared(database: Database, found: Iterable[tuple[Login, str]]) -> list[NewLogin]:
    """Return what the logins of a batch, each with its latest address, were to those known before: to state.db's, and
    to the earlier ones among themselves. To be asked before they are saved."""
    ordered = sorted(found, key=lambda pair: (pair[0].first, pair[0].network))
    users = {login.user: _User() for login, _ in ordered}
    if users:
        for name, network, country, first in database.each(
            "SELECT user, network, country, first FROM login WHERE user IN (SELECT value FROM json_each(?))",
            (json.dumps(list(users)),),
        ):
            users[name].add(network, country, first)
    result = []
    for login, ip in ordered:
        user = users[login.user]
        known = login.network in user.networks
        result.append(
            NewLogin(
                login.last if known else login.first,
                login.user,
                ip,
                login.network,
                login.country,
                user.since,
                known,
                login.country in user.countries,
            )
        )
        user.add(login.network, login.country, login.first)
    return result


class _User:
    """What is known of a user before a login."""

    __slots__ = ("countries", "networks", "since")

    def __init__(self) -> None:
        self.since: int | None = None
        self.networks: set[str] = set()
        self.countries: set[str | None] = set()

    def add(self, network: str, country: str | None, first: int) -> None:
        self.networks.add(network)
        self.countries.add(country)
        self.since = first if self.since is None else min(self.since, first)


def save(database: Database, found: Iterable[NewLogin]) -> None:
    """Keep logins for detection to see; those from where the user came before say nothing, and most are such. In a
    transaction of the caller."""
    database.run_many(
        "INSERT INTO new_login (stamp, user, ip, network, country, known_since, known_network, known_country, judged)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (login for login in found if not login.known_network),
    )


def wait(database: Database, start: int, end: int) -> bool:
    """Return whether there are logins from `start` to `end` (UTC microseconds) that detection has not seen."""
    rows = database.rows("SELECT 1 FROM new_login WHERE judged = 0 AND stamp >= ? AND stamp < ? LIMIT 1", (start, end))
    return bool(rows)


def judged(database: Database) -> None:
    """Note that detection has seen all; in a transaction of the caller."""
    database.run("UPDATE new_login SET judged = 1 WHERE judged = 0")


def trim(database: Database, oldest: int, most: int) -> None:
    """Drop what detection has seen and what is older than `oldest` (UTC microseconds), and what is more than `most`,
    the earliest first; in a transaction of the caller."""
    database.run("DELETE FROM new_login WHERE judged = 1 AND stamp < ?", (oldest,))
    database.run(
        "DELETE FROM new_login WHERE id IN (SELECT id FROM new_login ORDER BY id DESC LIMIT -1 OFFSET ?)", (most,)
    )
