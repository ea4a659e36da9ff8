"""Getting new databases: from a server that does whatever servers do, and with the last good file kept throughout."""

import functools
import gzip
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maillogsentinel import config, options
from maillogsentinel.enrich import databases, download, geo, ipfire
from maillogsentinel.enrich.geo import Geo
from tests.conftest import CHECKOUT
from tests.enrich.http_server import HttpServer, Reply, versioned
from tests.enrich.mmdb_fixture import write_mmdb

pytestmark = pytest.mark.slow

CSV4 = b"1.0.0.0,1.255.255.255,AU\n8.8.8.0,8.8.8.255,US\n"
CSV6 = b"2001:4860::,2001:4860:ffff:ffff:ffff:ffff:ffff:ffff,US\n"
ASN_CSV = b'8.8.8.0,8.8.8.255,15169,"Google, LLC"\n'
HTML = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No proxy of the machine's, and no database of Debian's."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(ipfire, "PATH", str(tmp_path / "none" / "location.db"))


@pytest.fixture
def server():
    found = HttpServer()
    yield found
    found.close()


@functools.cache
def mmdb(code: str = "US", date: int = 1_790_000_000, more: int = 0) -> bytes:
    """A country database that says `code` of 8.8.8.0/24."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"mls-test-{os.getpid()}.mmdb"
    networks = {"8.8.8.0/24": {"country_code": code}, "193.0.0.0/16": {"country_code": "NL"}}
    networks.update({f"100.{n >> 8}.{n & 255}.0/24": {"country_code": "FR"} for n in range(more)})
    write_mmdb(path, networks, date)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


class Host:
    """A state directory, and what the configuration says about downloads."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self.state.mkdir()
        self.values = {option: option.parse(option.default) for option in options.OPTIONS}
        self.values[options.STATE_DIR] = str(self.state)
        self.values[options.ASN_DB_URL] = ()
        self.values[options.DB_TIME_LIMIT] = 20.0

    @property
    def config(self) -> config.Config:
        return config.Config(self.values, {}, [])

    def update(self, *country: str, **more) -> databases.Result:
        """Update the country database from there, and return what became of it."""
        self.values[options.COUNTRY_DB_URL] = country
        for name, value in more.items():
            self.values[getattr(options, name)] = value
        (result,) = databases.update(self.config)
        assert sorted(os.listdir(self.state)) == sorted(
            name for name in os.listdir(self.state) if name not in (databases.STAGING, databases.MEMORY + ".new")
        )
        return result

    def country(self, address: str = "8.8.8.8") -> str | None:
        return Geo.open(self.config).lookup(address).country_code


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def settled(host, server):
    """A host that has got its first database."""
    server.replies["/c.mmdb"] = versioned(mmdb("US"))
    assert host.update(server.address + "/c.mmdb").changed
    server.asked.clear()
    return host


# What is got


def test_a_database_is_got_opened_and_used(host, server):
    server.replies["/c.mmdb"] = Reply(200, mmdb("US"))
    result = host.update(server.address + "/c.mmdb")
    assert (result.changed, result.failed) == (True, False)
    assert "user-country.mmdb" in result.sentence and "2026-09-21" in result.sentence
    assert host.country() == "US"
    assert (host.state / "user-country.mmdb").read_bytes() == mmdb("US")


def test_what_has_not_changed_is_not_sent_again(settled, server):
    before = (settled.state / "user-country.mmdb").stat()
    result = settled.update(server.address + "/c.mmdb")
    assert (result.changed, result.failed) == (False, False)
    assert (settled.state / "user-country.mmdb").stat() == before
    ((path, headers),) = server.asked
    assert path == "/c.mmdb"
    assert headers["If-None-Match"] == '"1"'
    assert headers["If-Modified-Since"] == "Wed, 18 Nov 2026 06:00:00 GMT"


def test_what_has_changed_is_got_and_replaces_the_old_one(settled, server):
    server.replies["/c.mmdb"] = versioned(mmdb("CA"), '"2"', "Thu, 19 Nov 2026 06:00:00 GMT")
    assert settled.update(server.address + "/c.mmdb").changed
    assert settled.country() == "CA"


