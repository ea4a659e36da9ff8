"""The log of a real Postfix and Dovecot, anonymized: nobody is found in it any more, and every tool counts the same."""

import base64
import csv
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from bed import HERE, MARKS, Bed

CHECKOUT = HERE.parents[1]
pytestmark = MARKS

# Nothing in these is a word that programs write, so that none of them may occur anywhere.
HOSTS = {
    "198.51.100.7": "7-100-51-198.pool.wobblenet.example.com",
    "198.51.100.71": "198.51.100.71.static.wobblenet.example.com",
    "203.0.113.44": "mailx9.quixotic-gadgets.example.net",
    "2001:db8:aaaa::77": "zephyr77.quixotic-gadgets.example.net",
}
ADDRESSES = [*HOSTS, "192.0.2.131", "203.0.113.99", "2001:db8:bbbb:1::dead:99"]
PEOPLE = ["zenobia", "Zenobia", "oberon.titanius", "xanthippe+lists"]
DOMAIN = "quixotic-gadgets.example.net"
USERS = [
    *PEOPLE,
    *(f"{name}@{DOMAIN}" for name in PEOPLE),
    "zenobia@Wobblenet.Example.COM",
    "zenobia, sasl_username=xanthippe",
    "]: SASL LOGIN authentication failed: zenobia@192.0.2.131",
    " zenobia ",
    "zénobia😀",
    "not\udcffzenobia",
    "198.51.100.7",
    "c" * 300,
]
ACCOUNTS = ["alice@example.org", "bob@example.org"]
FORGED = [
    f"[192.0.2.131]: reject: from=<zenobia@{DOMAIN}> to=<root> proto=ESMTP helo=<x>",
    f"a> to=<zenobia@{DOMAIN}> proto=SMTP helo=<zenobia",
    "zenobia%40" + DOMAIN,
    base64.b64encode(f"zenobia@{DOMAIN}".encode()).decode(),
    "192-0-2-131.zenobia",
]
SECRETS = [
    *ADDRESSES,
    *HOSTS.values(),
    "wobblenet",
    "quixotic-gadgets",
    "mailx9",
    "zephyr77",
    "zenobia",
    "oberon",
    "titanius",
    "xanthippe",
    "nobia",
    "alice",
    "confidential",
    "mx1",
    "cccccccccc",
]


def sessions() -> Iterator[dict]:
    clients = ADDRESSES
    for number, user in enumerate(USERS):
        source = clients[number % len(clients)]
        port, tls = [(25, False), (587, False), (465, True), (2587, False)][number % 4]
        how = "plain" if number % 2 else "login"
        yield {"source": source, "port": port, "tls": tls, "acts": [[how, user, "wrong"]] * (1 + number % 2)}
    for source in clients:
        yield {
            "source": source,
            "port": 587,
            "helo": HOSTS.get(source, "laptop.wobblenet.example.com"),
            "acts": [["plain", ACCOUNTS[0], "right"], ["mail", ACCOUNTS[0], f"zenobia@{DOMAIN}"]],
        }
        yield {"source": source, "port": 25, "acts": [["mail", f"Zenobia@{DOMAIN}", ACCOUNTS[1]]]}
        yield {"source": source, "port": 25, "acts": [["mail", f"zenobia@{DOMAIN}", f"xanthippe@{DOMAIN}"]]}
        yield {"source": source, "port": 25, "acts": [["mail", f"zenobia@{DOMAIN}", "oberon@example.org"]]}
    for helo in FORGED:
        acts = [["mail", f"zenobia@{DOMAIN}", "oberon@example.org"], ["say", "GET /zenobia HTTP/1.1"], ["hang up"]]
        yield {"source": clients[0], "port": 25, "helo": helo, "acts": acts}
    body = (
        f"Message-ID: <zenobia.1@mailx9.{DOMAIN}>\r\nSubject: confidential offer from zenobia; from=<x>\r\n\r\nx\r\n."
    )
    commands = [f"MAIL FROM:<zenobia@{DOMAIN}>", f"RCPT TO:<{ACCOUNTS[0]}>", "DATA", body]
    yield {"source": clients[2], "port": 25, "acts": [["say", command] for command in commands]}
    for command in [
        "AUTH ZENOBIA",
        'AUTH "zenobia authentication failed: x, sasl_username=xanthippe"',
        "AUTH XOAUTH2 eA==",
    ]:
        yield {"source": clients[1], "port": 587, "acts": [["say", command]]}
    yield {"source": clients[1], "port": 587, "acts": [["say", "AUTH LOGIN"], ["say", "*"]]}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of all that, with Dovecot's lines among it."""
    path = tmp_path_factory.mktemp("log") / "mail.log"
    with Bed([f"{address} {name}" for address, name in HOSTS.items()]) as bed:
        checks = bed.directory / "checks"
        checks.write_text("/^Subject: confidential/ WARN no gossip\n")
        bed.run("postconf", "-e", f"header_checks=regexp:{checks}", "smtpd_forbidden_commands=GET", "soft_bounce=no")
        bed.run("postfix", "reload")
        bed.talk(sessions())
        deadline = time.monotonic() + 20
        mark = f"last-word-{time.monotonic_ns()}"
        bed.talk([{"source": "192.0.2.131", "port": 2587, "acts": [["plain", mark, "wrong"]]}])
        while mark.encode() not in bed.log.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while re.search(r"(?m)^\w+\*", bed.run("postqueue", "-p")):  # a delivery is under way
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert b"no gossip" in bed.log.read_bytes(), "header_checks were not in force"
        shutil.copyfile(bed.log, path)
    return path


