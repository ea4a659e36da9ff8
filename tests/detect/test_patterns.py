"""One span's failures, counted by who tried whom."""

import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.patterns import MOST, Attempt, Patterns, patterns, patterns_of
from maillogsentinel.detect.thresholds import Thresholds
from maillogsentinel.errors import StoreError
from maillogsentinel.model import Row
from maillogsentinel.parse.login import network

ROOT = Path(__file__).parents[2]
LIMITS = Thresholds(
    user_addresses=4, address_users=4, network_users=6, organisation_users=8, country_users=10, warning_factor=2
)


def tried(ip, user, number=1, country="NL", asn="64500", aso="Example Hosting", server="mx"):
    return Attempt(server, ip, user, country, asn, aso), number


def users_of(ip, number, **values):
    return [tried(ip, f"u{ip}-{each}", **values) for each in range(number)]


def kinds(found):
    return [(one.kind, one.subject) for one in found.findings]


def test_nothing_is_found_in_nothing():
    assert patterns([], LIMITS) == Patterns([], 0, 0)


def test_one_user_tried_from_many_addresses_is_found_however_few_tries_each_has():
    found = patterns([tried(f"192.0.{n}.7", "bob", country=None, asn=None) for n in range(4)], LIMITS)
    assert found.findings == [
        Finding(
            "distributed", "notice", "bob",
            'The user "bob" was tried from 4 addresses that tried hardly anybody else, 4 times in all.',
            4, 1, 4, examples=("192.0.0.7", "192.0.1.7", "192.0.2.7", "192.0.3.7"),
        )
    ]  # fmt: skip
    assert patterns([tried(f"192.0.{n}.7", "bob") for n in range(3)], LIMITS).findings == []


def test_addresses_that_walk_through_many_names_are_not_after_one_user():
    walkers = [tried(f"192.0.{n}.7", user, country=None, asn=None) for n in range(9) for user in "abcdef"]
    limits = LIMITS._replace(address_users=0, network_users=0)
    assert patterns(walkers, limits).findings == []
    few = [one for one in walkers if one[0].user != "f"]
    assert {one.subject for one in patterns(few, limits).findings} == set("abcde")


def test_a_user_is_found_among_many_addresses_only_when_one_in_twenty_tries_that_one():
    crowd = [tried(f"10.0.{n}.1", f"u{n // 3}", country=None, asn=None) for n in range(200)]
    after_bob = [tried(f"10.1.{n}.1", "bob", asn=None, country=None) for n in range(11)]
    assert patterns([*crowd, *after_bob[:9]], LIMITS).findings == []
    assert kinds(patterns([*crowd, *after_bob], LIMITS)) == [("distributed", "bob")]


def test_one_address_that_tries_many_users_is_one_finding_and_not_also_one_of_all_that_it_lies_in():
    found = patterns(users_of("192.0.2.7", 30), LIMITS)
    assert [(one.kind, one.severity, one.subject, one.sentence) for one in found.findings] == [
        ("spraying", "warning", "192.0.2.7", "The address 192.0.2.7 tried 30 different users, 30 times in all.")
    ]
    assert (found.findings[0].users, found.findings[0].addresses) == (30, 1)
    assert patterns(users_of("192.0.2.7", 3), LIMITS).findings == []


def test_twice_the_threshold_is_a_warning_with_a_factor_of_two():
    assert [patterns(users_of("192.0.2.7", number), LIMITS).findings[0].severity for number in (7, 8)] == [
        "notice", "warning"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("addresses", "subject"), [("192.0.2.{}", "192.0.2.0/24"), ("2001:db8:7:{}::1", "2001:db8:7::/48")]
)
def test_a_network_whose_addresses_together_try_many_users_is_found(addresses, subject):
    found = patterns([one for n in range(1, 4) for one in users_of(addresses.format(n), 2)], LIMITS)
    assert kinds(found) == [("network", subject)]
    assert found.findings[0].sentence == f"3 addresses of {subject} tried 6 different users, 6 times in all."
    assert (found.findings[0].users, found.findings[0].addresses, found.findings[0].attempts) == (6, 3, 6)


