import gzip
import ipaddress
import os
import random
import struct
import subprocess
import sys

import pytest
from mmdb_fixture import write_mmdb

from maillogsentinel import config, options
from maillogsentinel.enrich import geo, ipfire
from maillogsentinel.enrich.geo import Geo, Place

NOWHERE = Place(None, None, None)
COUNTRY_CSV = (
    "192.0.2.0,192.0.2.127,FR\n192.0.2.128,192.0.2.255,de\n198.51.100.0,198.51.100.0,US\n2001:db8::,2001:db8::ff,NL\n"
)
ASN_CSV = (
    '192.0.2.0,192.0.2.255,64496,"Example Access, Inc."\n'
    "198.51.100.0,198.51.100.127,64497,Example Hosting B.V.\n"
    '198.51.100.128,198.51.100.255,64498,"The ""Example"" Company"\n'
    "203.0.113.0,203.0.113.255,64499,Büro\\für\x1b[31m\n"
)


@pytest.fixture(autouse=True)
def no_debian_database(monkeypatch, tmp_path):
    """Tests name the databases they want; the host's own would answer otherwise."""
    monkeypatch.setattr(ipfire, "PATH", str(tmp_path / "none" / "location.db"))


def settings(state_dir, country="", asn=""):
    values = {option: option.parse(option.default) for option in options.OPTIONS}
    values[options.STATE_DIR] = str(state_dir)
    values[options.COUNTRY_DB_PATH] = str(country)
    values[options.ASN_DB_PATH] = str(asn)
    return config.Config(values, {}, [])


def open_geo(tmp_path, country="", asn="", state="state"):
    state_dir = tmp_path / state
    state_dir.mkdir(exist_ok=True)
    return Geo.open(settings(state_dir, country, asn))


def csv(tmp_path, text, name="ranges.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_any_database_nothing_is_known_and_nothing_is_wrong(tmp_path):
    opened = open_geo(tmp_path)
    assert (opened.lookup("192.0.2.1"), opened.databases, opened.problems) == (NOWHERE, [], [])


# MMDB


@pytest.mark.parametrize(
    ("record", "place"),
    [
        pytest.param({"country_code": "FR"}, Place("FR", None, None), id="ip-location-db, country"),
        pytest.param(
            {"autonomous_system_number": 64496, "autonomous_system_organization": "Example"},
            Place(None, 64496, "Example"),
            id="ip-location-db and MaxMind, AS",
        ),
        pytest.param({"country": {"iso_code": "FR", "names": {"en": "France"}}}, Place("FR", None, None), id="MaxMind"),
        pytest.param({"registered_country": {"iso_code": "FR"}}, Place("FR", None, None), id="MaxMind, registered"),
        pytest.param(
            {"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "FR"}},
            Place("DE", None, None),
            id="MaxMind, both",
        ),
        pytest.param(
            {"country": "France", "country_code": "FR", "asn": "AS64496", "as_name": "Example", "as_domain": "x.test"},
            Place("FR", 64496, "Example"),
            id="IPinfo Lite",
        ),
        pytest.param({"country": "fr", "asn": 64496, "organization": "E"}, Place("FR", 64496, "E"), id="two letters"),
        pytest.param({"asn": "as64496", "as_org": "Example"}, Place(None, 64496, "Example"), id="as_org"),
        pytest.param({"asn": "AS64496", "name": "Example"}, Place(None, 64496, "Example"), id="IPinfo ASN"),
        pytest.param({"country_code": "ZZ", "asn": 0, "as_name": "none"}, NOWHERE, id="unknown"),
        pytest.param({"country_code": "", "asn": "", "as_name": ""}, NOWHERE, id="empty"),
        pytest.param({"country_code": "-", "asn": "AS", "country": 7}, NOWHERE, id="of other types"),
        pytest.param({"country_code": "XX"}, NOWHERE, id="XX"),
        pytest.param({"asn": 1, "as_name": "a\x1b[31m\nb\\"}, Place(None, 1, "a\\x1B[31m\\x0Ab\\\\"), id="unsafe text"),
    ],
)
def test_the_fields_of_each_publisher_are_understood(tmp_path, record, place):
    write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": record, "2001:db8::/32": record})
    opened = open_geo(tmp_path, tmp_path / "x.mmdb", tmp_path / "x.mmdb")
    assert opened.lookup("192.0.2.7") == place
    assert opened.lookup("2001:db8::7") == place
    assert opened.lookup("::ffff:192.0.2.7") == place
    assert opened.lookup("198.51.100.1") == NOWHERE
    assert opened.problems == []


def test_an_ipv4_database_knows_no_ipv6_address_and_is_not_damaged_for_that(tmp_path):
    write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "FR"}}, ip_version=4)
    opened = open_geo(tmp_path, tmp_path / "x.mmdb")
    assert opened.lookup("192.0.2.7").country_code == "FR"
    assert opened.lookup("2001:db8::7") == NOWHERE
    assert opened.problems == []