@pytest.fixture(scope="module")
def safe(log: Path) -> Path:
    path = log.with_name("safe.log")
    anonymize(log, path)
    return path


def anonymize(log: Path, safe: Path, *more: str) -> None:
    command = [sys.executable, "-m", "maillogsentinel", "anonymize", "-i", str(log), "-o", str(safe), *more]
    done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def spellings(secret: str) -> Iterator[tuple[bool, bytes]]:
    """How `secret` may stand in a log: whether case counts, and the bytes."""
    raw = secret.encode("utf-8", "surrogateescape")
    yield False, raw
    yield False, raw[::-1]
    yield False, raw.hex().encode()
    yield False, urllib.parse.quote(raw).encode()
    if re.fullmatch(r"[\d.]+", secret):
        octets = secret.split(".")
        for order in (octets, octets[::-1]):
            for mark in ".-_":
                yield False, mark.join(order).encode()
            yield False, "".join(f"{int(octet):02x}" for octet in order).encode()
            yield False, "".join(octet.zfill(3) for octet in order).encode()
    if len(raw) >= 6:
        for before in range(3):
            # Without the characters that hold bits of what may stand around it.
            whole = base64.b64encode(b"x" * before + raw)
            yield True, whole[(8 * before + 5) // 6 : (8 * (before + len(raw))) // 6]


def test_nobody_is_found_in_it_in_any_spelling(log: Path, safe: Path) -> None:
    original, shown = log.read_bytes(), safe.read_bytes()
    ids = re.findall(rb"\[\d+\]: ([0-9A-F]{8,}): ", original) + re.findall(rb"message-id=<([^@>]{6,})@", original)
    assert len(set(ids)) > 10
    for secret in [*SECRETS, *(number.decode() for number in set(ids))]:
        if secret in ADDRESSES or secret in ("zenobia", "wobblenet", "alice", "confidential", "mx1"):
            assert secret.encode() in original, f"{secret} does not stand in the log: the test would show nothing"
        for exact, spelling in spellings(secret):
            text = shown if exact else shown.lower()
            found = text.find(spelling if exact else spelling.lower())
            line = shown[shown.rfind(b"\n", 0, found) + 1 :].partition(b"\n")[0]
            assert found < 0, f"{secret} is shown as {spelling!r} in {line!r}"
    assert all(32 <= byte < 127 or byte == 10 for byte in shown)


def test_the_lines_are_the_same_in_number_time_program_and_length_of_stay(log: Path, safe: Path) -> None:
    header = re.compile(r"(\S+T\S+|\w{3} [ \d]\d [\d:]{8}) \S+ ([^ \[]+(?:\[\d+\])?:) ")
    before, after = (path.read_text("utf-8", "surrogateescape").splitlines() for path in (log, safe))
    assert len(before) == len(after) > 200
    assert [header.match(line).groups() for line in before] == [header.match(line).groups() for line in after]


def extracted(log: Path, directory: Path) -> list[dict[str, str]]:
    directory.mkdir()
    config = directory / "my.conf"
    config.write_text(
        f"[paths]\nworking_dir = {directory}\nstate_dir = {directory}\nmail_log = {log}\n"
        f"[general]\nlog_file = {directory}/own.log\n[alerts]\nenabled = no\n"
    )
    command = [sys.executable, "-m", "maillogsentinel", "--config", str(config), "extract", "--offline"]
    done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with open(directory / "maillogsentinel.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_this_program_records_the_same_up_to_renaming(log: Path, safe: Path, tmp_path: Path) -> None:
    before, after = extracted(log, tmp_path / "before"), extracted(safe, tmp_path / "after")
    assert len(before) == len(after) > len(USERS)
    there: dict[tuple[str, str], str] = {}
    back: dict[tuple[str, str], str] = {}
    for old, new in zip(before, after, strict=True):
        for column in ("date", "reverse_dns_status"):  # the country is the new address's
            assert old[column] == new[column]
        for column in ("server", "ip", "user", "hostname"):
            assert (old[column] == "null") == (new[column] == "null") and (old[column] == "") == (new[column] == "")
            assert there.setdefault((column, old[column]), new[column]) == new[column]
            assert back.setdefault((column, new[column]), old[column]) == old[column]
    assert len(there) > 20


def counts(report: str) -> list[list[tuple[int, str]]]:
    """The numbers of a pflogsumm report, paragraph by paragraph; names, and the order among equals, do not count."""

    def number(line: str) -> str:
        match = re.match(r"\s*((?:[\d:%/,-]*\d[km%]?\s+)*)", line + " ")
        total = re.search(r"\(total: \d+\)", line)
        return " ".join((match[1] if match else "").split()) + (total[0] if total else "")

    return [
        sorted((len(line) - len(line.lstrip()), number(line)) for line in paragraph.splitlines())
        for paragraph in re.split(r"\n\s*\n", report)
    ]


@pytest.mark.skipif(not shutil.which("pflogsumm"), reason="needs the package pflogsumm; make test installs it")
def test_pflogsumm_counts_the_same(log: Path, safe: Path) -> None:
    before, after = (
        subprocess.run(
            ["pflogsumm", "--verbose_msg_detail", str(path)], capture_output=True, text=True, check=True
        ).stdout
        for path in (log, safe)
    )
    assert counts(before) == counts(after)
    assert re.search(r"[1-9]\d* +received", before) and re.search(r"[1-9]\d* +rejected", before)


@pytest.mark.skipif(not shutil.which("fail2ban-regex"), reason="needs the package fail2ban; make test installs it")
@pytest.mark.parametrize("kind", ["postfix[mode=aggressive]", "dovecot"])
def test_fail2ban_finds_the_same(log: Path, safe: Path, kind: str) -> None:
    def found(path: Path) -> tuple[list[str], Counter]:
        command = ["fail2ban-regex", "--usedns", "no", str(path), kind]
        whole = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        single = subprocess.run([*command[:-2], "-o", "ip", *command[-2:]], capture_output=True, text=True, check=False)
        numbers = re.findall(r"^(?:Failregex|Lines|\s*\d+\)).*", whole, re.M)
        each = Counter(line.strip() for line in single.stdout.splitlines())
        return [re.sub(r" \[processed.*", "", line) for line in numbers if "matched" in line or "total" in line], each

    (before, old), (after, new) = found(log), found(safe)
    assert before == after and any("total" in line for line in before)
    assert sorted(old.values()) == sorted(new.values())
    if kind.startswith("postfix"):
        assert max(len(old), 1) > 3


def test_anonymizing_twice_is_harmless(log: Path, safe: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.log"
    anonymize(safe, again)
    assert again.read_bytes().count(b"\n") == log.read_bytes().count(b"\n")
    rows, twice = extracted(log, tmp_path / "one"), extracted(again, tmp_path / "two")
    assert [row["date"] for row in rows] == [row["date"] for row in twice]
    for column in ("server", "ip", "user", "hostname"):
        assert sorted(Counter(row[column] for row in rows).values()) == sorted(
            Counter(row[column] for row in twice).values()
        )


def test_a_journal_as_json_is_anonymized_like_the_log(log: Path, tmp_path: Path) -> None:
    header = re.compile(rb"(\S+) (\S+) ([^\s\[]+)\[(\d+)\]: (.*)")
    entries = tmp_path / "journal.json"
    lines = [match.groups() for line in log.read_bytes().splitlines() if (match := header.match(line))]
    with open(entries, "w") as file:
        for number, (_, host, program, pid, message) in enumerate(lines):
            try:
                text: object = message.decode()
            except UnicodeDecodeError:
                text = list(message)
            entry = {
                "__CURSOR": f"s=0123456789abcdef;i={number:x};t=5f00;x=ff",
                "__REALTIME_TIMESTAMP": str(1_750_000_000_000_000 + number),
                "_HOSTNAME": host.decode(),
                "SYSLOG_IDENTIFIER": program.decode(),
                "SYSLOG_PID": pid.decode(),
                "_MACHINE_ID": "00112233445566778899aabbccddeeff",
                "_CMDLINE": "smtpd -n smtp -o zenobia",
                "MESSAGE": text,
            }
            file.write(json.dumps(entry) + "\n")
    safe = tmp_path / "safe.json"
    anonymize(entries, safe)
    shown = safe.read_bytes()
    for secret in (*ADDRESSES, "zenobia", "alice", "wobblenet", "mx1", "0011223344", "0123456789abc"):
        assert secret.encode() not in shown.lower(), secret
    explained = [
        subprocess.run(
            [sys.executable, "-m", "maillogsentinel", "explain", "--json", str(path)],
            cwd=CHECKOUT,
            capture_output=True,
            check=True,
        ).stdout.splitlines()
        for path in (entries, safe)
    ]
    before, after = ([json.loads(line)["verdict"] for line in said] for said in explained)
    assert before == after and before.count("failure") > 20
