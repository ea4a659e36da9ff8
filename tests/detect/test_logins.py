"""A login is looked at beside the failures before it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.logins import Before, NewLogin, compromises
from maillogsentinel.detect.thresholds import Thresholds
from maillogsentinel.parse.login import network

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 20_000 * DAY
LIMITS = Thresholds(user_addresses=20, warning_factor=2, login_failures=10, login_hours=24, login_days=7)


def login(user="bob", ip="192.0.2.7", country="FR", days=100, known_network=False, new_country=False, at=NOW):
    since = None if days is None else at - days * DAY
    return NewLogin(at, user, ip, network(ip), country, since, known_network, not new_country)


def failed(ip="192.0.2.7", user="bob", number=1, before=60):
    return [Before(NOW - before * SECOND - n, ip, user) for n in range(number)]


def sprayed(ip="192.0.2.7", users=12):
    return [one for n in range(users) for one in failed(ip, f"u{n}")]


def guessed(addresses, user="bob"):
    return [one for n in range(addresses) for one in failed(f"198.51.{n}.1", user)]


def severities(logins, failures, limits=LIMITS):
    return [one.severity for one in compromises(logins, failures, limits)]


def test_a_login_after_failures_of_the_same_address_for_many_others_is_critical():
    assert compromises([login()], [*sprayed(), *failed(number=2)], LIMITS) == [
        Finding(
            "login", "critical", "bob",
            '"bob" logged in from 192.0.2.7 (FR) after 14 failures of that address, on 12 other users too.',
            14, 13, 1, first=NOW - 60 * SECOND - 1, last=NOW, examples=("192.0.2.7",),
        )
    ]  # fmt: skip


def test_a_login_from_a_new_country_while_the_password_is_guessed_is_critical():
    (found,) = compromises([login(new_country=True, country="RU")], guessed(30), LIMITS)
    assert (found.severity, found.attempts, found.addresses) == ("critical", 30, 31)
    assert found.sentence == (
        '"bob" logged in from 192.0.2.7 (RU), a country never seen for this user, after 30 failures for this user'
        " from 30 other addresses."
    )


def test_a_login_from_a_new_country_is_a_warning_also_without_failures():
    (found,) = compromises([login(new_country=True, country="RU")], failed(number=9), LIMITS)
    assert (found.severity, found.sentence) == (
        "warning", '"bob" logged in from 192.0.2.7 (RU), a country never seen for this user.'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("failures", "severity"),
    [
        (failed(number=10), "warning"),
        (failed(number=9), None),
        (failed(number=100), "critical"),
        (sprayed(users=2) + failed(number=8), "warning"),
        (sprayed(users=3) + failed(number=7), "critical"),
        (sprayed(users=3) + failed(number=6), None),
        (sprayed("192.0.2.8", 10), "warning"),
        (sprayed("192.0.2.8", 9), None),
        (failed("192.0.2.8", number=99), None),
        (failed("192.0.2.8", number=100), "warning"),
        (guessed(39), None),
        (guessed(40), "notice"),
        (guessed(9) + failed(number=1), None),
    ],
)
def test_in_a_known_country_it_takes_more(failures, severity):
    assert severities([login()], failures) == [severity] * (severity is not None)


@pytest.mark.parametrize(
    ("failures", "severity"),
    [(failed("192.0.2.8", number=10), "critical"), (failed(number=10), "critical"), (guessed(10), "critical"),
     (guessed(9), "warning"), (failed("192.0.2.8", number=9), "warning")],
)  # fmt: skip
def test_in_a_new_country_it_takes_less(failures, severity):
    assert severities([login(new_country=True)], failures) == [severity]


def test_a_forgetful_user_with_a_telephone_alarms_nobody():
    at_home = failed("203.0.113.9", number=50) + guessed(5)
    for country in ("FR", None):
        for own in range(7):
            mobile = failed(number=own) + failed(user="bob@example.org", number=own % 3) + at_home
            assert severities([login(country=country)], mobile) == []


def test_a_network_that_the_user_came_from_before_is_no_matter():
    everything = sprayed(users=99) + guessed(99) + failed(number=999)
    assert severities([login(known_network=True)], everything) == []
    assert severities([login(known_network=True, new_country=True)], everything) == []


@pytest.mark.parametrize("days", [None, 0, 6])
def test_of_a_user_known_for_days_nothing_is_new(days):
    assert severities([login(days=days, new_country=True)], guessed(99) + failed(number=9) + sprayed("192.0.2.8")) == []
    assert severities([login(days=7, new_country=True)], []) == ["warning"]


def test_who_tried_many_before_is_found_also_when_nobody_is_known_yet():
    assert severities([login(days=None)], sprayed(users=10)) == ["critical"]
    assert severities([login(days=None)], sprayed(users=9)) == []


@pytest.mark.parametrize("days", [None, 6])
@pytest.mark.parametrize(
    ("failures", "severity"),
    [(failed(number=9), None), (failed(number=10), "warning"), (failed(number=100), "critical"),
     (sprayed(users=3) + failed(number=7), "critical"), (guessed(99), None), (failed("192.0.2.8", number=100), None)],
)  # fmt: skip
def test_an_account_that_nobody_used_is_found_when_its_password_was_guessed(days, failures, severity):
    found = compromises([login(days=days, new_country=True)], failures, LIMITS, NOW - 7 * DAY)
    assert [one.severity for one in found] == [severity] * (severity is not None)
    assert all("country" not in one.sentence for one in found)


@pytest.mark.parametrize("remembered", [None, NOW, NOW - 6 * DAY])
def test_in_the_first_week_a_guessed_password_is_a_warning_at_least(remembered):
    for failures in (failed(number=10), failed(number=100), sprayed(users=9) + failed()):
        assert [one.severity for one in compromises([login(days=None)], failures, LIMITS, remembered)] == ["warning"]


def test_several_of_a_new_office_are_to_be_asked_about():
    office = [login(f"u{n}", "192.0.2.7", days=None) for n in range(20, 25)]
    found = compromises(office, failed(number=100), LIMITS, NOW - 30 * DAY)
    assert {one.severity for one in found} == {"warning"}


def test_an_office_that_is_known_since_today_alarms_nobody():
    office = [login(f"u{n}", "192.0.2.7", days=None) for n in range(20, 25)]
    assert severities(office, sprayed() + failed(number=99)) == []


@pytest.mark.parametrize(
    ("tried", "logged_in", "same"),
    [
        ("bob", "bob@example.org", True),
        ("bob@example.org", "bob", True),
        ("BOB@Example.ORG", "bob@example.org", True),
        ("bob@example.com", "bob@example.org", False),
        ("bobby", "bob", False),
        ("a@b@example.org", "a@b", False),
    ],
)
def test_names_may_come_without_their_domain_and_in_other_case(tried, logged_in, same):
    found = severities([login(logged_in, new_country=True)], guessed(10, tried))
    assert found == (["critical"] if same else ["warning"])


def test_only_the_hours_before_the_login_count():
    old = failed(number=50, before=86_400)
    assert severities([login()], old) == []
    assert severities([login()], failed(number=50, before=-1)) == []
    assert severities([login()], old, LIMITS._replace(login_hours=25)) == ["warning"]
    assert severities([login()], failed(number=10, before=86_390)) == ["warning"]


def test_ipv6_is_looked_at_by_its_48_bits():
    neighbours = sprayed("2001:db8:7:ffff::1")
    assert severities([login(ip="2001:db8:7:1::1")], neighbours) == ["warning"]
    assert severities([login(ip="2001:db8:8:1::1")], neighbours) == []


def test_without_a_country_the_country_is_not_new():
    unknown = login(country=None, new_country=True)
    assert severities([unknown], guessed(10)) == []
    (found,) = compromises([unknown], sprayed(), LIMITS)
    assert found.sentence == '"bob" logged in from 192.0.2.7 after 12 failures of that address, on 12 other users too.'


def test_the_allow_lists_never_alarm_and_their_failures_tell_nothing():
    nets = LIMITS._replace(allow_networks=("192.0.2.0/24",))
    assert severities([login(new_country=True)], sprayed(), nets) == []
    assert severities([login(ip="203.0.113.1", new_country=True)], failed(number=50), nets) == ["warning"]
    assert severities([login(new_country=True)], sprayed(), LIMITS._replace(allow_users=frozenset({"bob"}))) == []


def test_zero_looks_at_no_login():
    assert severities([login(new_country=True)], sprayed(), LIMITS._replace(login_failures=0)) == []


def test_several_logins_of_one_user_are_one_finding_by_the_most_severe():
    logins = [login(new_country=True, ip=f"203.0.113.{n}", at=NOW + n) for n in range(3)]
    (found,) = compromises([*logins, login("BOB", at=NOW + 5)], sprayed(), LIMITS)
    assert (found.severity, found.first, found.last) == ("critical", NOW - 60 * SECOND, NOW + 5)
    assert found.examples == ("192.0.2.7", "203.0.113.0", "203.0.113.1", "203.0.113.2")
    assert found.sentence.endswith(", and from 3 more addresses after the like.")


def test_one_compromised_account_is_found_among_noise_and_a_botnet():
    noise = [one for n in range(100) for one in failed(f"10.{n}.0.1", f"u{n % 9}", 5)]
    logins = [login(f"u{n}", f"172.16.{n}.1") for n in range(9)]
    taken = login(ip="198.51.3.1", country="RU", new_country=True)
    found = compromises([*logins, taken], noise + guessed(200), LIMITS)
    assert [(one.subject, one.severity) for one in found] == [("bob", "critical")]


users = st.sampled_from(["bob", "Bob", "bob@example.org", "eve", "eve@example.org", "", "x" * 300, "a\\x00"])
ips = st.sampled_from(["192.0.2.7", "192.0.2.8", "198.51.100.1", "203.0.113.5", "2001:db8:1::1", "2001:db8:1:2::3"])
moments = st.integers(NOW - 2 * DAY, NOW + 100)
countries = st.sampled_from(["FR", None])
days = st.sampled_from([None, 3, 50])
some_login = st.builds(login, users, ips, countries, days, st.just(False), st.booleans(), moments)
some_failure = st.builds(Before, moments, st.one_of(st.none(), st.just("x:"), ips), st.one_of(st.none(), users))


@settings(max_examples=80, deadline=None)
@given(st.lists(some_login, max_size=8), st.lists(some_failure, max_size=80), st.randoms(use_true_random=False))
def test_the_order_of_logins_and_failures_makes_no_difference(logins, failures, chance):
    limits = LIMITS._replace(login_failures=3)
    found = compromises(logins, failures, limits)
    assert found == sorted(found, key=order)
    assert len({one.subject for one in found}) == len(found)
    chance.shuffle(logins)
    chance.shuffle(failures)
    assert compromises(logins, failures, limits) == found
