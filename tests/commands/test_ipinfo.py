"""``maillogsentinel ipinfo`` on addresses; ``--update`` is tested in tests/enrich/test_databases.py."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT
from tests.enrich.mmdb_fixture import write_mmdb

pytestmark = pytest.mark.slow

DATE = 1_750_000_000  # 2025-06-15


@pytest.fixture
def known(installation, tmp_path):
    """An installation with two databases."""
    write_mmdb(tmp_path / "c.mmdb", {"192.0.2.0/24": {"country_code": "FR"}, "2001:db8::/32": {"country_code": "NL"}})
    write_mmdb(
        tmp_path / "a.mmdb",
        {"192.0.2.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "Ex, \x1b]Net"}},
        DATE + 86_400,
    )
    installation.configure(
        f"[geolocation]\ncountry_db_path = {tmp_path}/c.mmdb\n[ASN_ASO]\nasn_db_path = {tmp_path}/a.mmdb\n"
    )
    return installation


SAID = "country: c.mmdb of 2025-06-15; AS: a.mmdb of 2025-06-16"


def test_addresses_of_the_command_line_are_told_in_order(known):
    done = known.run("ipinfo", "192.0.2.1", "2001:DB8:0::1", "10.0.0.1", "9.9.9.9")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        f"192.0.2.1  FR  AS64496  Ex, \\x1B]Net  (documentation; {SAID})",
        f"2001:db8::1  NL  null  null  (documentation; {SAID})",
        f"10.0.0.1  null  null  null  (private; {SAID})",
        f"9.9.9.9  null  null  null  ({SAID})",
    ]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_addresses_come_from_stdin_one_a_line(known, arguments):
    done = known.run("ipinfo", *arguments, stdin=b" 192.0.2.1\r\n\n2001:db8::1\n192.0.2.9")
    assert [line.split()[:2] for line in done.stdout.decode().splitlines()] == [
        ["192.0.2.1", "FR"],
        ["2001:db8::1", "NL"],
        ["192.0.2.9", "FR"],
    ]


def test_json_is_one_object_a_line(known, tmp_path):
    done = known.run("ipinfo", "--json", "192.0.2.1", "nonsense", "10.0.0.1")
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first == {
        "ip": "192.0.2.1",
        "country_code": "FR",
        "asn": 64496,
        "aso": "Ex, \\x1B]Net",
        "special": "documentation",
        "country_database": {"path": f"{tmp_path}/c.mmdb", "kind": "MMDB", "date": "2025-06-15"},
        "asn_database": {"path": f"{tmp_path}/a.mmdb", "kind": "MMDB", "date": "2025-06-16"},
    }
    assert second == {"input": "nonsense", "error": "not an IP address"}
    assert (third["country_code"], third["special"]) == (None, "private")


def test_what_is_no_address_is_told_in_its_place_and_ends_nothing(known):
    done = known.run("ipinfo", stdin=b"192.0.2.1\n\x1b[31m\xff\n" + b"9" * 200_000 + b"\n192.0.2.2/24\n192.0.2.3\n")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 1 and b"3 of the addresses are none" in done.stderr
    assert lines[1] == "\\x1B[31m\\xFF  not an IP address"
    assert lines[2] == "9" * 80 + "...  not an IP address"
    assert lines[3] == "192.0.2.2/24  not an IP address"
    assert lines[4].startswith("192.0.2.3  FR") and len(lines) == 5


def test_whoever_feeds_it_line_by_line_is_answered_line_by_line(known):
    process = subprocess.Popen(
        [sys.executable, "-m", "maillogsentinel", "--config", str(known.config), "ipinfo"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    for last in (1, 2):
        process.stdin.write(f"192.0.2.{last}\n")
        assert process.stdout.readline().startswith(f"192.0.2.{last}  FR")
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_many_addresses_come_out_as_they_went_in(known):
    addresses = [f"{n >> 8 & 127}.{n & 255}.2.{n % 251}" for n in range(30_000)]
    done = known.run("ipinfo", stdin="\n".join(addresses).encode())
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == addresses


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="hiding Debian's database needs root: run make test as root")
def test_without_a_database_it_says_how_to_get_one(installation):
    hide = 'test ! -d $0 || mount -t tmpfs none $0; exec "$@"'
    command = [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config), "ipinfo", "192.0.2.1"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", hide, "/usr/share/libloc-location", *command], cwd=CHECKOUT, capture_output=True
    )
    assert b"ipinfo --update" in done.stderr


def test_a_damaged_database_costs_its_columns_and_is_named(known, tmp_path):
    (tmp_path / "c.mmdb").write_bytes(b"\xab\xcd\xefMaxMind.com")
    done = known.run("ipinfo", "192.0.2.1")
    assert done.returncode == 0 and b"AS64496" in done.stdout
    assert str(tmp_path / "c.mmdb").encode() in done.stderr


def test_it_works_where_nothing_is_installed(program, tmp_path):
    if os.path.exists("/etc/maillogsentinel.conf"):
        pytest.skip("this machine has an installation")
    done = program("ipinfo", "10.0.0.1")
    assert done.returncode == 0 and b"10.0.0.1  null" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["--update", "192.0.2.1"], ["--update", "--json"], ["--due"], ["--due", "192.0.2.1"]]
)
def test_what_does_not_go_together_is_refused(known, arguments):
    done = known.run("ipinfo", *arguments)
    assert (done.returncode, done.stdout) == (2, b"") and done.stderr
