"""Extraction with names and places: what a run asks, keeps and writes, against a DNS server of its own."""

import time

import pytest

from tests.enrich.dns_server import DnsServer, by_last_byte
from tests.enrich.mmdb_fixture import write_mmdb

pytestmark = pytest.mark.slow


def failure(number: int, ip: str, name: str = "unknown") -> str:
    """A failure line of Postfix as rsyslog writes it."""
    return (
        f"2026-11-20T01:00:00.{number:06d}+00:00 mx postfix/smtpd[7]: warning: {name}[{ip}]: SASL LOGIN"
        f" authentication failed: (reason unavailable), sasl_username=u{number}\n"
    )


@pytest.fixture
def server():
    """A server that knows hostN.example.test, has no such host for .2, fails for .3 and refuses .6."""
    import dns.rcode

    found = DnsServer(
        by_last_byte(
            {
                2: lambda asked: asked.code(dns.rcode.NXDOMAIN),
                3: lambda asked: asked.code(dns.rcode.SERVFAIL),
                4: lambda asked: asked.code(dns.rcode.NOERROR),
                6: lambda asked: asked.code(dns.rcode.REFUSED),
                8: lambda asked: asked.ptr("short.example.test", ttl=0).to_wire(),
            }
        )
    )
    yield found
    found.close()


def asking(installation, server, more=""):
    """Let the installation ask `server`; `more` are lines of [reverse_dns]."""
    installation.configure(f"[reverse_dns]\nservers = 127.0.0.1\nport = {server.port}\ntimeout = 1\n{more}")
    return installation


def extract(installation):
    done = installation.run("extract")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    return {row["user"]: (row["hostname"], row["reverse_dns_status"]) for row in installation.rows()}


def test_names_and_the_reasons_for_having_none_are_recorded(installation, server):
    asking(installation, server)
    lines = [failure(last, f"192.0.2.{last}") for last in (1, 2, 3, 4, 6)]
    lines += [failure(20, "192.0.2.20", "mail.example.org"), failure(21, "unknown"), failure(22, "2001:db8::1")]
    installation.log.write_text("".join(lines))
    assert extract(installation) == {
        "u1": ("host1.example.test", "OK"),
        "u2": ("null", "Errno 1"),
        "u3": ("null", "Errno 2"),
        "u4": ("null", "Errno 4"),
        "u6": ("null", "Errno 3"),
        "u20": ("mail.example.org", "OK"),
        "u21": ("null", "Skipped"),
        "u22": ("host1.example.test", "OK"),
    }
    assert server.counts["192.0.2.20"] == 0, "a client whose name Postfix verified was asked about"


def test_an_address_is_asked_about_once_in_a_run_and_not_again_while_the_answer_is_kept(installation, server):
    asking(installation, server)
    installation.log.write_text("".join(failure(number, "192.0.2.1") for number in range(50)))
    extract(installation)
    with open(installation.log, "a") as log:
        log.write(failure(60, "192.0.2.1") + failure(61, "192.0.2.2"))
    assert extract(installation)["u60"] == ("host1.example.test", "OK")
    with open(installation.log, "a") as log:
        log.write(failure(70, "192.0.2.2"))
    assert extract(installation)["u70"] == ("null", "Errno 1")
    assert (server.counts["192.0.2.1"], server.counts["192.0.2.2"]) == (1, 1)


def test_a_record_without_a_time_to_live_is_asked_for_in_each_run(installation, server):
    asking(installation, server)
    installation.log.write_text(failure(1, "192.0.2.8") + failure(2, "192.0.2.8"))
    extract(installation)
    with open(installation.log, "a") as log:
        log.write(failure(3, "192.0.2.8"))
    extract(installation)
    assert server.counts["192.0.2.8"] == 2


def test_without_the_cache_each_run_asks_anew_but_only_once(installation, server, monkeypatch):
    installation.configure(f"[reverse_dns]\nservers = 127.0.0.1\nport = {server.port}\n[dns_cache]\nenabled = no\n")
    installation.log.write_text(failure(1, "192.0.2.1") + failure(2, "192.0.2.1"))
    extract(installation)
    with open(installation.log, "a") as log:
        log.write(failure(3, "192.0.2.1"))
    extract(installation)
    assert server.counts["192.0.2.1"] == 2


