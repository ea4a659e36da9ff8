"""Look-ups in the real databases of ip-location-db: at both ends of every range, and right beside them.

They come from the npm registry, by npm itself, once for a checkout (.cache, which ``make clean`` removes).
"""

import csv
import ipaddress
import json
import os
import shutil
import subprocess
import tarfile
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

import pytest

from maillogsentinel import config, options
from maillogsentinel.enrich import ipfire, special
from maillogsentinel.enrich.geo import Geo, Place
from maillogsentinel.enrich.ranges import RangeBuilder
from maillogsentinel.enrich.ranges_csv import _read_ranges
from maillogsentinel.model import safe_text
from tests.conftest import CHECKOUT

pytestmark = pytest.mark.slow

VERSION = "2.3.2026061719"  # the last one that is published there
KEPT = CHECKOUT / ".cache" / "ip-location-db"
LEAST = 50_000
"""Ranges of a real database: fewer would be another file."""


@pytest.fixture(scope="module")
def published():
    """A function that returns the directory with the files of a package of ip-location-db."""

    def directory(package: str) -> Path:
        if not shutil.which("npm"):
            pytest.skip("needs npm, to get the real databases")
        place = KEPT / f"{package}-{VERSION}"
        if not place.exists():
            KEPT.mkdir(parents=True, exist_ok=True)
            command = [
                "npm",
                "pack",
                "--silent",
                "--pack-destination",
                str(KEPT),
                f"@ip-location-db/{package}@{VERSION}",
            ]
            done = subprocess.run(command, cwd=KEPT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(
                    f"the npm registry gives no {package}: {' '.join(done.stderr.split())[:200] or 'no answer'}"
                )
            archive = KEPT / done.stdout.split()[-1]
            unpacked = place.with_name(place.name + ".new")
            shutil.rmtree(unpacked, ignore_errors=True)
            with tarfile.open(archive) as files:
                for member in files.getmembers():
                    member.name = os.path.basename(member.name)
                    files.extract(member, unpacked)
            archive.unlink()
            unpacked.rename(place)
        return place

    return directory


@pytest.fixture(autouse=True)
def no_debian_database(monkeypatch, tmp_path):
    """The host's own database would answer otherwise."""
    monkeypatch.setattr(ipfire, "PATH", str(tmp_path / "none" / "location.db"))


def opened(state: Path, country: Path | str = "", asn: Path | str = "") -> Geo:
    values = {option: option.parse(option.default) for option in options.OPTIONS}
    values |= {options.STATE_DIR: str(state), options.COUNTRY_DB_PATH: str(country), options.ASN_DB_PATH: str(asn)}
    return Geo.open(config.Config(values, {}, []))


class Range(NamedTuple):
    """A line of a CSV; the addresses as packed bytes are, in network order."""

    first: bytes
    last: bytes
    value: tuple[str, ...]


class Published:
    """A CSV as it is published, read by Python's own means.

    Some have ranges within ranges: the one that begins last is meant, and then the one that comes last.
    """

    def __init__(self, path: Path, family: int) -> None:
        self._family = family
        with open(path, encoding="utf-8", newline="") as file:
            found = [
                Range(inet_pton(family, first), inet_pton(family, last), tuple(rest))
                for first, last, *rest in csv.reader(file)
            ]
        assert len(found) > LEAST
        self._ranges = sorted(found, key=lambda item: item.first)
        self._firsts = [item.first for item in self._ranges]
        self._reach = list(accumulate((item.last for item in self._ranges), max))

    def at(self, address: bytes) -> tuple[str, ...]:
        """What the CSV says of an address."""
        index = bisect_right(self._firsts, address) - 1
        while index >= 0 and self._reach[index] >= address:
            if self._ranges[index].last >= address:
                return self._ranges[index].value
            index -= 1
        return ()

    def edges(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The first and the last address of each range, those right in front of it and behind it, and what is there."""
        behind = beside(self._firsts[0], -1)
        for item in self._ranges:
            apart = () if behind == item.first else (behind, beside(item.first, -1))
            for address in (*apart, item.first, item.last):
                yield inet_ntop(self._family, address), self.at(address)
            behind = beside(item.last, 1)
        yield inet_ntop(self._family, behind), self.at(behind)


def beside(address: bytes, step: int) -> bytes:
    """The address before or behind one; the other end of all addresses where there is none."""
    top = 1 << 8 * len(address)
    return ((int.from_bytes(address, "big") + step) % top).to_bytes(len(address), "big")


@cache
def country_of(value: tuple[str, ...]) -> Place:
    return Place(value[0] if value and value[0] != "ZZ" else None, None, None)


@cache
def system_of(value: tuple[str, ...]) -> Place:
    if not value or value[0] == "0":
        return Place(None, None, None)
    return Place(None, int(value[0]), safe_text(value[1].strip().encode()) or None)


FAMILIES = [pytest.param("ipv4", AF_INET, id="IPv4"), pytest.param("ipv6", AF_INET6, id="IPv6")]
SETS = [
    pytest.param("asn-country", "country", country_of, id="countries"),
    pytest.param("geo-whois-asn-country", "country", country_of, id="countries, ranges within ranges"),
    pytest.param("asn", "asn", system_of, id="AS"),
]


@pytest.mark.parametrize(("name", "family"), FAMILIES)
@pytest.mark.parametrize(("package", "column", "said"), SETS)
def test_at_the_edges_of_every_range_a_csv_says_what_stands_in_it(
    published, tmp_path, package, column, said, name, family
):
    directory = published(package)
    geo = opened(tmp_path, **{column: directory / f"{package}-{name}.csv"})
    for address, value in Published(directory / f"{package}-{name}.csv", family).edges():
        assert geo.lookup(address) == said(value), address
    assert geo.problems == []


@pytest.mark.parametrize("name", ["ipv4", "ipv6"])
@pytest.mark.parametrize(("package", "column"), [("asn-country", "country"), ("asn", "asn")])
def test_a_csv_with_integers_becomes_the_table_that_the_dotted_one_becomes(published, package, column, name):
    directory = published(package)
    tables = []
    for form in ("", "-num"):
        builder = RangeBuilder()
        with open(directory / f"{package}-{name}{form}.csv", "rb") as file:
            _read_ranges(file, column, builder)
        tables.append(builder.table())
    assert len(tables[0]) > 8 * LEAST and tables[0] == tables[1]


@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_at_the_edges_of_every_range_an_mmdb_says_what_the_csv_of_that_day_says(published, tmp_path, name, family):
    mmdb, source = published("geo-whois-asn-country-mmdb"), published("geo-whois-asn-country")
    shutil.copyfile(mmdb / "geo-whois-asn-country.mmdb", tmp_path / "user-country.mmdb")
    geo = opened(tmp_path)
    assert [database.kind for database in geo.databases] == ["MMDB"]
    for address, value in Published(source / f"geo-whois-asn-country-{name}.csv", family).edges():
        assert geo.lookup(address) == country_of(value), address
    assert geo.problems == []


def test_private_and_reserved_addresses_are_told_to_be_that_whatever_a_database_says_of_them(published, installation):
    """At both ends of each range of the IANA registries, by the command; the MMDB has a country for some."""
    networks = [ipaddress.ip_network(text) for text in special._NETWORKS]
    addresses = [str(network[place]) for network in networks for place in (0, -1)]
    mmdb = published("geo-whois-asn-country-mmdb") / "geo-whois-asn-country.mmdb"
    for country, known in ((mmdb, True), (published("asn-country") / "asn-country-ipv4.csv", False)):
        installation.configure(
            f"[geolocation]\ncountry_db_path = {country}\n"
            f"[ASN_ASO]\nasn_db_path = {published('asn') / 'asn-ipv4.csv'}\n"
        )
        done = installation.run("ipinfo", "--json", stdin="\n".join(addresses).encode())
        assert (done.returncode, done.stderr) == (0, b"")
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [item["ip"] for item in found] == addresses
        assert all(item["special"] and item["special"] == special.kind_of(item["ip"]) for item in found)
        assert any(item["country_code"] for item in found) == known
        assert not any(item["asn"] or item["aso"] for item in found)