def test_an_as_whose_networks_together_try_many_users_is_found_by_its_number_and_name():
    found = patterns([one for n in range(4) for one in users_of(f"192.0.{n}.1", 2)], LIMITS)
    assert kinds(found) == [("organisation", "AS64500")]
    assert found.findings[0].sentence == (
        "4 addresses of AS64500 (Example Hosting) tried 8 different users, 8 times in all."
    )


def test_a_country_whose_systems_together_try_many_users_is_found():
    found = patterns([one for n in range(5) for one in users_of(f"192.0.{n}.1", 2, asn=str(n))], LIMITS)
    assert kinds(found) == [("country", "NL")]
    assert found.findings[0].sentence == "5 addresses in NL tried 10 different users, 10 times in all."


def test_a_wide_group_is_told_when_most_of_it_lies_outside_of_the_narrow_one():
    inside = users_of("192.0.2.7", 4)
    around = [one for n in range(3, 8) for one in users_of(f"192.0.{n}.1", 1)]
    assert kinds(patterns([*inside, *around[:4]], LIMITS)) == [("spraying", "192.0.2.7")]
    assert set(kinds(patterns([*inside, *around], LIMITS))) == {("spraying", "192.0.2.7"), ("organisation", "AS64500")}


def test_a_network_found_is_not_told_again_of_its_as_and_country():
    inside = [one for n in range(1, 6) for one in users_of(f"192.0.2.{n}", 3)]
    assert kinds(patterns(inside, LIMITS)) == [("network", "192.0.2.0/24")]
    systems = [one for n in range(10) for one in users_of(f"192.0.{n}.1", 1)]
    assert kinds(patterns(systems, LIMITS)) == [("organisation", "AS64500")]


def test_an_attempt_on_bait_marks_its_address():
    limits = LIMITS._replace(bait_users=frozenset({"olga", "test"}))
    found = patterns([tried("192.0.2.7", "Olga", 3), tried("192.0.2.7", "test"), tried("192.0.2.8", "bob")], limits)
    assert [(one.kind, one.severity, one.subject, one.attempts, one.users) for one in found.findings] == [
        ("bait", "notice", "192.0.2.7", 4, 2)
    ]
    assert found.findings[0].sentence == ('The address 192.0.2.7 tried the bait "olga" and "test", 4 times in all.')


def test_the_allow_lists_are_counted_apart_and_are_in_no_finding():
    limits = LIMITS._replace(
        allow_networks=("192.0.2.0/24", "2001:db8::/32"), allow_users=frozenset({"scanner"}),
        bait_users=frozenset({"olga"}),
    )  # fmt: skip
    attempts = [
        *users_of("192.0.2.7", 30), *users_of("2001:db8:1::1", 30),
        tried("192.0.2.9", "olga"), tried("192.0.2.9", None, 5),
        *(tried(f"198.51.{n}.1", "Scanner", 2) for n in range(30)),
    ]  # fmt: skip
    assert patterns(attempts, limits) == Patterns([], 30 + 30 + 1 + 5 + 60)
    assert len(patterns([*attempts, *users_of("192.0.3.7", 4)], limits).findings) == 1


def test_upper_and_lower_case_are_one_user_and_domains_are_several():
    assert patterns([tried("192.0.2.7", user) for user in ("bob", "Bob", "BOB", "boB", "bob")], LIMITS).findings == []
    names = ("bob", "bob@a.example", "bob@b.example", "BOB@C.example")
    assert kinds(patterns([tried("192.0.2.7", user) for user in names], LIMITS)) == [("spraying", "192.0.2.7")]