@pytest.mark.parametrize("damage", ["gone", "changed", "other address", "memory", "memory of something else"])
def test_nothing_is_asked_conditionally_when_the_file_is_not_the_one_that_was_stored(settled, server, damage):
    path, where = settled.state / "user-country.mmdb", "/c.mmdb"
    if damage == "gone":
        path.unlink()
    elif damage == "changed":
        path.write_bytes(mmdb("DE"))
    elif damage == "other address":
        where = "/d.mmdb"
        server.replies[where] = server.replies["/c.mmdb"]
    elif damage == "memory":
        (settled.state / databases.MEMORY).write_bytes(b'{"country": {"origins": ')
    else:
        (settled.state / databases.MEMORY).write_text(json.dumps({"country": [1], "asn": None}))
    assert settled.update(server.address + where).changed
    assert settled.country() == "US"


def test_one_packed_with_gzip_is_stored_unpacked(host, server):
    server.replies["/c.mmdb.gz"] = Reply(200, gzip.compress(mmdb("US")))
    assert host.update(server.address + "/c.mmdb.gz").changed
    assert (host.state / "user-country.mmdb").read_bytes() == mmdb("US")


def test_one_that_the_server_packs_on_its_own_account_is_unpacked_too(host, server):
    server.replies["/c.mmdb"] = Reply(200, gzip.compress(mmdb("US")), Content_Encoding="gzip")
    assert host.update(server.address + "/c.mmdb").changed
    assert (host.state / "user-country.mmdb").read_bytes() == mmdb("US")


def test_a_csv_is_stored_as_one_and_dated_by_its_server(host, server):
    server.replies["/c.csv"] = versioned(CSV4)
    assert host.update(server.address + "/c.csv").changed
    opened = Geo.open(host.config)
    assert [(item.kind, os.path.basename(item.path)) for item in opened.databases] == [("CSV", "country.csv")]
    assert opened.databases[0].date == 1_794_981_600
    assert opened.lookup("8.8.8.8").country_code == "US"


def test_a_csv_of_both_families_is_made_one(host, server):
    server.replies["/4.csv"] = versioned(CSV4)
    server.replies["/6.csv.gz"] = versioned(gzip.compress(CSV6.rstrip()))
    addresses = (server.address + "/4.csv", server.address + "/6.csv.gz")
    assert host.update(*addresses).changed
    assert (host.country("8.8.8.8"), host.country("2001:4860::1"), host.country("1.2.3.4")) == ("US", "US", "AU")
    assert not host.update(*addresses).changed
    server.replies["/4.csv"] = versioned(CSV4.replace(b"US", b"CA"), '"2"', "Thu, 19 Nov 2026 06:00:00 GMT")
    assert host.update(*addresses).changed, "one part changed, the other did not"
    assert (host.country("8.8.8.8"), host.country("2001:4860::1")) == ("CA", "US")


def test_a_file_may_be_named_in_place_of_an_address(host, tmp_path):
    path = tmp_path / "mirror.mmdb"
    path.write_bytes(mmdb("US"))
    assert host.update(str(path)).changed
    assert host.country() == "US"
    assert not host.update(str(path)).changed
    path.write_bytes(mmdb("DE"))
    assert host.update(str(path)).changed
    assert host.country() == "DE"


def test_a_date_that_archives_give_is_not_when_a_csv_was_made(host, tmp_path):
    path = tmp_path / "mirror.csv"
    path.write_bytes(CSV4)
    os.utime(path, (499_162_500, 499_162_500))  # 1985, as some archives have it
    assert host.update(str(path)).changed
    assert time.time() - Geo.open(host.config).databases[0].date < 600


def test_one_part_that_is_no_csv_refuses_the_whole(host, server):
    server.replies.update({"/4.csv": Reply(200, CSV4 * 500), "/6.csv": Reply(200, b"Not found\n")})
    assert host.update(server.address + "/4.csv", server.address + "/6.csv").failed
    server.replies["/6.csv"] = Reply(200, mmdb("US"))
    assert "joined" in host.update(server.address + "/4.csv", server.address + "/6.csv").sentence
    assert os.listdir(host.state) == []