def test_a_database_of_another_column_is_said_and_not_used(tmp_path):
    write_mmdb(tmp_path / "x.mmdb", {"8.0.0.0/8": {"country_code": "US"}})
    opened = open_geo(tmp_path, asn=tmp_path / "x.mmdb")
    assert opened.databases == []
    assert len(opened.problems) == 1
    assert "AS numbers" in opened.problems[0]
    assert "[ASN_ASO] asn_db_path" in opened.problems[0]


def test_one_file_may_serve_both_columns(tmp_path):
    write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "FR", "asn": "AS64496", "as_name": "E"}}, 17)
    opened = open_geo(tmp_path, tmp_path / "x.mmdb", tmp_path / "x.mmdb")
    path = str(tmp_path / "x.mmdb")
    assert opened.databases == [("country", path, "MMDB", 17), ("asn", path, "MMDB", 17)]
    assert opened.lookup("192.0.2.1") == Place("FR", 64496, "E")


# CSV


def test_ranges_hold_from_their_first_to_their_last_address(tmp_path):
    opened = open_geo(tmp_path, csv(tmp_path, COUNTRY_CSV))
    expected = {
        "192.0.1.255": None,
        "192.0.2.0": "FR",
        "192.0.2.127": "FR",
        "192.0.2.128": "DE",
        "192.0.2.255": "DE",
        "192.0.3.0": None,
        "198.51.99.255": None,
        "198.51.100.0": "US",
        "198.51.100.1": None,
        "0.0.0.0": None,
        "255.255.255.255": None,
        "::": None,
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff": None,
        "2001:db8::": "NL",
        "2001:db8::ff": "NL",
        "2001:db8::100": None,
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": None,
    }
    assert {address: opened.lookup(address).country_code for address in expected} == expected
    assert opened.problems == []


def test_organisations_may_be_quoted_and_are_made_safe(tmp_path):
    opened = open_geo(tmp_path, asn=csv(tmp_path, ASN_CSV))
    assert opened.lookup("192.0.2.1") == Place(None, 64496, "Example Access, Inc.")
    assert opened.lookup("198.51.100.1") == Place(None, 64497, "Example Hosting B.V.")
    assert opened.lookup("198.51.100.200") == Place(None, 64498, 'The "Example" Company')
    assert opened.lookup("203.0.113.1") == Place(None, 64499, "Büro\\\\für\\x1B[31m")


def in_numbers(text):
    """The -num form of a CSV."""
    lines = []
    for line in text.splitlines():
        start, end, rest = line.split(",", 2)
        lines.append(f"{int(ipaddress.ip_address(start))},{int(ipaddress.ip_address(end))},{rest}\n")
    return "".join(lines)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(COUNTRY_CSV.encode(), id="dotted"),
        pytest.param(in_numbers(COUNTRY_CSV).encode(), id="integers"),
        pytest.param(gzip.compress(COUNTRY_CSV.encode()), id="gzip"),
        pytest.param(("start,end,country_code\n" + COUNTRY_CSV).encode(), id="with a header"),
        pytest.param(b"\xef\xbb\xbf" + COUNTRY_CSV.replace("\n", "\r\n").encode(), id="BOM and CRLF"),
        pytest.param(b"# a comment\n\n" + COUNTRY_CSV.strip().encode(), id="comment, no end of line at the end"),
        pytest.param("".join(reversed(COUNTRY_CSV.splitlines(True))).encode(), id="not in order"),
        pytest.param(b'"192.0.2.0","192.0.2.127","FR"\n"198.51.100.0","198.51.100.0","US"\n', id="quoted"),
    ],
)
def test_each_form_of_the_csv_is_read(tmp_path, data):
    opened = open_geo(tmp_path, csv(tmp_path, data))
    assert opened.lookup("192.0.2.127").country_code == "FR"
    assert opened.lookup("198.51.100.0").country_code == "US"
    assert opened.lookup("198.51.100.1").country_code is None
    assert opened.problems == []