def test_what_is_not_known_or_no_address_is_in_no_group():
    attempts = [
        *(tried(None, f"u{n}") for n in range(50)), *(tried(f"192.0.{n}.1", None, 9) for n in range(50)),
        *(tried("x" if n % 2 else ":x:", f"u{n}") for n in range(50)),
        *(one for n in range(9) for one in users_of(f"10.0.{n}.1", 3, country=None, asn=None)),
    ]  # fmt: skip
    assert patterns(attempts, LIMITS) == Patterns([], 0)


def test_a_threshold_of_zero_looks_for_nothing():
    attempts = [*users_of("192.0.2.7", 99), *(tried(f"10.0.{n}.1", "bob") for n in range(99))]
    assert patterns(attempts, Thresholds()).findings == []


def test_servers_are_named_where_several_are_told_apart():
    attempts = [tried("192.0.2.7", f"u{n}", server=f"mx{n % 3}") for n in range(4)]
    (found,) = patterns(attempts, LIMITS, several_servers=True).findings
    assert found.servers == ("mx0", "mx1", "mx2")
    assert found.sentence == "The address 192.0.2.7 tried 4 different users, 4 times in all, at mx0, mx1 and mx2."
    (alone,) = patterns(attempts, LIMITS).findings
    assert (alone.servers, alone.sentence) == (
        (), "The address 192.0.2.7 tried 4 different users, 4 times in all."
    )  # fmt: skip


def test_a_name_of_an_attacker_cannot_make_a_sentence_long():
    (found,) = patterns(
        [tried(f"192.0.{n}.7", "x" * 16_000, asn=None, country=None) for n in range(4)], LIMITS
    ).findings
    assert len(found.subject) == 255
    assert len(found.sentence) < 300


def test_of_a_kind_only_the_largest_are_told_and_the_others_counted():
    limits = LIMITS._replace(network_users=0, organisation_users=0, country_users=0)
    attempts = [one for n in range(MOST + 7) for one in users_of(f"10.{n}.0.1", 4 + (n > 6))]
    found = patterns(attempts, limits)
    assert (len(found.findings), found.left_out) == (MOST, 7)
    assert {one.users for one in found.findings} == {5}


# -- the same by plain counting, in any order, in memory or not


