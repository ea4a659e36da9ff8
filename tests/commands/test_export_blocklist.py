"""export blocklist: what the programs that block take it for."""

import csv
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from itertools import product
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DOCS = (TOP / "docs/exports.md").read_text()


def need(program, package):
    if not shutil.which(program):
        pytest.skip(f"install the Debian package {package}")


@pytest.fixture
def fail(installation):
    """A function that lets so many logins of each address fail, some minutes ago, and extracts them."""

    def fail(*ips, count=10, ago=60, user="info"):
        moment = time.time() - ago * 60
        stamps = [
            time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(moment - number)) for number in range(count, 0, -1)
        ]
        with open(installation.log, "a", encoding="utf-8") as file:
            for stamp, ip in product(stamps, ips):
                file.write(
                    f"{stamp} mx postfix/smtpd[3]: warning: unknown[{ip}]: SASL LOGIN authentication failed: x,"
                    f" sasl_username={user}\n"
                )
        installation.extract()

    installation.log.touch()
    return fail


@pytest.fixture
def export(installation):
    """A function that exports in a form, and returns what is printed."""

    def export(form="plain", *arguments):
        done = installation.run("export", "blocklist", "--format", form, *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    return export


def entries(text):
    """What a plain list has beside comments."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def script(text, *files):
    """Run `text` in a network of its own, and return what it printed."""
    done = subprocess.run(["unshare", "-n", "sh", "-euc", text, "sh", *map(str, files)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


# -- which


def test_the_thresholds_of_the_configuration_decide(installation, fail, export):
    fail("203.0.113.7")
    fail("203.0.113.80", count=9)
    fail("2001:db8::7", count=30)
    assert entries(export()) == ["203.0.113.7", "2001:db8::7"]
    assert entries(installation.run("export", "blocklist").stdout.decode()) == entries(export())
    installation.configure("[blocklist]\nfailures = 9\nmax_entries = 2\n")
    assert entries(export()) == ["203.0.113.7", "2001:db8::7"]
    installation.configure("[blocklist]\nfailures = 5\nnetwork_addresses = 2\n")
    assert entries(export()) == ["203.0.113.0/24", "2001:db8::7"]
    installation.configure("[blocklist]\nfailures = 11\nusers = 1\nhours = 1\n[detection]\nallow_users = INFO\n")
    assert entries(export()) == []
    installation.configure(
        "[blocklist]\nfailures = 99\n[detection]\nbait_users = Info, x\nallow_networks = 2001:db8::/32\n"
    )
    assert entries(export()) == ["203.0.113.7", "203.0.113.80"]


def test_it_never_lists_the_host_itself_or_where_somebody_logged_in(installation, fail, export):
    with open(installation.log, "a") as file:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        file.write(
            f"{moment} mx postfix/smtpd[3]: 4F0A: client=a.example.org[203.0.113.9], sasl_method=PLAIN,"
            " sasl_username=bob\n"
        )
    own = Path("/proc/net/fib_trie").read_text().split("|--")
    mine = [leaf.split()[0] for leaf in own if "/32 host LOCAL" in leaf]
    installation.configure("[general]\nserver_name = 198.51.100.77\n")
    fail(*{*mine, "203.0.113.99", "198.51.100.77", "198.51.100.78", "10.9.8.7"})
    assert entries(export()) == ["198.51.100.78"]
    installation.configure("[blocklist]\nspare_logins = no\nspare_private = no\n")
    assert entries(export()) == ["10.9.8.7", "198.51.100.77", "198.51.100.78", "203.0.113.99"]
    assert not set(mine) & set(entries(export()))


def test_more_than_is_kept_cannot_be_asked_for(installation, fail):
    fail("203.0.113.7")
    installation.configure("[blocklist]\nexpire_hours = 49\n[retention]\nevent_days = 2\n")
    done = installation.run("export", "blocklist")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == (
        b"maillogsentinel: [blocklist] expire_hours is 49, but [retention] event_days keeps failures for 48 hours."
        b" Lower the one or raise the other.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [("blocklist", "--gzip"), ("prometheus", "--format", "plain"), ("csv", "-o", "x"), ("prometheus", "--since", "")],
)
def test_an_option_of_another_form_is_wrong_usage(installation, fail, arguments):
    fail("203.0.113.7")
    done = installation.run("export", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1


# -- the file


def test_a_file_is_there_whole_or_as_it_was(installation, fail):
    fail("203.0.113.7")
    target = installation.directory / "list"
    done = installation.run("export", "blocklist", "-o", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert entries(target.read_text()) == ["203.0.113.7"]
    (installation.state / "state.db").rename(installation.directory / "away")
    before = target.stat().st_ino, target.read_bytes()
    assert installation.run("export", "blocklist", "-o", str(target)).returncode == 1
    assert (target.stat().st_ino, target.read_bytes()) == before
    (installation.directory / "away").rename(installation.state / "state.db")
    assert installation.run("export", "blocklist", "-o", str(target)).returncode == 0
    assert target.stat().st_ino != before[0]


def test_a_running_extract_does_not_keep_it_back(installation, fail, export):
    fail("203.0.113.7")
    held = subprocess.Popen(["flock", installation.state / "lock", "cat"], stdin=subprocess.PIPE)
    try:
        assert entries(export()) == ["203.0.113.7"]
    finally:
        held.communicate()


# -- what takes it


@pytest.mark.root
def test_nft_loads_it_again_and_again_beside_the_documented_rules(installation, fail, export):
    need("nft", "nftables")
    installation.configure("[blocklist]\nexpire_hours = 2\n")
    fail("203.0.113.6", "2001:db8::7", ago=10)
    fail("203.0.113.7", ago=90)
    files = [installation.directory / name for name in ("rules", "blocklist1.nft", "2", "3")]
    files[1].write_text(export("nftables"))
    rules = DOCS.split("```nft\n")[1].split("```")[0]
    files[0].write_text(rules.replace("/var/lib/maillogsentinel/", f"{installation.directory}/"))
    fail("198.51.100.9", ago=10)
    files[2].write_text(export("nftables"))
    installation.configure("[detection]\nallow_networks = 0.0.0.0/0, ::/0\n")
    files[3].write_text(export("nftables"))
    shown = script(
        'nft -c -f "$2"; nft -f "$2"; nft -f "$2"; nft flush ruleset; nft -f "$1"; nft -j list ruleset;'
        ' nft -f "$3"; nft -j list ruleset; nft -f "$3"; nft -f "$4"; nft -j list ruleset',
        *files,
    )
    first, second, third = map(_sets, shown.splitlines())
    assert list(first["ipv4"]) == ["203.0.113.6/31"]
    assert list(first["ipv6"]) == ["2001:db8::7"]
    assert set(second["ipv4"]) == {"203.0.113.6/31", "198.51.100.9"}
    assert third == {"ipv4": {}, "ipv6": {}}
    assert 25 * 60 < second["ipv4"]["203.0.113.6/31"] <= 30 * 60
    assert 105 * 60 < second["ipv4"]["198.51.100.9"] <= 110 * 60
    assert shown.count('"chain": "input", "handle"') == 6, "the rules stay"


def _sets(shown):
    """The elements of each set with their time-outs, of what nft lists as JSON."""
    found = {}
    for item in json.loads(shown)["nftables"]:
        if "set" in item:
            elements = [part["elem"] for part in item["set"].get("elem", [])]
            found[item["set"]["name"]] = {_address(part["val"]): part["timeout"] for part in elements}
    return found


def _address(value):
    return value if isinstance(value, str) else f"{value['prefix']['addr']}/{value['prefix']['len']}"


@pytest.mark.root
def test_ipset_restores_it_again_and_again(installation, fail, export):
    need("ipset", "ipset")
    fail("203.0.113.6", "203.0.113.7", "2001:db8::7")
    files = [installation.directory / name for name in ("1", "2")]
    files[0].write_text(export("ipset"))
    installation.configure("[detection]\nallow_networks = 203.0.113.0/24\n")
    files[1].write_text(export("ipset"))
    restore = "ipset restore -exist -file"
    assert restore in DOCS
    shown = script(
        f'ipset list -n >/dev/null 2>&1 || {{ echo none; exit 0; }}; {restore} "$1"; {restore} "$1";'
        f' ipset save; echo ---; {restore} "$2"; ipset save',
        *files,
    )
    if shown == "none\n":
        pytest.skip("this kernel has no ipset")
    first, second = (re.findall(r"add (\S+) (\S+) timeout (\d+)", part) for part in shown.split("---"))
    assert [part[:2] for part in first] == [("maillogsentinel4", "203.0.113.6/31"), ("maillogsentinel6", "2001:db8::7")]
    assert [part[:2] for part in second] == [("maillogsentinel6", "2001:db8::7")]
    assert all(46 * 3600 < int(seconds) <= 48 * 3600 for _, _, seconds in first)
    assert "-new" not in shown


def test_postmap_finds_in_it_who_is_listed_and_nobody_else(installation, fail, export):
    need("postmap", "postfix")
    fail("203.0.113.6", "203.0.113.7", "2001:db8::7")
    table = installation.directory / "list.cidr"
    table.write_text(export("postfix-cidr"))
    (installation.directory / "main.cf").touch()

    def ask(ip):
        command = ["postmap", "-c", str(installation.directory), "-q", ip, f"cidr:{table}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stderr == ""
        return done.stdout.strip()

    answers = {ip: ask(ip) for ip in ("203.0.113.6", "203.0.113.7", "2001:db8::7", "203.0.113.8", "2001:db8::8")}
    assert list(answers.values()) == ["REJECT"] * 3 + [""] * 2


@pytest.mark.slow
def test_fail2ban_bans_what_it_lists_in_the_documented_jail(installation, fail, export):
    need("fail2ban-client", "fail2ban")
    fail("203.0.113.6", "203.0.113.7", "2001:db8::7")
    listed = installation.directory / "list.txt"
    listed.write_text(export("fail2ban"))
    assert listed.read_text() == "203.0.113.6\n203.0.113.7\n2001:db8::7\n"
    home = installation.directory / "fail2ban"
    for name in ("filter.d", "action.d"):
        (home / name).mkdir(parents=True)
    jail = DOCS.split("```ini\n")[1].split("```")[0]
    (home / "jail.conf").write_text(f"[DEFAULT]\nusedns = no\naction = note\n{jail}")
    (home / "action.d/note.conf").write_text(f"[Definition]\nactionban = echo <ip> >> {home}/banned\nactionunban =\n")
    own = f"loglevel = INFO\nlogtarget = {home}/log\nsyslogsocket = auto\nsocket = {home}/s\npidfile = {home}/p\n"
    (home / "fail2ban.conf").write_text(f"[Definition]\nallowipv6 = yes\n{own}dbfile = None\n[Thread]\n")
    client = ["fail2ban-client", "-c", str(home), "-s", f"{home}/s", "-p", f"{home}/p"]
    try:
        subprocess.run([*client, "start"], check=True, capture_output=True)
        for _ in range(2):
            command = ["xargs", "-r", "-a", str(listed), *client, "set", "maillogsentinel", "banip"]
            done = subprocess.run(command, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
        done = subprocess.run([*client, "get", "maillogsentinel", "banip"], capture_output=True, text=True, check=True)
        assert sorted(done.stdout.split()) == sorted(listed.read_text().split())
    finally:
        subprocess.run([*client, "stop"], capture_output=True)
    assert sorted((home / "banned").read_text().split()) == sorted(listed.read_text().split())


def test_crowdsecs_csv_has_the_documented_columns(fail, export):
    fail("203.0.113.6", "203.0.113.7", ago=60)
    fail("2001:db8::7", ago=120)
    rows = list(csv.DictReader(export("crowdsec").splitlines()))
    assert [(row["scope"], row["type"], row["value"]) for row in rows] == [
        ("Range", "ban", "203.0.113.6/31"),
        ("Ip", "ban", "2001:db8::7"),
    ]
    assert {row["reason"] for row in rows} == {"maillogsentinel"}
    for row, hours in zip(rows, (47, 46), strict=True):
        assert hours * 3600 - 120 < int(re.fullmatch("([0-9]+)s", row["duration"])[1]) <= hours * 3600


def test_an_empty_list_is_one_that_every_program_takes(installation, fail, export):
    fail("203.0.113.7", count=1)
    assert entries(export()) == entries(export("postfix-cidr")) == []
    assert export("fail2ban") == ""
    assert export("crowdsec") == "duration,reason,scope,type,value\n"


# -- much


@pytest.mark.slow
def test_many_addresses_take_little_memory(installation, fail):
    fail("203.0.113.7", count=1)
    now = time.time_ns() // 1000
    addresses = (f"2001:db8:{number >> 8:x}::{number & 255:x}" for number in range(100_000))
    with sqlite3.connect(installation.state / "state.db") as connection:
        connection.executemany(
            "INSERT INTO event VALUES (?, ?, '', 'mx', ?, ?, 'LOGIN', 'smtpd', 'x', 1)",
            ((10 + number, now - number, ip, f"{number}" * 30) for number, ip in enumerate(addresses)),
        )
    connection.close()
    installation.configure("[blocklist]\nfailures = 1\nnetwork_addresses = 200\nmax_entries = 100\n")
    command = f'ulimit -v {64 << 10}; exec "$@" export blocklist'
    program = ["/usr/bin/python3", "-m", "maillogsentinel", "--config", str(installation.config)]
    done = subprocess.run(
        ["sh", "-c", command, "sh", *program], capture_output=True, cwd=TOP, env={**os.environ, "LC_ALL": "C"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    found = entries(done.stdout.decode())
    assert 0 < len(found) <= 100
    assert all("::/" in text for text in found)