def test_offline_and_turned_off_nothing_is_asked(installation, server):
    asking(installation, server)
    installation.log.write_text(failure(1, "192.0.2.1"))
    installation.extract()  # --offline
    assert installation.rows()[0]["reverse_dns_status"] == "Skipped"
    asking(installation, server, "enabled = no\n")
    with open(installation.log, "a") as log:
        log.write(failure(2, "192.0.2.5"))
    assert extract(installation)["u2"] == ("null", "Skipped")
    assert not server.counts


def test_rows_are_not_rewritten_when_a_name_becomes_known(installation, server):
    asking(installation, server, "enabled = no\n")
    installation.log.write_text(failure(1, "192.0.2.1"))
    extract(installation)
    asking(installation, server)
    with open(installation.log, "a") as log:
        log.write(failure(2, "192.0.2.1"))
    assert extract(installation) == {"u1": ("null", "Skipped"), "u2": ("host1.example.test", "OK")}


def test_silent_servers_cost_the_budget_and_no_record(installation):
    silent = DnsServer(lambda asked: None)
    try:
        asking(installation, silent, "budget = 2\n")
        installation.log.write_text("".join(failure(n, f"198.18.{n // 250}.{n % 250}") for n in range(3000)))
        begin = time.monotonic()
        found = extract(installation)
        # The one test that asserts a time: the contract promises the budget plus two seconds.
        assert time.monotonic() - begin < 2 + 2
        assert len(found) == 3000
        assert set(found.values()) == {("null", "Errno 2")}
        with open(installation.log, "a") as log:
            log.write(failure(5000, "198.18.11.249"))
        asked = sum(silent.counts.values())
        extract(installation)
        assert sum(silent.counts.values()) > asked, "an address that found no time must be asked about in the next run"
    finally:
        silent.close()


def test_the_most_frequent_addresses_are_asked_about_first(installation, server):
    asking(installation, server, "in_flight = 1\n")
    order = []
    plain = server.behave
    server.behave = lambda asked: order.append(asked.address) or plain(asked)
    lines = [failure(n, "192.0.2.30") for n in range(3)] + [failure(10, "192.0.2.31")]
    lines += [failure(20 + n, "192.0.2.32") for n in range(5)]
    installation.log.write_text("".join(lines))
    extract(installation)
    assert order == ["192.0.2.32", "192.0.2.30", "192.0.2.31"]


def test_places_come_from_the_configured_databases(installation, tmp_path):
    write_mmdb(tmp_path / "c.mmdb", {"192.0.2.0/24": {"country_code": "FR"}})
    write_mmdb(
        tmp_path / "a.mmdb",
        {"192.0.2.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": 'Ex, "Net"'}},
    )
    installation.configure(
        f"[geolocation]\ncountry_db_path = {tmp_path}/c.mmdb\n[ASN_ASO]\nasn_db_path = {tmp_path}/a.mmdb\n"
    )
    installation.log.write_text(failure(1, "192.0.2.1") + failure(2, "unknown"))
    installation.extract()
    rows = installation.rows()
    assert [(row["country_code"], row["asn"], row["aso"]) for row in rows] == [
        ("FR", "64496", 'Ex, "Net"'),
        ("null", "null", "null"),
    ]


def test_a_missing_database_costs_its_columns_and_is_told(installation):
    installation.configure("[geolocation]\ncountry_db_path = /nowhere/c.mmdb\n")
    installation.log.write_text(failure(1, "192.0.2.1"))
    done = installation.run("extract", "--offline")
    assert done.returncode == 0 and b"/nowhere/c.mmdb" in done.stderr
    assert installation.rows()[0]["country_code"] == "null"
    again = installation.run("extract", "--offline")
    assert (again.returncode, again.stderr) == (0, b""), "the same complaint twice within a day"
    report = installation.run("report", "--stdout").stdout
    assert b"/nowhere/c.mmdb" in report, "the report must tell it until it is gone"


def test_without_dnspython_records_are_made_and_the_package_is_named(installation, server, tmp_path):
    asking(installation, server)
    installation.log.write_text(failure(1, "192.0.2.1") + failure(2, "192.0.2.2"))
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "dns.py").write_text("raise ImportError('not installed')\n")
    done = installation.run("extract", env={"PYTHONPATH": str(hidden)})
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"python3-dnspython") == 1 and b"Internal" not in done.stderr
    assert [row["reverse_dns_status"] for row in installation.rows()] == ["Skipped", "Skipped"]
