"""Addresses for addresses: networks stay networks, what is private stays private, and no two become one."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillogsentinel.anonymize.addresses import Addresses

ADDRESSES = Addresses(b"k" * 32)
NAT64 = int(IPv6Address("64:ff9b::"))
FOUR = st.integers(0, 2**32 - 1).map(IPv4Address)
SIX = st.integers(0, 2**128 - 1).map(IPv6Address) | st.integers(0, 2**125 - 1).map(lambda n: IPv6Address(2**125 + n))
RESERVED = st.integers(0, 2**120 - 1) | st.integers(0, 2**34 - 1) | st.integers(0, 2**32 - 1).map(lambda n: NAT64 + n)
SPECIAL = [
    *("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "0.0.0.0/8", "127.0.0.0/8"),
    *("224.0.0.0/4", "240.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8", "2000::/3", "::/8", "64:ff9b::/96", "::/96"),
    "::ffff:0:0/96",
]


def mapped(address):
    return ip_address(ADDRESSES.text(str(address).encode()).decode())


def shared(one, other):
    """How many leading bits two addresses share."""
    return one.max_prefixlen - (int(one) ^ int(other)).bit_length()


@given(FOUR, FOUR)
def test_two_ipv4_addresses_share_as_many_bits_as_before(one, other):
    assert shared(mapped(one), mapped(other)) == shared(one, other)


@given(SIX, SIX)
def test_two_ipv6_addresses_share_as_many_bits_as_before(one, other):
    assert shared(mapped(one), mapped(other)) == shared(one, other)


@given(RESERVED.map(IPv6Address), RESERVED.map(IPv6Address))
def test_so_do_two_of_the_range_that_holds_ipv4_addresses_and_it_maps_into_itself(one, other):
    assert shared(mapped(one), mapped(other)) == shared(one, other)
    assert mapped(one) in ip_network("::/8")


def test_of_the_range_that_holds_ipv4_addresses_none_but_those_that_name_nobody_stay():
    texts = ["64:ff9b::c000:221", "::203.0.113.9", "64:ff9b:1::c000:221", "1::", "0:1::", "::ffff:0:203.0.113.9"]
    assert [text for text in texts if ADDRESSES.text(text.encode()) == text.encode()] == []


@given(FOUR, st.integers(0, 32))
def test_neighbours_of_any_distance_stay_neighbours(one, bits):
    other = IPv4Address(int(one) ^ ((1 << bits) - 1))
    assert shared(mapped(one), mapped(other)) == shared(one, other)


@pytest.mark.parametrize("text", SPECIAL)
def test_a_range_with_a_meaning_maps_into_itself_and_nothing_else_does(text):
    network = ip_network(text)
    first, last = network[0], network[-1]
    assert mapped(first) in network and mapped(last) in network
    for outside in (int(first) - 1, int(last) + 1):
        if 0 <= outside < 2**network.max_prefixlen:
            assert mapped(type(first)(outside)) not in network


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "ff02::1", "224.0.0.251"])
def test_what_names_nobody_stays(text):
    assert ADDRESSES.text(text.encode()) == text.encode()


def test_a_whole_network_is_permuted():
    for network in ("198.51.100.0/24", "10.0.0.0/24"):
        images = {mapped(address) for address in ip_network(network)}
        assert len(images) == 256
        assert len({int(image) >> 8 for image in images}) == 1
        assert images != set(ip_network(network))


def test_an_ipv4_address_in_an_ipv6_one_is_the_same_client():
    assert ADDRESSES.text(b"::ffff:192.0.2.7") == b"::ffff:" + ADDRESSES.text(b"192.0.2.7")
    for front in (b"64:ff9b::", b"::", b"::ffff:"):
        new = IPv6Address(ADDRESSES.text(front + b"203.0.113.9").decode())
        assert new.packed[:12] == IPv6Address(front.decode() + "0.0.0.0").packed[:12]
        assert IPv4Address(new.packed[12:]) == mapped(IPv4Address("203.0.113.9"))
    assert ADDRESSES.text(b"2001:DB8:0:0::7") == ADDRESSES.text(b"2001:db8::7")


@pytest.mark.parametrize(
    "text", [b"", b"192.0.2", b"192.0.2.256", b"192.0.2.1.1", b"::1::", b"unknown", b"\xff", b"1\x00"]
)
def test_what_is_no_address_is_none(text):
    assert ADDRESSES.text(text) is None


def test_another_key_gives_another_address():
    texts = {Addresses(bytes((key,)) * 32).text(b"198.51.100.7") for key in range(50)}
    assert len(texts) == 50
