"""Which addresses are listed, which never are, and for how long."""

import tracemalloc
from ipaddress import ip_address, ip_network

import pytest

from maillogsentinel.export.blocklist import Rules, Spared, entries, listed
from maillogsentinel.localtime import HOUR, MINUTE
from maillogsentinel.parse.login import network
from maillogsentinel.store.addresses import Attempt

hypothesis = pytest.importorskip("hypothesis", reason="install the Debian package python3-hypothesis")
from hypothesis import strategies as st  # noqa: E402

NOW = 1_000 * HOUR
RULES = Rules(
    failures=3,
    users=0,
    within=HOUR,
    expire=10 * HOUR,
    network_addresses=0,
    most=100,
    allow_users=frozenset(),
    bait_users=frozenset(),
)
NOBODY = Spared([], frozenset(), private=True)


def tries(*found):
    """Attempts of (address, minutes before NOW, user), in the order in which the store gives them."""
    attempts = [Attempt(network(ip), ip, NOW - int(ago * MINUTE), user) for ip, ago, user in found]
    return sorted(attempts, key=lambda attempt: attempt[:3])


def many(ip, count=3, ago=30, user="info"):
    """So many failures of one address, a second from each other."""
    return [(ip, ago - number / 60, user) for number in range(count)]


def blocked(found, spared=NOBODY, join=True, **rules):
    """The list as texts."""
    of = RULES._replace(**rules)
    return [str(entry.network) for entry in entries(listed(tries(*found), of, spared, NOW), of.expire, NOW, join)]


def test_an_address_is_listed_from_the_failure_that_reaches_the_threshold():
    assert blocked(many("203.0.113.7", 2)) == []
    assert blocked(many("203.0.113.7", 3)) == ["203.0.113.7/32"]
    assert blocked(many("2001:db8::7", 3)) == ["2001:db8::7/128"]
    assert blocked(many("203.0.113.7", 1), failures=1) == ["203.0.113.7/32"]


def test_failures_that_lie_further_apart_do_not_add_up():
    apart = [("203.0.113.7", minutes, "info") for minutes in (0, 31, 62, 93)]
    assert blocked(apart) == []
    assert blocked(apart, within=62 * MINUTE) == ["203.0.113.7/32"]


def test_many_users_within_the_hours_are_enough():
    found = [("203.0.113.7", minutes, f"u{minutes}") for minutes in (0, 40, 80, 120)]
    assert blocked(found, failures=100, users=3, within=80 * MINUTE) == ["203.0.113.7/32"]
    assert blocked(found, failures=100, users=3, within=79 * MINUTE) == []
    assert blocked(found, failures=100, users=4, within=80 * MINUTE) == []
    again = [("203.0.113.7", ago, user) for ago, user in ((100, "a"), (95, "b"), (50, "a"), (30, "c"))]
    assert blocked(again, failures=100, users=3) == []
    assert blocked(again, failures=100, users=3, within=65 * MINUTE) == ["203.0.113.7/32"]
    assert blocked(many("203.0.113.7", 9), failures=100, users=2) == []
    assert blocked(many("203.0.113.7", 9, user=None), failures=100, users=1) == []
    assert blocked([("203.0.113.7", 1, "Bob"), ("203.0.113.7", 2, "bob")], failures=100, users=2) == []


def test_it_stays_listed_until_so_long_after_its_last_failure():
    assert blocked(many("203.0.113.7", ago=599)) == ["203.0.113.7/32"]
    assert blocked(many("203.0.113.7", ago=601)) == []
    later = [*many("203.0.113.7", ago=2000), ("203.0.113.7", 500, "info")]
    (entry,) = entries(listed(tries(*later), RULES, NOBODY, NOW), RULES.expire, NOW, True)
    assert entry.until == NOW - 500 * MINUTE + RULES.expire


