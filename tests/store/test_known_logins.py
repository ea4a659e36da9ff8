"""The memory of who logs in from where: what it knows, and where it ends."""

import pytest

from maillogsentinel.store import logins
from maillogsentinel.store.database import Database
from maillogsentinel.store.logins import Login


@pytest.fixture
def database(tmp_path):
    found = Database(str(tmp_path), create=True)
    yield found
    found.close()


def save(database, *entries):
    with database.transaction():
        logins.save(database, [Login(*entry) for entry in entries])


def test_what_is_known_of_a_user_grows(database):
    save(database, ("bob", "192.0.2.0/24", "FR", 50, 60, 2), ("bob", "2001:db8::/48", None, 70, 70, 1))
    save(database, ("bob", "192.0.2.0/24", "DE", 10, 90, 3), ("eve", "192.0.2.0/24", "FR", 1, 2, 1))
    assert logins.seen(database, "bob") == [
        Login("bob", "192.0.2.0/24", "DE", 10, 90, 5),
        Login("bob", "2001:db8::/48", None, 70, 70, 1),
    ]
    assert logins.seen(database, "nobody") == []
    assert logins.known(database) == (2, 2)


def test_an_older_login_does_not_change_the_country(database):
    save(database, ("bob", "192.0.2.0/24", "FR", 50, 60, 2))
    save(database, ("bob", "192.0.2.0/24", "DE", 10, 20, 1))
    assert logins.seen(database, "bob") == [Login("bob", "192.0.2.0/24", "FR", 10, 60, 3)]


def test_what_was_not_seen_for_longest_goes_first(database):
    save(database, *(("bob", f"192.0.{number}.0/24", None, 1, 100 + number, 1) for number in range(50)))
    with database.transaction():
        logins.trim(database, 110, 30)
    assert [login.last for login in logins.seen(database, "bob")] == list(range(149, 119, -1))
    with database.transaction():
        logins.trim(database, 145, 30)
    assert [login.last for login in logins.seen(database, "bob")] == list(range(149, 144, -1))


def test_what_is_forgotten_leaves_nothing_in_the_file(database, tmp_path):
    save(database, *((f"secret-{number}", "192.0.2.0/24", None, 1, 1, 1) for number in range(3000)))
    assert b"secret-2999" in (tmp_path / "state.db").read_bytes()
    logins.forget(database)
    assert logins.known(database) == (0, 0)
    assert b"secret-" not in (tmp_path / "state.db").read_bytes()
