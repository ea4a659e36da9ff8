"""docs/privacy.md names all that is kept, and its commands do what they are there for."""

import csv
import gzip
import os
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maillogsentinel import options
from maillogsentinel.detect.finding import Finding
from maillogsentinel.store import alerts, findings, pruning
from maillogsentinel.store.database import Database

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/privacy.md").read_text()


@pytest.fixture
def tables(tmp_path):
    database = Database(str(tmp_path), create=True)
    found = {name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.close()
    return found


def test_every_table_of_the_state_is_named(tables):
    part = PAGE.split("### state.db, table by table")[1].split("\n## ")[0]
    named = {name for row in re.findall(r"^\| ([a-z_, ]+) \|", part, re.MULTILINE) for name in row.split(", ")}
    assert tables <= named


def test_prune_knows_what_to_do_with_every_table(tables):
    known = [*pruning.BY_DAY, *pruning.BY_TIME, *pruning.OTHERWISE]
    assert sorted(known) == sorted(tables)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/maillogsentinel.conf",
        "/etc/maillogsentinel.conf.d/",
        "/etc/cron.d/maillogsentinel",
        "/etc/logrotate.d/maillogsentinel",
        "/usr/bin/maillogsentinel",
        "/var/lib/maillogsentinel/maillogsentinel.csv",
        "/var/lib/maillogsentinel/state.db",
        "/var/lib/maillogsentinel/archive/",
        "IP databases",
        "/var/log/maillogsentinel/maillogsentinel.log",
        "man pages",
        "pseudonyms.key",
        "complaints/",
        ".foreign-DATE",
        ".pruned",
        ".rejected",
    ],
)
def test_every_file_of_an_installed_host_is_named(name):
    assert name in PAGE


def test_options_that_the_page_names_are_there_with_the_defaults_it_says():
    keys = {option.key for option in options.OPTIONS} | {option.section for option in options.OPTIONS}
    for section, key in re.findall(r"`\[([a-z_]+)\] ([a-z_]+)", PAGE):
        assert {section, key} <= keys, key
    defaults = {
        options.RECORDS_DAYS: "0",
        options.EVENT_DAYS: "35",
        options.ARCHIVE_DAYS: "365",
        options.LOGINS_DAYS: "180",
        options.CACHE_TTL: "86400",
    }
    assert {option: option.default for option in defaults} == defaults


def commands(heading):
    """The commands of the code blocks below a heading."""
    part = PAGE.split(f"\n{heading}")[1].split("\n### ")[0].split("\n## ")[0]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", part, re.MULTILINE)
    return "".join(re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks)


def shell(installation, script):
    """Run what the page says, on an installation that lies elsewhere."""
    own = f"{sys.executable} -m maillogsentinel --config {installation.config}"
    script = re.sub(r"\bsudo (-u maillogsentinel )?", "", script)
    script = re.sub(r"(^|\s)maillogsentinel (?=[a-z])", rf"\1{own} ", script)
    script = script.replace("/var/lib/maillogsentinel", str(installation.state))
    script = script.replace("/var/log/maillogsentinel/*", f"{installation.directory}/own.log")
    return subprocess.run(["bash", "-e", "-c", script], cwd=TOP, capture_output=True, text=True, check=False)


@pytest.fixture
def host(installation):
    users = ("alice@example.org", "malice@example.org", "bob")
    lines = [
        f"2025-05-17T11:{minute:02d}:00+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN"
        f" authentication failed: x, sasl_username={user}\n"
        f"2025-05-17T12:{minute:02d}:00+00:00 mx postfix/smtpd[2]: 4XyZ: client=unknown[198.51.100.7],"
        f" sasl_method=PLAIN, sasl_username={user}\n"
        for minute in range(3)
        for user in users
    ]
    installation.configure("[retention]\nevent_days = 3650\n[logins]\ndays = 3650\n")
    installation.log.write_text("".join(lines))
    installation.extract()
    return installation


def test_the_commands_for_access_find_all_that_there_is_of_a_person(host):
    done = shell(host, commands("### Access").partition("zgrep")[0])
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.startswith("mx,")]) == 6  # those of malice@ too: a look will tell
    assert any(line.startswith("event ") for line in lines)
    assert any(line.startswith("login alice@example.org 198.51.100.0/24") for line in lines)