def test_a_clock_that_was_ahead_makes_nothing_listed_for_longer():
    (entry,) = entries(listed(tries(*many("203.0.113.7", ago=-9000)), RULES, NOBODY, NOW), RULES.expire, NOW, True)
    assert entry.until == NOW + RULES.expire


def test_failures_for_allowed_users_do_not_count():
    found = many("203.0.113.7", 9, user="Scanner@Example.org")
    allowed = frozenset({"scanner@example.org"})
    assert blocked(found, allow_users=allowed) == []
    assert blocked(found, allow_users=allowed, bait_users=allowed) == []
    assert blocked([*found, *many("203.0.113.7", 2)], allow_users=allowed) == []
    assert blocked([*found, *many("203.0.113.7", 3)], allow_users=allowed) == ["203.0.113.7/32"]


def test_one_attempt_on_a_bait_user_is_enough():
    assert blocked([("203.0.113.7", 5, "Old.Printer")], bait_users=frozenset({"old.printer"})) == ["203.0.113.7/32"]


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.7", "100.64.0.9", "fd00::7", "fe80::7", "169.254.1.1", "224.0.0.1"],
)
def test_an_address_that_is_nobodys_on_the_internet_is_never_listed(ip):
    assert blocked(many(ip, 99), bait_users=frozenset({"info"})) == []


def test_private_addresses_are_listed_where_that_is_wanted_but_never_the_host_itself():
    spared = Spared([], frozenset(), private=False)
    found = [one for ip in ("10.1.2.3", "fd00::7", "127.0.0.1", "::1", "fe80::7") for one in many(ip)]
    assert blocked(found, spared) == ["10.1.2.3/32", "fd00::7/128"]


def test_what_is_spared_is_not_listed_whatever_it_does():
    spared = Spared(["203.0.113.8/29", "198.51.100.9", "2001:db8:1::/48"], frozenset({"192.0.2.0/24"}), private=True)
    addresses = ("203.0.113.8", "203.0.113.15", "198.51.100.9", "2001:db8:1:2::3", "192.0.2.200")
    found = [one for ip in addresses for one in many(ip, 99)]
    assert blocked(found, spared, network_addresses=1, bait_users=frozenset({"info"})) == []
    assert blocked(many("203.0.113.7"), spared) == ["203.0.113.7/32"]
    assert blocked(many("203.0.113.16"), spared) == ["203.0.113.16/32"]


def test_enough_listed_addresses_make_their_network_listed():
    found = [
        one for last in range(1, 5) for ip in (f"203.0.113.{last * 9}", f"2001:db8:1:{last}::7") for one in many(ip)
    ]
    assert blocked(found, network_addresses=4) == ["203.0.113.0/24", "2001:db8:1::/48"]
    assert len(blocked(found, network_addresses=5)) == 8
    assert len(blocked(found, network_addresses=0)) == 8
    harmless = [(f"203.0.113.{last}", 5, "info") for last in range(50)]
    assert blocked(harmless, network_addresses=2) == []


@pytest.mark.parametrize(
    "spared",
    [
        Spared(["203.0.113.200"], frozenset(), private=True),
        Spared(["203.0.0.0/16"], frozenset(), private=True),
        Spared([], frozenset({"203.0.113.0/24"}), private=True),
    ],
)
def test_no_network_swallows_what_is_spared(spared):
    found = [one for last in range(1, 9) for one in many(f"203.0.113.{last * 9}")]
    assert "203.0.113.0/24" not in blocked(found, spared, network_addresses=2)


def test_no_network_holds_an_address_of_the_host_itself():
    found = [one for last in range(2, 9) for one in many(f"::{last}:0:1")]
    assert len(blocked(found, network_addresses=2)) == 7


def test_a_network_goes_when_its_last_address_would():
    found = [*many("203.0.113.7", ago=500), *many("203.0.113.99", ago=200)]
    rules = RULES._replace(network_addresses=2)
    (entry,) = entries(listed(tries(*found), rules, NOBODY, NOW), rules.expire, NOW, True)
    assert entry.until // MINUTE == (NOW - 200 * MINUTE + RULES.expire) // MINUTE


