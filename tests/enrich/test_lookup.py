"""The library function that other programs may use."""

import ipaddress
import os
import subprocess
import sys
from socket import AF_INET, AF_INET6, inet_ntop

import pytest

from maillogsentinel.enrich import ipinfo, lookup
from maillogsentinel.enrich.special import _NETWORKS, kind_of
from maillogsentinel.errors import UsageError
from tests.conftest import CHECKOUT
from tests.enrich.mmdb_fixture import write_mmdb


@pytest.fixture
def conf(tmp_path):
    """A configuration file with a database of countries and none of networks that knows anything."""
    write_mmdb(tmp_path / "c.mmdb", {"192.0.2.0/24": {"country_code": "FR"}, "2001:db8::/32": {"country_code": "NL"}})
    write_mmdb(
        tmp_path / "a.mmdb",
        {"192.0.2.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "A\x1b[31m"}},
    )
    path = tmp_path / "m.conf"
    path.write_text(
        f"[paths]\nstate_dir = {tmp_path}\n[geolocation]\ncountry_db_path = {tmp_path}/c.mmdb\n"
        f"[ASN_ASO]\nasn_db_path = {tmp_path}/a.mmdb\n"
    )
    yield str(path)
    ipinfo._opened.clear()


def test_it_says_where_an_address_belongs_and_who_says_so(conf, tmp_path):
    found = lookup("192.0.2.7", conf)
    assert found[:4] == ("192.0.2.7", "FR", 64496, "A\\x1B[31m")
    assert found.country_database == ("country", str(tmp_path / "c.mmdb"), "MMDB", 1_750_000_000)
    assert found.asn_database.path == str(tmp_path / "a.mmdb")
    assert lookup("2001:0DB8::0:1", conf)[:4] == ("2001:db8::1", "NL", None, None)
    assert lookup("198.51.100.1", conf)[1:4] == (None, None, None)


@pytest.mark.parametrize(
    "text", ["", "x", "192.0.2", "192.0.2.256", "192.0.2.1/24", "fe80::1%lo", "1.2.3.4\0", "01.2.3.4"]
)
def test_what_is_no_address_is_refused(conf, text):
    with pytest.raises(ValueError, match="is not an IP address"):
        lookup(text, conf)


def test_a_configuration_that_cannot_be_used_is_told(tmp_path):
    with pytest.raises(UsageError):
        lookup("192.0.2.1", str(tmp_path / "missing.conf"))


def test_a_new_database_is_noticed_after_a_while(conf, tmp_path, monkeypatch):
    assert lookup("192.0.2.7", conf).country_code == "FR"
    write_mmdb(tmp_path / "new", {"192.0.2.0/24": {"country_code": "BE"}})
    os.rename(tmp_path / "new", tmp_path / "c.mmdb")
    assert lookup("192.0.2.7", conf).country_code == "FR"
    monkeypatch.setattr(ipinfo, "_LOOK_AGAIN", -1.0)
    assert lookup("192.0.2.7", conf).country_code == "BE"
    geo = ipinfo._opened[conf].geo
    assert lookup("192.0.2.8", conf).country_code == "BE"
    assert ipinfo._opened[conf].geo is geo, "nothing changed, so nothing is opened again"


def test_to_import_the_package_costs_nothing():
    code = (
        "import sys; before = set(sys.modules); import maillogsentinel.enrich as e; e.lookup;"
        "print(*sorted(set(sys.modules) - before - {'typing'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    ours = [name for name in done.stdout.split() if name.startswith("maillogsentinel")]
    assert ours == ["maillogsentinel", "maillogsentinel.enrich"]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", ""),
        ("0.0.0.0", "this network"),
        ("1.0.0.0", ""),
        ("9.255.255.255", ""),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", ""),
        ("100.63.255.255", ""),
        ("100.64.0.0", "private, behind a provider's NAT"),
        ("100.128.0.0", ""),
        ("127.0.0.1", "loopback"),
        ("172.15.255.255", ""),
        ("172.31.255.255", "private"),
        ("172.32.0.0", ""),
        ("192.168.0.0", "private"),
        ("203.0.113.255", "documentation"),
        ("223.255.255.255", ""),
        ("224.0.0.0", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::ffff:10.0.0.1", "private"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", ""),
        ("2001:db8:ffff::", "documentation"),
        ("2001:db9::", ""),
        ("2a00::1", ""),
        ("fc00::", "private"),
        ("fdff::1", "private"),
        ("fe80::1", "link-local"),
        ("ffff::", "multicast"),
    ],
)
def test_addresses_that_belong_to_nobody_are_known(address, kind):
    assert kind_of(address) == kind


def test_at_the_edges_of_each_special_range_its_kind_is_known_and_beside_them_it_is_not():
    networks = {ipaddress.ip_network(text): kind for text, kind in _NETWORKS.items()}
    for network in networks:
        for number in (int(network[0]) - 1, int(network[0]), int(network[-1]), int(network[-1]) + 1):
            if not 0 <= number < 2**network.max_prefixlen:
                continue
            address = type(network[0])(number)
            kinds = [kind for other, kind in networks.items() if address in other]
            assert [kind_of(inet_ntop(AF_INET if address.version == 4 else AF_INET6, address.packed))] == (
                kinds or [""]
            )