@pytest.mark.parametrize("suffix", ["", "-num"])
def test_the_file_of_the_other_family_is_found_beside(tmp_path, suffix):
    ipv4, ipv6 = COUNTRY_CSV[: COUNTRY_CSV.index("2001")], COUNTRY_CSV[COUNTRY_CSV.index("2001") :]
    if suffix:
        ipv4, ipv6 = in_numbers(ipv4), in_numbers(ipv6)
    first = csv(tmp_path, ipv4, f"country-ipv4{suffix}.csv")
    second = csv(tmp_path, ipv6, f"country-ipv6{suffix}.csv")
    for configured in (first, second):
        opened = open_geo(tmp_path, configured)
        assert opened.lookup("192.0.2.1").country_code == "FR"
        assert opened.lookup("2001:db8::1").country_code == "NL"


def test_ranges_without_a_country_or_an_as_say_nothing(tmp_path):
    country = csv(tmp_path, "192.0.2.0,192.0.2.255,ZZ\n198.51.100.0,198.51.100.255,FR\n203.0.113.0,203.0.113.255,-\n")
    asn = csv(tmp_path, "192.0.2.0,192.0.2.255,0,Not routed\n198.51.100.0,198.51.100.255,64496,E\n", "asn.csv")
    opened = open_geo(tmp_path, country, asn)
    assert opened.lookup("192.0.2.1") == NOWHERE
    assert opened.lookup("203.0.113.1") == NOWHERE
    assert opened.lookup("198.51.100.1") == Place("FR", 64496, "E")
    assert opened.problems == []


def test_ten_thousand_ranges_answer_as_a_search_through_the_text_would(tmp_path):
    chance = random.Random(7)
    lines, expected, at = [], {}, 1 << 24
    for _ in range(10_000):
        start = at + chance.randrange(3)
        end = start + chance.randrange(300)
        code = chance.choice(("FR", "DE", "US", "NL"))
        lines.append(f"{ipaddress.IPv4Address(start)},{ipaddress.IPv4Address(end)},{code}\n")
        expected.update({start: code, end: code})
        if start > at:
            expected.setdefault(start - 1, None)
        at = end + 1
    opened = open_geo(tmp_path, csv(tmp_path, "".join(lines)))
    found = {number: opened.lookup(str(ipaddress.IPv4Address(number))).country_code for number in expected}
    assert found == expected


def test_the_compiled_table_is_used_until_the_csv_changes(tmp_path, monkeypatch):
    from maillogsentinel.enrich import ranges_csv

    compiled = []
    compile_ranges = ranges_csv._compile
    monkeypatch.setattr(ranges_csv, "_compile", lambda *given: compiled.append(1) or compile_ranges(*given))
    path = csv(tmp_path, COUNTRY_CSV)
    for _ in range(3):
        assert open_geo(tmp_path, path).lookup("192.0.2.1").country_code == "FR"
    assert len(compiled) == 1

    path.write_text(COUNTRY_CSV.replace("FR", "IT"))
    os.utime(path, ns=(1, 1))
    assert open_geo(tmp_path, path).lookup("192.0.2.1").country_code == "IT"
    assert len(compiled) == 2
    assert sorted(os.listdir(tmp_path / "state")) == ["country-ranges.cache"]


@pytest.mark.parametrize("damage", ["empty", "short", "flipped", "directory"])
def test_a_damaged_compiled_table_is_made_anew(tmp_path, damage):
    path = csv(tmp_path, COUNTRY_CSV)
    open_geo(tmp_path, path)
    cache = tmp_path / "state" / "country-ranges.cache"
    data = bytearray(cache.read_bytes())
    if damage == "directory":
        cache.unlink()
        cache.mkdir()
    else:
        data[-3] ^= 0x01  # in the last value
        cache.write_bytes({"empty": b"", "short": bytes(data[:-5]), "flipped": bytes(data)}[damage])
    opened = open_geo(tmp_path, path)
    assert opened.lookup("192.0.2.1").country_code == "FR"
    assert opened.lookup("2001:db8::1").country_code == "NL"
    assert opened.problems == []


def test_a_state_directory_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    path = csv(tmp_path, COUNTRY_CSV)
    opened = Geo.open(settings(tmp_path / "missing", path))
    assert opened.lookup("192.0.2.1").country_code == "FR"
    assert opened.problems == []