def test_adjacent_addresses_become_a_network_that_goes_when_its_first_part_would():
    found = [*many("203.0.113.6", ago=500), *many("203.0.113.7", ago=100), *many("203.0.113.8", ago=100)]
    assert blocked(found) == ["203.0.113.6/31", "203.0.113.8/32"]
    assert blocked(found, join=False) == ["203.0.113.6/32", "203.0.113.7/32", "203.0.113.8/32"]
    first, _ = entries(listed(tries(*found), RULES, NOBODY, NOW), RULES.expire, NOW, True)
    assert first.until // MINUTE == (NOW - 500 * MINUTE + RULES.expire) // MINUTE


def test_the_worst_stay_where_there_are_too_many():
    found = [
        *many("203.0.113.1", 5),
        *many("203.0.113.33", 9),
        *many("203.0.113.65", 3, user="bait"),
        *many("203.0.113.97", 4),
    ]
    bait = frozenset({"bait"})
    assert blocked(found, bait_users=bait, most=2) == ["203.0.113.33/32", "203.0.113.65/32"]


def test_memory_does_not_grow_with_the_addresses():
    def peak(count):
        addresses = (f"2001:db8:{number // 100:x}::{number % 100:x}" for number in range(count))
        attempts = (Attempt(network(ip), ip, NOW - 1, "info" * 100 + ip) for ip in addresses)
        tracemalloc.start()
        try:
            found = listed(attempts, RULES._replace(failures=1, network_addresses=50, most=50), NOBODY, NOW)
            return tracemalloc.get_traced_memory()[1], len(found)
        finally:
            tracemalloc.stop()

    few, _ = peak(2_000)
    more, number = peak(20_000)
    assert number == 50
    assert more < few + 200_000


@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from([f"203.0.113.{last}" for last in (1, 2, 3, 64, 65, 200)] + ["2001:db8::1", "2001:db8::2"]),
            st.integers(0, 700),
            st.sampled_from(["a", "b", "c", "ours", "bait", None]),
        ),
        max_size=60,
    ),
    st.integers(0, 3),
    st.integers(0, 3),
)
@hypothesis.settings(deadline=None, max_examples=150)
def test_whatever_happened_the_list_is_what_the_rules_say(found, enough, users):
    rules = RULES._replace(
        network_addresses=enough, users=users, allow_users=frozenset({"ours"}), bait_users=frozenset({"bait"})
    )
    spared = Spared(["203.0.113.64"], frozenset(), private=True)
    result = [ip_network(text) for text in blocked(found, spared, **rules._asdict())]
    bad = {ip for ip, _, _ in found if ip != "203.0.113.64" and _is_bad(ip, found, rules)}
    covered = {ip for ip, _, _ in found if any(ip_address(ip) in part for part in result)}
    assert bad <= covered
    assert not any(ip_address("203.0.113.64") in part for part in result)
    assert all(
        not one.overlaps(two) for one in result for two in result if one is not two and one.version == two.version
    )
    if not enough:
        assert sum(part.num_addresses for part in result) == len(bad)
    whole = [ip for ip in bad if network(ip) == "2001:db8::/48"]
    assert (ip_network("2001:db8::/48") in result) == (0 < enough <= len(whole))


def _is_bad(ip, found, rules):
    """The rules, told again in the simplest way."""
    mine = sorted(((-ago, user) for one, ago, user in found if one == ip and user != "ours"), key=lambda one: one[0])
    if not mine or -mine[-1][0] >= rules.expire // MINUTE:
        return False
    if any(user == "bait" for _, user in mine):
        return True
    for begin, _ in mine:
        inside = [user for minute, user in mine if begin <= minute <= begin + rules.within // MINUTE]
        if len(inside) >= rules.failures or 0 < rules.users <= len(set(inside) - {None}):
            return True
    return False