def test_a_change_of_form_leaves_no_former_file_that_would_win(settled, server):
    server.replies["/c.csv"] = Reply(200, CSV4.replace(b"US", b"CA"), Last_Modified="Fri, 01 Jan 2016 00:00:00 GMT")
    assert settled.update(server.address + "/c.csv").changed
    assert settled.country() == "CA"
    assert not (settled.state / "user-country.mmdb").exists()


def test_each_column_has_its_own_and_an_empty_address_turns_one_off(host, server):
    server.replies.update({"/c.mmdb": Reply(200, mmdb("US")), "/a.csv": Reply(200, ASN_CSV)})
    host.values[options.COUNTRY_DB_URL] = (server.address + "/c.mmdb",)
    host.values[options.ASN_DB_URL] = (server.address + "/a.csv",)
    assert [(item.column, item.changed) for item in databases.update(host.config)] == [("country", True), ("asn", True)]
    assert Geo.open(host.config).lookup("8.8.8.8") == ("US", 15169, "Google, LLC")
    host.values[options.COUNTRY_DB_URL] = host.values[options.ASN_DB_URL] = ()
    server.asked.clear()
    assert list(databases.update(host.config)) == []
    assert server.asked == []


def test_the_failure_of_one_does_not_keep_the_other_back(host, server):
    server.replies["/a.csv"] = Reply(200, ASN_CSV)
    host.values[options.COUNTRY_DB_URL] = (server.address + "/missing",)
    host.values[options.ASN_DB_URL] = (server.address + "/a.csv",)
    assert [(item.failed, item.changed) for item in databases.update(host.config)] == [(True, False), (False, True)]


# Redirects


def test_a_redirect_is_followed_also_to_another_host_and_with_the_condition(host, server):
    other = HttpServer()
    try:
        server.replies["/c.mmdb"] = Reply(302, Location="/moved")
        server.replies["/moved"] = Reply(307, Location=other.address + "/c.mmdb?key=1")
        other.replies["/c.mmdb"] = versioned(mmdb("US"))
        assert host.update(server.address + "/c.mmdb").changed
        assert not host.update(server.address + "/c.mmdb").changed
    finally:
        other.close()


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/c.mmdb", "gopher://x", "javascript:alert(1)"]
)
def test_a_redirect_to_another_scheme_is_named_and_not_followed(settled, server, target):
    server.replies["/c.mmdb"] = Reply(302, Location=target)
    result = settled.update(server.address + "/c.mmdb")
    assert result.failed and "redirects elsewhere" in result.sentence
    assert settled.country() == "US"


