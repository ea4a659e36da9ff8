"""What a login was to those before it: the network, the country, and how long the user is known."""

import pytest

from maillogsentinel.store import logins, new_logins
from maillogsentinel.store.database import Database
from maillogsentinel.store.logins import Login


@pytest.fixture
def database(tmp_path):
    found = Database(str(tmp_path), create=True)
    yield found
    found.close()


def batch(database, *found):
    """Let logins be read and committed, each a user, an address, a country and a time; return what each was."""
    made = [(Login(user, f"{ip.rpartition('.')[0]}.0/24", country, at, at, 1), ip) for user, ip, country, at in found]
    compared = new_logins.compared(database, made)
    with database.transaction():
        logins.save(database, [login for login, _ in made])
        new_logins.save(database, compared)
    return [(one.ip, one.known_since, one.known_network, one.known_country) for one in compared]


def test_each_login_is_compared_with_those_of_earlier_batches(database):
    assert batch(database, ("bob", "192.0.2.1", "FR", 50)) == [("192.0.2.1", None, False, False)]
    assert batch(database, ("bob", "192.0.2.9", "FR", 60)) == [("192.0.2.9", 50, True, True)]
    assert batch(database, ("bob", "198.51.100.1", "FR", 70)) == [("198.51.100.1", 50, False, True)]
    assert batch(database, ("bob", "203.0.113.1", "BR", 80)) == [("203.0.113.1", 50, False, False)]
    assert batch(database, ("eve", "203.0.113.1", "BR", 90)) == [("203.0.113.1", None, False, False)]


def test_logins_of_one_batch_are_compared_in_the_order_of_time(database):
    assert batch(
        database,
        ("bob", "203.0.113.1", "BR", 80),
        ("bob", "192.0.2.1", "FR", 50),
        ("bob", "198.51.100.1", "FR", 70),
    ) == [
        ("192.0.2.1", None, False, False),
        ("198.51.100.1", 50, False, True),
        ("203.0.113.1", 50, False, False),
    ]


def test_a_login_from_a_known_network_does_not_wait(database):
    for at in range(50, 90, 10):
        batch(database, ("bob", "192.0.2.1", "FR", at))
    assert database.rows("SELECT stamp, known_network FROM new_login") == [(50, 0)]


def test_what_detection_has_seen_is_kept_for_a_while(database):
    batch(database, ("bob", "192.0.2.1", "FR", 50), ("eve", "198.51.100.1", None, 60))
    batch(database, ("bob", "192.0.2.7", "FR", 70))
    with database.transaction():
        new_logins.judged(database)
    batch(database, ("bob", "203.0.113.1", "FR", 40))
    assert database.rows("SELECT stamp, judged FROM new_login ORDER BY stamp") == [(40, 0), (50, 1), (60, 1)]
    with database.transaction():
        new_logins.trim(database, 55, 100)
    assert database.rows("SELECT stamp FROM new_login ORDER BY stamp") == [(40,), (60,)]
    with database.transaction():
        new_logins.trim(database, 0, 1)
    assert database.rows("SELECT stamp FROM new_login") == [(40,)]


def test_what_is_forgotten_leaves_nothing_in_the_file(database, tmp_path):
    made = [(Login(f"secret-{number}", "192.0.2.0/24", None, 1, 1, 1), "192.0.2.1") for number in range(2000)]
    with database.transaction():
        new_logins.save(database, new_logins.compared(database, made))
    assert b"secret-1999" in (tmp_path / "state.db").read_bytes()
    logins.forget(database)
    assert database.rows("SELECT count(*) FROM new_login") == [(0,)]
    assert b"secret-" not in (tmp_path / "state.db").read_bytes()