def found(kind, subject, sentence, *examples):
    return Finding(kind, "warning", subject, sentence, 9, 1, 9, 1, 2, (), examples)


def test_the_commands_for_erasure_take_one_person_out_and_leave_the_others(host):
    names = [
        found("login", "alice@example.org", '"alice@example.org" logged in.', "192.0.2.7"),
        found("bait", "192.0.2.8", 'The bait "bob", "alice@example.org".', "bob", "alice@example.org"),
        found("spraying", "192.0.2.9", "It tried 60 users.", "alice@example.org"),
        found("login", "malice@example.org", '"malice@example.org" logged in.', "192.0.2.7"),
    ]
    database = Database(str(host.state), create=True)
    with database.transaction():
        findings.save(database, names)
        for name in names:
            alerts.note(database, name, 3, 0, False)
    database.close()
    done = shell(host, commands("### Erasure"))
    assert done.returncode == 0, done.stderr
    assert "was changed by somebody else; it is taken as it is now (6 records)" in done.stderr
    assert [row["user"] for row in host.rows()] == ["malice@example.org", "bob"] * 3
    with sqlite3.connect(host.state / "state.db") as database:
        for table in ("event", "login", "new_login"):
            assert not database.execute(f"SELECT * FROM {table} WHERE user = 'alice@example.org'").fetchall()
        assert database.execute("SELECT count(*) FROM login").fetchone() == (2,)
        for table in ("finding", "alert"):
            assert database.execute(f"SELECT subject FROM {table}").fetchall() == [("malice@example.org",)]
    assert oct(host.csv.stat().st_mode & 0o777) == "0o640"
    assert not os.path.exists(f"{host.csv}.edited")
    host.extract()
    assert len(host.rows()) == 6


def test_the_commands_for_keeping_less_prune(host):
    done = shell(host, commands("## Keep less").partition("[report]\npseudonymise_users = yes\n")[2])
    assert done.returncode == 0, done.stderr
    assert "9 records of 1 day (2025-05-17) would go" in done.stdout
    assert host.rows() == []


def test_the_configuration_for_keeping_less_is_right(host):
    host.configure(commands("## Keep less").partition("sudo")[0])
    assert host.run("check-config").stdout == b""
    assert host.run("check-config").returncode == 0


def test_the_commands_for_collected_copies_prune_them_and_the_collection_goes_on(host, program):
    hosts = host.directory / "maillogsentinel/hosts"
    copies = hosts / "mx1.example.org"
    copies.mkdir(parents=True)

    def line(ago, name):
        stamp = (datetime.now(UTC) - timedelta(days=ago)).isoformat()
        return (
            f"{stamp} mx postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x,"
            f" sasl_username={name}\n"
        )

    def collect(*lines):
        with open(host.log, "a") as file:
            file.writelines(lines)
        host.extract()
        position = copies / "position"
        since = position.read_text().split()[0] if position.exists() else ""
        token = host.directory / "token"
        done = host.run("export", "csv", "--gzip", "--token-file", str(token), *(["--since", since] if since else []))
        (copies / f"{since or 'start'}_{token.read_text().strip()}.slice").write_bytes(done.stdout)
        done = program("append", str(hosts))
        assert (done.returncode, done.stderr) == (0, b"")
        (copy,) = copies.glob("*.csv.gz")
        return [row["user"] for row in csv.DictReader(gzip.decompress(copy.read_bytes()).decode().splitlines())]

    assert len(collect(line(100, "old"), line(3, "young"))) == 11
    script = commands("### Many servers").replace("~/maillogsentinel", str(hosts.parent))
    subprocess.run(["bash", "-ec", script], check=True)
    assert collect(line(91, "older"), line(1, "new")) == ["young", "older", "new"]
    subprocess.run(["bash", "-ec", script], check=True)
    assert host.run("prune", "--older-than", "90").returncode == 0
    assert collect(line(0, "newest")) == ["young", "new", "newest"]
    assert sorted(path.suffix for path in copies.iterdir()) == ["", ".gz"]