def test_a_redirect_from_https_to_http_is_named_and_not_followed(host, server, certificate, monkeypatch):
    secure = HttpServer(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    try:
        server.replies["/c.mmdb"] = Reply(200, mmdb("US"))
        secure.replies["/c.mmdb"] = Reply(200, mmdb("US"))
        secure.replies["/away"] = Reply(301, Location=server.address + "/c.mmdb")
        result = host.update(secure.address + "/away")
        assert result.failed and "from https to the unprotected" in result.sentence
        assert server.asked == []
        assert host.update(secure.address + "/c.mmdb").changed
    finally:
        secure.close()


def test_a_certificate_that_nobody_trusts_is_named(host, certificate):
    secure = HttpServer(certificate)
    try:
        result = host.update(secure.address + "/c.mmdb")
        assert result.failed and not result.away and "certificate" in result.sentence
    finally:
        secure.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Path of a certificate for localhost with its key."""
    directory = tmp_path_factory.mktemp("certificate")
    key, path = directory / "key.pem", directory / "localhost.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=DNS:localhost -keyout {key} -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return str(path)


# What goes wrong leaves the last good one


def chunked_and_cut(request):
    """A chunked body whose last chunk never comes."""
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"400\r\n" + mmdb()[:512])


HALF = Reply(200, mmdb()[: len(mmdb()) // 2], Content_Length=str(len(mmdb())))
WRONG = {
    "404": (Reply(404), "answered 404 Not Found"),
    "410": (Reply(410), "answered 410 Gone"),
    "403": (Reply(403, HTML), "answered 403 Forbidden"),
    "500": (Reply(500), "answered 500 Internal Server Error. Try again later"),
    "503": (Reply(503), "503 Service Unavailable"),
    "599": (Reply(599), "answered 599"),
    "206": (Reply(206, mmdb("CA")), "206"),
    "redirect to nowhere": (Reply(302), "redirects"),
    "redirect in a circle": (Reply(302, Location="/c.mmdb"), "redirects more than"),
    "cut off": (HALF, "was cut off"),
    "cut off, chunked": (chunked_and_cut, "cut off"),
    "cut off, no length": (Reply(200, mmdb()[: len(mmdb()) // 2], length=False), "no database of a known form"),
    "cut off, no length, CSV": (Reply(200, CSV4[:-1], length=False), "cut off within a line"),
    "cut off, packed": (Reply(200, gzip.compress(mmdb("CA"))[:-40]), "cut off"),
    "damaged, packed": (Reply(200, b"\x1f\x8b" + os.urandom(300)), "damaged"),
    "HTML page": (Reply(200, HTML, Content_Type="text/html"), "is an HTML page"),
    "HTML page called otherwise": (Reply(200, b"\r\n <html>", Content_Type="application/octet-stream"), "HTML page"),
    "HTML page, packed": (Reply(200, gzip.compress(HTML)), "is an HTML page"),
    "too large": (Reply(200, bytes(70_000)), "more than 65536 bytes"),
    "too large, no length": (Reply(200, bytes(70_000), length=False), "more than 65536 bytes"),
    "too large when unpacked": (Reply(200, gzip.compress(bytes(10_000_000))), "when it is unpacked"),
    "empty": (Reply(200, b""), "is empty"),
    "text": (Reply(200, b"hello\nworld\n"), "no database of a known form"),
    "about networks": (Reply(200, ASN_CSV), "country columns"),
    "about little": (Reply(200, b"192.0.2.0,192.0.2.255,FR\n"), "it is not whole"),
    "IPFire": (Reply(200, b"LOCDBXX\x01" + bytes(4000)), ""),
    "304 unasked": (lambda request: Reply(304)(request), "304"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_failure_is_named_and_the_last_good_one_stays(settled, server, case):
    server.replies["/d.mmdb"], words = WRONG[case]
    if "circle" in case:
        server.replies["/d.mmdb"] = Reply(302, Location="/d.mmdb")
    before = (settled.state / "user-country.mmdb").stat()
    result = settled.update(server.address + "/d.mmdb", DB_MAX_BYTES=65536)
    assert (result.failed, result.away, result.changed) == (True, False, False)
    assert words in result.sentence and "[geolocation] country_db_url" in result.sentence
    assert (settled.state / "user-country.mmdb").stat() == before
    assert settled.country() == "US"
    server.replies["/d.mmdb"] = Reply(200, mmdb("CA"))
    assert settled.update(server.address + "/d.mmdb").changed, "the next run must find nothing in its way"


def test_a_database_that_is_damaged_within_is_not_used(host, server):
    # Its data, not its metadata: it opens, and only look-ups find out.
    whole = bytearray(mmdb("US", more=2000))
    marker = whole.index(b"\xab\xcd\xefMaxMind.com")
    whole[marker - 12_000 : marker - 100] = b"\xff" * 11_900
    whole[200:9000] = b"\x7f" * 8800
    server.replies["/c.mmdb"] = Reply(200, bytes(whole))
    assert host.update(server.address + "/c.mmdb").failed
    assert os.listdir(host.state) == []


def trickle(request):
    """A byte now and then: no time-out of a socket ever ends it."""
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    for _ in range(200):
        request.wfile.write(b"x")
        request.wfile.flush()
        time.sleep(0.05)


def trickling_headers(request):
    for _ in range(200):
        request.wfile.write(b"H")
        request.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("slow", [trickle, trickling_headers, lambda request: time.sleep(10)])
def test_a_server_that_trickles_is_cut_off(settled, server, slow):
    server.replies["/c.mmdb"] = slow
    began = time.monotonic()
    result = settled.update(server.address + "/c.mmdb", DB_TIME_LIMIT=1.0)
    assert result.failed and "after 1 seconds" in result.sentence
    assert time.monotonic() - began < 8  # the server would take ten
    assert settled.country() == "US"
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.mark.parametrize("host_name", ["127.0.0.1", "no-such-host.invalid"])
def test_no_network_is_told_apart_from_a_failure(settled, host_name):
    result = settled.update(f"http://{host_name}:{free_port()}/c.mmdb")
    assert (result.failed, result.away) == (True, True)
    assert "cannot be reached" in result.sentence
    assert settled.country() == "US"


def test_a_server_that_hangs_up_is_no_missing_network(settled, server):
    server.replies["/c.mmdb"] = lambda request: None
    result = settled.update(server.address + "/c.mmdb")
    assert (result.failed, result.away) == (True, False)


def test_a_proxy_is_taken_from_the_environment(host, server, monkeypatch):
    server.replies["http://databases.example.test/c.mmdb"] = Reply(200, mmdb("US"))
    monkeypatch.setenv("http_proxy", server.address)
    assert host.update("http://databases.example.test/c.mmdb").changed
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert host.update("http://databases.example.test/c.mmdb").away


def test_a_key_in_an_address_is_shown_nowhere(settled, server, caplog):
    caplog.set_level("DEBUG", "maillogsentinel")
    address = server.address.replace("://", "://me:pass@") + "/missing?token=secret"
    result = settled.update(address)
    shown = result.sentence + caplog.text + (settled.state / databases.MEMORY).read_text()
    assert result.failed and "secret" not in shown and "pass" not in shown


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe"])
def test_a_file_that_cannot_be_copied_is_named(settled, tmp_path, kind):
    path = tmp_path / "source"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    result = settled.update(str(path))
    assert result.failed and str(path) in result.sentence
    assert settled.country() == "US"


# Checksums


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


LATEST, CHECKSUM = "/o/r/releases/download/latest/c.mmdb", "/o/r/releases/download/checksum/c.mmdb.sha256"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        (f"{sha256(mmdb('CA'))}  c.mmdb\n", True),
        (f"{sha256(mmdb('CA')).upper()} *c.mmdb\n", True),
        (f"{sha256(b'other')}  other.mmdb\n{sha256(mmdb('CA'))}  dist/c.mmdb\n", True),
        (sha256(mmdb("CA")), True),
        (f"{sha256(b'other')}  c.mmdb\n", False),
        (f"{sha256(mmdb('CA'))}  other.mmdb\n", False),
        ("not a checksum", False),
        (HTML.decode(), False),
    ],
)
def test_the_published_checksum_decides(settled, server, text, passes):
    server.replies.update({LATEST: Reply(200, mmdb("CA")), CHECKSUM: Reply(200, text.encode())})
    result = settled.update(server.address + LATEST)
    assert result.changed == passes
    assert settled.country() == ("CA" if passes else "US")
    assert passes or "SHA-256" in result.sentence


def test_a_checksum_that_cannot_be_got_is_no_checksum_that_is_not_there(settled, server):
    server.replies.update({LATEST: Reply(200, mmdb("CA")), CHECKSUM: Reply(500)})
    assert settled.update(server.address + LATEST).failed
    assert settled.country() == "US"
    server.replies[CHECKSUM] = Reply(404)
    assert settled.update(server.address + LATEST).changed


def test_elsewhere_a_checksum_beside_the_file_is_checked_where_there_is_one(settled, server, tmp_path):
    server.replies.update({"/d.mmdb": Reply(200, mmdb("CA")), "/d.mmdb.sha256": Reply(200, b"0" * 64 + b"  d.mmdb\n")})
    assert settled.update(server.address + "/d.mmdb").failed
    server.replies["/d.mmdb.sha256"] = Reply(200, HTML)
    assert settled.update(server.address + "/d.mmdb").changed
    path = tmp_path / "e.mmdb"
    path.write_bytes(mmdb("DE"))
    (tmp_path / "e.mmdb.sha256").write_text(f"{'0' * 64}  e.mmdb\n")
    assert settled.update(str(path)).failed
    (tmp_path / "e.mmdb.sha256").write_text(f"{sha256(mmdb('DE'))}  e.mmdb\n")
    assert settled.update(str(path)).changed


def test_the_sum_may_be_of_the_packed_or_of_the_unpacked_file(host, server):
    packed = gzip.compress(mmdb("US"))
    server.replies["/c.gz"] = Reply(200, packed)
    for data in (packed, mmdb("US")):
        server.replies["/c.gz.sha256"] = Reply(200, sha256(data).encode())
        assert host.update(server.address + "/c.gz").changed


def test_the_default_addresses_have_their_checksums_in_the_release_beside():
    for option in (options.COUNTRY_DB_URL, options.ASN_DB_URL):
        (address,) = option.parse(option.default)
        name = address.rpartition("/")[2]
        beside = f"https://github.com/sapics/ip-location-db/releases/download/checksum/{name}.sha256"
        assert databases._checksum_of(address) == (beside, True)
        assert name in geo.OUR_NAMES["country"] + geo.OUR_NAMES["asn"]


# The program


def configured(installation, more: str) -> None:
    installation.configure(f"[ASN_ASO]\nasn_db_url =\n[geolocation]\n{more}\n")


def test_the_command_is_silent_and_says_in_the_own_log_what_it_did(installation, server):
    server.replies["/c.mmdb"] = versioned(mmdb("US"))
    configured(installation, f"country_db_url = {server.address}/c.mmdb")
    for word in ("is new", "is up to date"):
        done = installation.run("ipinfo", "--update")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert word in (installation.directory / "own.log").read_text()
    assert b"US" in installation.run("ipinfo", "8.8.8.8").stdout


def test_a_failure_has_status_1_and_is_told_once_a_day_without_a_terminal(installation, server):
    configured(installation, f"country_db_url = {server.address}/c.mmdb")
    done = installation.run("ipinfo", "--update")
    assert done.returncode == 1 and b"404 Not Found" in done.stderr
    again = installation.run("ipinfo", "--update", "--due")
    assert (again.returncode, again.stderr) == (1, b"")


def test_the_weekly_run_is_silent_without_a_network_and_the_one_by_hand_is_not(installation):
    configured(installation, f"country_db_url = http://127.0.0.1:{free_port()}/c.mmdb")
    done = installation.run("ipinfo", "--update", "--due")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "cannot be reached" in (installation.directory / "own.log").read_text()
    done = installation.run("ipinfo", "--update")
    assert done.returncode == 1 and b"cannot be reached" in done.stderr


def test_the_weekly_run_is_off_by_option(installation, server):
    server.replies["/c.mmdb"] = Reply(200, mmdb("US"))
    configured(installation, f"update = no\ncountry_db_url = {server.address}/c.mmdb")
    done = installation.run("ipinfo", "--update", "--due")
    assert (done.returncode, done.stderr, server.asked) == (0, b"", [])
    assert installation.run("ipinfo", "--update").returncode == 0
    assert server.paths() == ["/c.mmdb"]


def test_two_updates_at_once_are_one(installation, server):
    server.replies["/c.mmdb"] = trickle
    configured(installation, f"country_db_url = {server.address}/c.mmdb\nupdate_time_limit = 5")
    first = start(installation)
    while not server.asked:
        time.sleep(0.02)
    done = installation.run("ipinfo", "--update")
    assert done.returncode == 75 and b"lock-update" in done.stderr
    installation.log.write_text("")
    installation.extract()  # which has a lock of its own
    first.kill()
    first.wait()


def start(installation) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config), "ipinfo", "--update"],
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(installation, server):
    old, new = mmdb("US", more=3000), mmdb("CA", more=3000)
    target = installation.state / "user-country.mmdb"
    configured(installation, f"country_db_url = {server.address}/c.mmdb")
    server.replies["/c.mmdb"] = Reply(200, old)
    began = time.monotonic()
    assert installation.run("ipinfo", "--update").returncode == 0
    usual = time.monotonic() - began
    fate = random.Random(7)
    for number in range(12):
        before, coming = (old, new) if number % 2 == 0 else (new, old)
        target.write_bytes(before)
        server.replies["/c.mmdb"] = Reply(200, coming)
        process = start(installation)
        time.sleep(usual * fate.uniform(0.3, 1.1))
        process.kill()
        process.wait()
        assert target.read_bytes() in (before, coming)
    assert installation.run("ipinfo", "--update").returncode == 0
    assert target.read_bytes() == coming
    assert not (installation.state / databases.STAGING).exists()


def test_a_kill_before_the_rename_leaves_the_old_file_and_after_it_the_new_one(installation, server, tmp_path):
    """The two moments that matter, met exactly: a rename that kills the process before or after it is done."""
    configured(installation, f"country_db_url = {server.address}/c.mmdb")
    server.replies["/c.mmdb"] = Reply(200, mmdb("US"))
    assert installation.run("ipinfo", "--update").returncode == 0
    target = installation.state / "user-country.mmdb"
    server.replies["/c.mmdb"] = Reply(200, mmdb("CA"))
    for moment, left in (("before", mmdb("US")), ("after", mmdb("CA"))):
        (tmp_path / "sitecustomize.py").write_text(
            "import os, signal\nreal = os.rename\n"
            "def rename(source, target):\n"
            "    ours = str(target).endswith('user-country.mmdb')\n"
            f"    if ours and {moment == 'before'}: os.kill(os.getpid(), signal.SIGKILL)\n"
            "    real(source, target)\n"
            "    if ours: os.kill(os.getpid(), signal.SIGKILL)\n"
            "os.rename = rename\n"
        )
        path = os.pathsep.join((str(tmp_path), str(CHECKOUT)))
        done = installation.run("ipinfo", "--update", env={"PYTHONPATH": path})
        assert done.returncode == -signal.SIGKILL
        assert target.read_bytes() == left
    assert installation.run("ipinfo", "--update").returncode == 0
    assert target.read_bytes() == mmdb("CA")


def test_a_full_disk_leaves_the_old_file(installation, server):
    configured(installation, f"country_db_url = {server.address}/c.mmdb")
    server.replies["/c.mmdb"] = Reply(200, mmdb("US"))
    assert installation.run("ipinfo", "--update").returncode == 0
    server.replies["/c.mmdb"] = Reply(200, mmdb("CA", more=3000))
    arguments = ["-m", "maillogsentinel", "--config", str(installation.config), "ipinfo", "--update"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 16; exec "$@"', "sh", sys.executable, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
    )
    assert done.returncode == 1 and b"No space left" in done.stderr and b"Traceback" not in done.stderr
    assert (installation.state / "user-country.mmdb").read_bytes() == mmdb("US")


def test_purge_takes_what_updates_left(installation, server):
    configured(installation, f"country_db_url = {server.address}/c.csv")
    server.replies["/c.csv"] = Reply(200, CSV4)
    assert installation.run("ipinfo", "--update").returncode == 0
    assert installation.run("purge", "--delete").returncode == 0
    assert [name for name in os.listdir(installation.state) if "lock" not in name] == []


@pytest.mark.parametrize(
    "value", ["ftp://127.0.0.1/c.mmdb", "file:///etc/passwd", "c.mmdb", "http://", "https://x/c.csv c6.csv"]
)
def test_an_address_of_another_form_is_a_fault_of_the_configuration(installation, value):
    configured(installation, f"country_db_url = {value}")
    done = installation.run("check-config")
    assert done.returncode == 2 and b"country_db_url" in done.stdout and b"http or https" in done.stdout


def test_other_commands_do_not_pay_for_downloads(installation):
    code = (
        "import sys; from maillogsentinel.cli import main; main(sys.argv[1:]);"
        "late = ('requests', 'maillogsentinel.enrich.download', 'gzip', 'email');"
        "print(*[name for name in late if name in sys.modules])"
    )
    installation.log.write_text("")
    installation.extract()
    for arguments in (["extract", "--offline"], ["ipinfo", "8.8.8.8"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "--config", str(installation.config), *arguments],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
        assert done.stdout.splitlines()[-1] == ""


def test_what_may_be_shown_of_an_address():
    assert download.shown("https://u:p@h.test:8/p/x.mmdb?k=1#f") == "https://h.test:8/p/x.mmdb"
    assert download.shown("https://[bad/x") == "the address"
    assert download.shown("/a\x1b[1m") == "/a\\x1B[1m"