def counted_plainly(attempts, limits):
    """Kind, subject, users or addresses, and attempts of each finding, by the shortest way there is."""
    tries = defaultdict(int)
    for one, number in attempts:
        if None not in (one.ip, one.user):
            tries[one.ip, one.user.lower(), one.asn, one.country] += number
    users_of_ip = defaultdict(set)
    for ip, user, _, _ in tries:
        users_of_ip[ip].add(user)
    focused = {ip for ip, users in users_of_ip.items() if len(users) <= 5}
    groups = defaultdict(lambda: (set(), []))
    for (ip, user, asn, country), number in tries.items():
        of = {"spraying": ip, "network": network(ip), "organisation": asn and f"AS{asn}", "country": country}
        for kind, subject in of.items():
            if subject:
                groups[kind, subject][0].add(user)
                groups[kind, subject][1].append(number)
        if ip in focused:
            groups["distributed", user][0].add(ip)
            groups["distributed", user][1].append(number)
    least = {
        "spraying": limits.address_users, "network": limits.network_users, "organisation": limits.organisation_users,
        "country": limits.country_users, "distributed": max(limits.user_addresses, len(focused) // 20),
    }  # fmt: skip
    return {(*key, len(who), sum(counts)) for key, (who, counts) in groups.items() if len(who) >= least[key[0]]}


def hostile(seed, count=600):
    chance = random.Random(seed)
    ips = [None, "x", *(f"192.0.{n // 5}.{n % 5}" for n in range(20)), *(f"2001:db8:{n // 2}::{n}" for n in range(6))]
    users = [None, "", "Bob", "bob", "a\\x00b", "漢字", "<b>", "\udcff", *(f"u{n}" for n in range(12))]
    return [
        tried(
            chance.choice(ips), chance.choice(users), chance.randint(1, 3), chance.choice([None, "NL", "FR", "CN"]),
            chance.choice([None, "1", "2", "3"]), chance.choice([None, "One", "Two"]), chance.choice(["mx1", "mx2"]),
        )
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_every_finding_is_one_of_plain_counting_and_what_is_left_out_lies_in_another(seed):
    attempts = hostile(seed, 150 + 50 * seed)
    valid = [(one, number) for one, number in attempts if one.ip != "x"]
    found = {
        (one.kind, one.subject, one.addresses if one.kind == "distributed" else one.users, one.attempts)
        for one in patterns(attempts, LIMITS).findings
    }
    plain = counted_plainly(valid, LIMITS)
    assert found
    assert found <= plain
    assert {one for one in plain if one[0] in ("spraying", "distributed")} <= found


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("keys", [7, 200])
def test_what_left_memory_is_found_the_same(keys, several, tmp_path):
    for seed in range(2):
        attempts = hostile(seed, 400)
        limits = LIMITS._replace(bait_users=frozenset({"u1", "bob"}), allow_users=frozenset({"u2"}))
        assert patterns(attempts, limits, None, several) == patterns(attempts, limits, str(tmp_path), several, keys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("users", ["abcde", "abcdef"])
def test_who_is_after_few_is_told_the_same_way_when_it_left_memory(users, tmp_path):
    walkers = [tried(f"192.0.{n}.7", user, country=None, asn=None) for n in range(9) for user in users]
    limits = LIMITS._replace(address_users=0, network_users=0)
    found = patterns(walkers, limits)
    assert len(found.findings) == (5 if len(users) == 5 else 0)
    assert patterns(walkers, limits, str(tmp_path), keys=7) == found


@pytest.mark.parametrize("several", [False, True])
def test_records_go_the_same_way(several):
    attempts = hostile(1)
    rows = [
        Row(one.server, "2025-05-27 11:13", one.ip, one.user, None, "OK", one.country, one.asn, one.aso)
        for one, number in attempts
        for _ in range(number)
    ]
    assert patterns_of(rows, LIMITS, None, several) == patterns(attempts, LIMITS, None, several)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5), st.booleans())
def test_the_order_of_attempts_makes_no_difference(chance, seed, split):
    attempts = hostile(seed, 200)
    limits = LIMITS._replace(bait_users=frozenset({"u1"}))
    expected = patterns(attempts, limits, several_servers=True)
    assert expected.findings == sorted(expected.findings, key=order)
    if split:
        attempts = [(one, 1) for one, number in attempts for _ in range(number)]
    chance.shuffle(attempts)
    assert patterns(attempts, limits, several_servers=True) == expected


def test_a_place_that_cannot_hold_the_counts_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"temporary file below .*absent.* Make room"):
        patterns(hostile(1), LIMITS, str(tmp_path / "absent"), keys=10)


@pytest.mark.slow
def test_memory_stays_bounded_whatever_names_are_sent(tmp_path):
    code = (
        "import sys\n"
        "from maillogsentinel.detect.patterns import *\n"
        "from maillogsentinel.detect.thresholds import thresholds\n"
        "from maillogsentinel.config import Config\n"
        "import maillogsentinel.detect.spilled\n"
        "def memory(what):\n"
        "    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith(what))\n"
        "def attempts():\n"
        "    for n in range(20_000):\n"
        "        ip = f'10.{n >> 16}.{n >> 8 & 255}.{n & 255}'\n"
        "        yield Attempt('mx', ip, f'{n}' + 'x' * 2000, 'CN', str(n % 999), 'O' * 500), 1\n"
        "start = memory('VmRSS')\n"
        "found = patterns(attempts(), thresholds(Config({}, {}, [])), sys.argv[1])\n"
        "print(memory('VmHWM') - start >> 10, [one.kind for one in found.findings])\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert run.stderr == ""
    grown, kinds_found = run.stdout.split(" ", 1)
    assert "'country'" in kinds_found
    assert int(grown) < 45
