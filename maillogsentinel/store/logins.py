"""Who logs in successfully, from where and when: a bounded memory of pairs of user and network."""

from typing import NamedTuple

from maillogsentinel.store.database import Database


class Login(NamedTuple):
    """One user's logins from one network."""

    user: str
    """As the log has it, safe text; no distinction is made between what Postfix and what Dovecot was asked for."""
    network: str
    """The /24 of IPv4 addresses, the /48 of IPv6 ones."""
    country: str | None
    """ISO 3166 code of the latest address; None when it is not known."""
    first: int
    """UTC, microseconds since 1970."""
    last: int
    times: int
    """Lines that told of a login; Postfix writes one for each mail."""


def save(database: Database, found: list[Login]) -> None:
    """Add to what is known; in a transaction of the caller."""
    database.run_many(
        "INSERT INTO login VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user, network) DO UPDATE SET"
        " country = CASE WHEN excluded.last >= last THEN excluded.country ELSE country END,"
        " first = min(first, excluded.first), last = max(last, excluded.last), count = count + excluded.count",
        found,
    )


def seen(database: Database, user: str) -> list[Login]:
    """Return from where `user` (safe text) has logged in, the latest network first."""
    rows = database.rows(
        "SELECT user, network, country, first, last, count FROM login WHERE user = ? ORDER BY last DESC, network",
        (user,),
    )
    return [Login(*row) for row in rows]


def known(database: Database) -> tuple[int, int]:
    """Return how many users and how many networks are known."""
    users, networks = database.rows("SELECT count(DISTINCT user), count(DISTINCT network) FROM login")[0]
    return users, networks


def since(database: Database) -> int | None:
    """Return when the first login was that is known, UTC microseconds; None where none is."""
    found: int | None = database.rows("SELECT min(first) FROM login")[0][0]
    return found


def networks(database: Database) -> frozenset[str]:
    """Return the networks that anybody logged in from, as far as they are known."""
    return frozenset(network for (network,) in database.rows("SELECT DISTINCT network FROM login"))


def trim(database: Database, oldest: int, most: int) -> None:
    """Drop what was last seen before `oldest` (UTC microseconds), and what is more than `most` pairs, the one that was
    not seen for longest first; in a transaction of the caller."""
    database.run("DELETE FROM login WHERE last < ?", (oldest,))
    if database.rows("SELECT count(*) FROM login")[0][0] > most:
        database.run(
            "DELETE FROM login WHERE (user, network) IN"
            " (SELECT user, network FROM login ORDER BY last DESC, user, network LIMIT -1 OFFSET ?)",
            (most,),
        )


def forget(database: Database) -> None:
    """Drop everything, what detection found in logins as well, and leave nothing of it in the file."""
    if not database.rows(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM login) OR EXISTS (SELECT 1 FROM new_login) OR EXISTS"
        " (SELECT 1 FROM finding WHERE kind = 'login') OR EXISTS (SELECT 1 FROM alert WHERE kind = 'login')"
    ):
        return
    with database.overwriting(), database.transaction():
        database.run("DELETE FROM login")
        database.run("DELETE FROM new_login")
        database.run("DELETE FROM finding WHERE kind = 'login'")
        database.run("DELETE FROM alert WHERE kind = 'login'")