def test_the_compiled_table_is_not_written_through_a_link(tmp_path):
    (tmp_path / "state").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "state" / "country-ranges.cache.new").symlink_to(victim)
    (tmp_path / "state" / "country-ranges.cache").symlink_to(victim)
    assert open_geo(tmp_path, csv(tmp_path, COUNTRY_CSV)).lookup("192.0.2.1").country_code == "FR"
    assert victim.read_text() == "untouched"
    assert not (tmp_path / "state" / "country-ranges.cache").is_symlink(), "what a killed run left is replaced"


def test_a_few_broken_lines_are_left_out_and_said_in_every_run(tmp_path):
    lines = [f"10.0.{n}.0,10.0.{n}.255,FR\n" for n in range(250)]
    lines[40] = "10.0.40.0,10.0.\x00\xff,FR\n"
    lines[70] = "10.0.70.255,10.0.70.0,FR\n"
    path = csv(tmp_path, "".join(lines))
    for _ in range(2):
        opened = open_geo(tmp_path, path)
        assert opened.lookup("10.0.41.1").country_code == "FR"
        assert opened.lookup("10.0.40.1").country_code is None
        assert len(opened.problems) == 1
        assert "2 in ranges.csv, the first is 41" in opened.problems[0]


# Damage


def damaged_files(tmp_path):
    write_mmdb(tmp_path / "good.mmdb", {f"10.{n}.0.0/16": {"country_code": "FR"} for n in range(200)})
    good = (tmp_path / "good.mmdb").read_bytes()
    noise = random.Random(3).randbytes(50_000)
    return {
        "zero bytes": b"",
        "zeros": bytes(5000),
        "random bytes": noise,
        "HTML page": b"<!DOCTYPE html>\n<html><head><title>404, not found</title></head>\n<body>, , ,</body></html>\n"
        * 9,
        "MMDB cut short": good[: len(good) // 2],
        "MMDB with broken metadata": good[:-60] + noise[:60],
        "MMDB with nothing before the metadata": good[good.rindex(b"\xab\xcd\xef") :],
        "gzip cut short": gzip.compress(COUNTRY_CSV.encode() * 500)[:-20],
        "gzip of something else": gzip.compress(good),
        "CSV of another kind": b"network,geoname_id,is_anonymous\n192.0.2.0/24,3017382,0\n" * 20,
        "CSV cut after its first byte": b"1",
        "IPFire header alone": b"LOCDBXX\x01" + struct.pack("!Q3I10I", 1, 0, 0, 0, *(5000, 90000) * 5),
        "IPFire cut in the header": b"LOCDBXX\x01\x00",
        "IPFire of another version": b"LOCDBXX\x07" + bytes(8192),
    }


DAMAGE = (
    *("zero bytes", "zeros", "random bytes", "HTML page", "MMDB cut short", "MMDB with broken metadata"),
    *("MMDB with nothing before the metadata", "gzip cut short", "gzip of something else", "CSV of another kind"),
    *("CSV cut after its first byte", "IPFire header alone", "IPFire cut in the header", "IPFire of another version"),
)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_database_costs_its_columns_and_is_said_once(tmp_path, name):
    path = csv(tmp_path, damaged_files(tmp_path)[name], "broken")
    opened = open_geo(tmp_path, path, path)
    for address in ("10.0.0.1", "10.199.0.1", "192.0.2.1", "8.8.8.8", "2001:db8::1"):
        assert opened.lookup(address) == NOWHERE
    assert len(opened.problems) in (1, 2), "one for each column that it was configured for, or one for the file"
    for problem in opened.problems:
        assert problem.startswith(str(path))
        assert problem.endswith(".")
        assert "Traceback" not in problem
    assert "[geolocation] country_db_path" in opened.problems[0]


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "unreadable"])
def test_a_configured_file_that_cannot_be_read_is_said(tmp_path, kind):
    path = tmp_path / "there.mmdb"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "unreadable":
        path.write_bytes(b"x")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("root reads everything")
    opened = open_geo(tmp_path, path)
    assert opened.lookup("192.0.2.1") == NOWHERE
    assert len(opened.problems) == 1
    assert opened.problems[0].startswith(f"{path} ")


