"""Pseudonyms: the same for the same name, different for different ones, and nothing of the name in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.secret import Secret

NAMES = Names(Secret(b"a key of the tests, and of nobody"))
LABEL = st.from_regex(r"\A[a-zA-Z0-9_-]{1,20}\Z").map(str.encode)
HOST = st.lists(LABEL, min_size=1, max_size=5).map(b".".join)


def test_a_domain_stays_one_domain_and_a_local_part_one_local_part():
    one, other = NAMES.users[b"alice@example.org"], NAMES.users[b"bob@example.org"]
    assert one.partition(b"@")[2] == other.partition(b"@")[2] == NAMES.hosts[b"example.org"]
    assert one.partition(b"@")[0] == NAMES.users[b"alice@example.net"].partition(b"@")[0] == NAMES.users[b"alice"]
    assert NAMES.hosts[b"mail.example.org"].endswith(b"." + NAMES.hosts[b"example.org"])


def test_upper_and_lower_case_are_kept_apart_from_the_name():
    lower, upper, title = (NAMES.words[word] for word in (b"alice", b"ALICE", b"Alice"))
    assert lower == lower.lower() and upper == lower.upper() and title == lower.capitalize()
    assert len({NAMES.words[word] for word in (b"aliCe", b"alicE", b"ALice", b"ALICE", b"alice")}) == 5
    assert NAMES.hosts[b"Mail.Example.ORG"].lower() == NAMES.hosts[b"mail.example.org"]


@given(st.lists(st.binary(max_size=12), unique=True, max_size=30))
def test_different_users_stay_different(users):
    assert len({NAMES.users[user] for user in users}) == len(users)


@given(st.lists(HOST, unique_by=bytes.lower, max_size=30))
def test_different_hosts_stay_different(hosts):
    assert len({NAMES.hosts[host].lower() for host in hosts}) == len(hosts)


@given(st.binary())
def test_any_bytes_become_printable_text_without_a_vowel_or_a_digit(raw):
    assert re.fullmatch(rb"[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]*", NAMES.words[raw])
    assert re.fullmatch(rb"[!-~]*", NAMES.users[raw]) or set(raw) <= set(b"@.")


@given(HOST)
def test_a_host_stays_one_that_postfix_would_log(host):
    assert re.fullmatch(rb"[\w.-]{1,255}", NAMES.hosts[host])


def test_a_name_that_holds_an_address_says_nothing_of_it():
    one = NAMES.hosts[b"7.100.51.198.pool.example.com"].split(b".")
    other = NAMES.hosts[b"7.100.51.199.pool.example.com"].split(b".")
    assert one[-2:] == other[-2:] and one[-3] == other[-3]
    assert not set(one[:-3]) & set(other[:-3])  # an octet is no name of its own: it would be found by its frequency
    assert len(set(one)) == len(one)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (b"example.com", rb"[a-z]{12}\.com"),
        (b"www.firm.co.uk", rb"[a-z]{12}\.[a-z]{12}\.co\.uk"),
        (b"mail.abc.de", rb"[a-z]{12}\.[a-z0-9]{3}\.de"),
        (b"Cq.00", rb"[a-zA-Z]{12}\.[a-z]{12}"),  # two digits are no country
        (b"Co.7x", rb"[a-zA-Z]{12}\.[a-z]{12}"),
        (b"mail.corp.megafirm", rb"[a-z]{12}\.[a-z]{12}\.[a-z]{12}"),
        (b"7.2.0.192.in-addr.arpa", rb"(?:[a-z]{12}\.){4}in-addr\.arpa"),
        (b"unknown", rb"unknown"),
        (b"localhost.localdomain", rb"localhost\.localdomain"),
    ],
)
def test_what_is_public_in_a_name_stays_and_so_does_what_tools_group_by(name, form):
    assert re.fullmatch(form, NAMES.hosts[name])


def test_short_labels_are_permuted_among_themselves():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    names = [f"{one}{other}.de".encode() for one in letters for other in letters]
    assert len({NAMES.hosts[name] for name in names}) == len(names) == 1296


def test_an_address_in_a_hosts_place_becomes_an_address():
    assert NAMES.hosts[b"192.0.2.7"] == NAMES.addresses[b"192.0.2.7"]
    assert NAMES.hosts[b"[192.0.2.7]"] == b"[" + NAMES.addresses[b"192.0.2.7"] + b"]"
    assert NAMES.hosts[b"[IPv6:2001:db8::7]"] == b"[IPv6:" + NAMES.addresses[b"2001:db8::7"] + b"]"


def test_queue_ids_keep_their_form():
    assert re.fullmatch(rb"[0-9A-F]{15}", NAMES.queue_ids[b"095BC2147C7"])
    assert re.fullmatch(rb"[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]{10}z[0-9A-Za-z]{4}", NAMES.queue_ids[b"4bXq2k3Yf5z9pQr"])
    assert len({NAMES.queue_ids[b"%011X" % number] for number in range(5000)}) == 5000


def test_another_secret_gives_another_name():
    other = Names(Secret(b"another key of the tests, of nobody"))
    for kind in ("words", "hosts", "users", "queue_ids", "ids"):
        assert getattr(other, kind)[b"0123456789"] != getattr(NAMES, kind)[b"0123456789"]


def test_no_more_is_remembered_than_a_cache_holds():
    names = Names(Secret(b"a key of the tests, and of nobody"))
    for number in range(70_000):
        names.words[b"%d" % number]
    assert len(names.words) < 66_000