def test_damage_found_at_a_look_up_costs_that_address_and_is_said_once(tmp_path):
    networks = {f"10.{n}.0.0/16": {"country_code": "FR", "names": f"text number {n}"} for n in range(50)}
    write_mmdb(tmp_path / "x.mmdb", networks)
    data = bytearray((tmp_path / "x.mmdb").read_bytes())
    at = data.index(b"text number 7") - 1
    data[at] = 0xFF  # a map of more entries than there are bytes
    (tmp_path / "x.mmdb").write_bytes(data)
    opened = open_geo(tmp_path, tmp_path / "x.mmdb")
    assert opened.problems == []
    found = [opened.lookup(f"10.{n}.0.1").country_code for n in range(50)]
    assert found[6] == found[8] == "FR"
    assert found[7] is None
    opened.lookup("10.7.0.2")
    assert len(opened.problems) == 1
    assert "is damaged" in opened.problems[0]


def test_random_damage_never_raises(tmp_path):
    write_mmdb(tmp_path / "good.mmdb", {f"10.{n}.0.0/16": {"country_code": "FR", "asn": n + 1} for n in range(100)})
    good = (tmp_path / "good.mmdb").read_bytes()
    chance = random.Random(11)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(chance.choice((1, 20, 400))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path = csv(tmp_path, bytes(data), "x.mmdb.new")
        path.rename(tmp_path / "x.mmdb")
        opened = open_geo(tmp_path, tmp_path / "x.mmdb", tmp_path / "x.mmdb")
        for n in range(0, 100, 7):
            opened.lookup(f"10.{n}.0.1")
        opened.lookup("2001:db8::1")
        assert len(opened.problems) <= 3


def test_what_is_no_address_is_nowhere_and_no_damage(tmp_path):
    write_mmdb(tmp_path / "x.mmdb", {"192.0.2.0/24": {"country_code": "FR"}})
    opened = open_geo(tmp_path, tmp_path / "x.mmdb", csv(tmp_path, ASN_CSV))
    for text in ("", "unknown", "192.0.2", "fe80::1%eth0", "a\x00b"):
        assert opened.lookup(text) == NOWHERE
    assert opened.problems == []


# Order


def test_the_newest_of_ours_is_used_for_each_column(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    for name, date, code in (("user-country.mmdb", 100, "FR"), ("country.mmdb", 200, "DE")):
        write_mmdb(state / name, {"192.0.2.0/24": {"country_code": code}}, date)
    write_mmdb(state / "origin-asn.mmdb", {"192.0.2.0/24": {"autonomous_system_number": 1}}, 300)
    write_mmdb(state / "asn.mmdb", {"192.0.2.0/24": {"autonomous_system_number": 2}}, 100)
    opened = open_geo(tmp_path)
    assert opened.lookup("192.0.2.1") == Place("DE", 1, None)
    assert [(d.column, os.path.basename(d.path), d.date) for d in opened.databases] == [
        ("country", "country.mmdb", 200),
        ("asn", "origin-asn.mmdb", 300),
    ]


def test_the_configured_file_wins_even_when_it_is_older(tmp_path):
    (tmp_path / "state").mkdir()
    write_mmdb(tmp_path / "state" / "user-country.mmdb", {"192.0.2.0/24": {"country_code": "FR"}}, 900)
    write_mmdb(tmp_path / "mine.mmdb", {"192.0.2.0/24": {"country_code": "IT"}}, 100)
    assert open_geo(tmp_path, tmp_path / "mine.mmdb").lookup("192.0.2.1").country_code == "IT"


def test_a_broken_configured_file_gives_way_to_ours(tmp_path):
    (tmp_path / "state").mkdir()
    write_mmdb(tmp_path / "state" / "user-country.mmdb", {"192.0.2.0/24": {"country_code": "FR"}})
    opened = open_geo(tmp_path, csv(tmp_path, b"", "mine.mmdb"))
    assert opened.lookup("192.0.2.1").country_code == "FR"
    assert opened.problems == [f"{tmp_path}/mine.mmdb is empty. Get it anew, or correct [geolocation] country_db_path."]


def test_a_broken_file_that_is_both_configured_and_ours_is_said_once(tmp_path):
    (tmp_path / "state").mkdir()
    path = csv(tmp_path / "state", b"", "user-country.mmdb")
    assert len(open_geo(tmp_path, path).problems) == 1


def test_a_broken_file_of_ours_gives_way_to_the_other_and_is_said(tmp_path):
    (tmp_path / "state").mkdir()
    csv(tmp_path / "state", b"<html>", "user-country.mmdb")
    write_mmdb(tmp_path / "state" / "country.mmdb", {"192.0.2.0/24": {"country_code": "FR"}})
    opened = open_geo(tmp_path)
    assert opened.lookup("192.0.2.1").country_code == "FR"
    assert len(opened.problems) == 1
    assert "state/user-country.mmdb is no database" in opened.problems[0]


# Debian's


DEBIANS = "/usr/share/libloc-location/location.db"


@pytest.fixture
def debian(monkeypatch):
    """The real database of the host."""
    pytest.importorskip("location", reason="install the Debian package python3-location")
    if not os.path.exists(DEBIANS):
        pytest.skip("install the Debian package libloc-database")
    monkeypatch.setattr(ipfire, "PATH", DEBIANS)
    return DEBIANS


def test_debians_database_answers_for_both_columns(tmp_path, debian):
    opened = open_geo(tmp_path)
    assert opened.lookup("8.8.8.8") == Place("US", 15169, "GOOGLE")
    assert opened.lookup("2001:4860:4860::8888").asn == 15169
    assert opened.lookup("10.0.0.1") == NOWHERE
    assert [(d.column, d.path, d.kind) for d in opened.databases] == [
        ("country", debian, "IPFire"),
        ("asn", debian, "IPFire"),
    ]
    assert opened.databases[0].date > 1_600_000_000
    assert opened.problems == []


@pytest.mark.parametrize(("date", "kind"), [(1, "IPFire"), (4_000_000_000, "MMDB")])
def test_the_newer_of_ours_and_debians_is_used(tmp_path, debian, date, kind):
    (tmp_path / "state").mkdir()
    write_mmdb(tmp_path / "state" / "user-country.mmdb", {"192.0.2.0/24": {"country_code": "FR"}}, date)
    assert [d.kind for d in open_geo(tmp_path).databases] == [kind, "IPFire"]


def test_debians_database_without_its_module_is_not_there(tmp_path, debian, monkeypatch):
    monkeypatch.setitem(sys.modules, "location", None)
    opened = open_geo(tmp_path)
    assert (opened.databases, opened.problems) == ([], [])
    opened = open_geo(tmp_path, debian)
    assert opened.databases == []
    assert "python3-location" in opened.problems[0]


@pytest.mark.parametrize("size", [0, 5, 60, 100, 4200, 8192, 100_000, 3_000_000])
def test_an_ipfire_database_that_is_cut_short_does_not_crash_the_program(tmp_path, debian, size):
    with open(debian, "rb") as file:
        path = csv(tmp_path, file.read(size), "location.db")
    opened = open_geo(tmp_path, path, path)
    assert opened.lookup("8.8.8.8").country_code == "US", "Debian's own is used in its place"
    assert opened.problems


def test_an_ipfire_database_with_holes_costs_the_addresses_in_them(tmp_path, debian, capfd):
    path = tmp_path / "location.db"
    with open(debian, "rb") as file, open(path, "wb") as copy:
        data = bytearray(file.read())
        at = data.index(b"\x00" * 64, 8192)
        data[at : at + 3_000_000] = random.Random(5).randbytes(3_000_000)
        copy.write(data)
    opened = open_geo(tmp_path, path, path)
    for n in range(1, 224):
        opened.lookup(f"{n}.1.2.3")
    assert len(opened.problems) <= 1
    assert capfd.readouterr().err == "", "cron would mail it"


def test_libraries_are_imported_only_when_a_file_asks_for_them(tmp_path):
    path = csv(tmp_path, COUNTRY_CSV)
    code = (
        "import sys; from maillogsentinel import config, options; from maillogsentinel.enrich import ipfire, geo\n"
        "ipfire.PATH = '/nonexistent'\n"
        "values = {option: option.parse(option.default) for option in options.OPTIONS}\n"
        f"values[options.STATE_DIR] = {str(tmp_path)!r}; values[options.COUNTRY_DB_PATH] = {str(path)!r}\n"
        "print(geo.Geo.open(config.Config(values, {}, [])).lookup('192.0.2.1').country_code)\n"
        "print([name for name in ('maxminddb', 'location', 'csv', 'gzip') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "FR\n[]\n"


def test_each_look_up_is_in_the_log_at_debug(tmp_path, caplog):
    with caplog.at_level("DEBUG", "maillogsentinel"):
        open_geo(tmp_path, csv(tmp_path, COUNTRY_CSV)).lookup("192.0.2.1")
    assert "place: 192.0.2.1: FR" in caplog.text
    assert geo.Place is Place
