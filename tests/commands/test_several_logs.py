"""Several logs in one run: each with its own position, one CSV, and what is wrong with one hinders no other."""

import gzip
import itertools
import json
import os
import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")


SECONDS = itertools.count()


def failures(*users: str, host: str = "mx") -> str:
    """Lines of which each is a second younger than the one before."""
    return "".join(
        f"{YESTERDAY}T{1 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000000+00:00 {host}"
        " postfix/smtpd[7]: warning:"
        f" unknown[192.0.2.1]: SASL LOGIN authentication failed: (reason unavailable), sasl_username={user}\n"
        for user, second in zip(users, SECONDS, strict=False)
    )


class Logs:
    """An installation that reads the logs of a directory."""

    def __init__(self, installation) -> None:
        self.installation = installation
        self.directory = installation.directory / "log"
        self.directory.mkdir()

    def configure(self, *patterns: str, separator: str = " ") -> None:
        named = separator.join(f"{self.directory}/{pattern}" for pattern in patterns)
        self.installation.configure("[reverse_dns]\nenabled = no\n", mail_log=named)

    def write(self, name: str, text: str) -> None:
        with open(self.directory / name, "a", encoding="utf-8") as file:
            file.write(text)

    def extract(self) -> str:
        done = self.installation.run("extract")
        self.status = done.returncode
        return done.stderr.decode()

    def users(self) -> Counter:
        return Counter(row["user"] for row in self.installation.rows())


@pytest.fixture
def logs(installation):
    return Logs(installation)


@pytest.mark.parametrize("separator", [" ", ", ", ","])
def test_each_log_of_a_list_is_read_once(logs, separator):
    logs.configure("in.log", "out.log", separator=separator)
    logs.write("in.log", failures("a", "b"))
    logs.write("out.log", failures("c"))
    assert logs.extract() == ""
    logs.write("out.log", failures("d"))
    assert logs.extract() == ""
    assert logs.extract() == ""
    assert logs.users() == Counter("abcd")


def test_a_wildcard_takes_up_a_log_that_comes_later_and_forgets_none_that_goes(logs):
    logs.configure("*.log*")
    first = failures("a")
    logs.write("in.log", first)
    assert logs.extract() == ""
    logs.write("in-two.log", failures("b"))
    logs.write("in-two.log.1", failures("before"))
    assert logs.extract() == ""
    os.unlink(logs.directory / "in.log")
    assert logs.extract() == ""
    logs.write("in.log", first + failures("c"))  # it is restored, and has grown
    assert logs.extract() == ""
    assert logs.users() == Counter(["a", "b", "c", "before"])


def test_rotation_moves_each_log_by_itself(logs):
    logs.configure("*.log*")
    for number in range(6):
        for name in ("a.log", "b.log"):
            logs.write(name, failures(f"{name}-{number}"))
            if number % (2 if name == "a.log" else 3) == 0:
                live = logs.directory / name
                if (old := live.with_name(f"{name}.1")).exists():
                    (live.with_name(f"{name}.{9 - number}.gz")).write_bytes(gzip.compress(old.read_bytes()))
                live.rename(old)
        if number % 2:
            assert logs.extract() == ""
    assert logs.extract() == ""
    assert logs.users() == Counter(f"{name}-{number}" for name in ("a.log", "b.log") for number in range(6))


def test_the_same_content_under_two_names_counts_once(logs):
    logs.configure("*.log")
    logs.write("a.log", failures(*(f"u{number}" for number in range(50))))
    shutil.copy(logs.directory / "a.log", logs.directory / "b.log")
    os.link(logs.directory / "a.log", logs.directory / "c.log")
    assert logs.extract() == ""
    assert set(logs.users().values()) == {1}
    late = failures("late")
    for name in ("a.log", "b.log"):
        logs.write(name, late)
    assert logs.extract() == ""
    assert logs.users()["late"] == 1


def test_a_copy_that_follows_the_log_from_afar_says_and_adds_nothing(logs):
    logs.configure("a.log", "b.log")
    text = failures(*(f"u{number}" for number in range(200)))
    logs.write("a.log", text)
    for begin, end in ((0, 10_000), (10_000, 10_010), (10_010, 20_000), (20_000, len(text))):
        logs.write("b.log", text[begin:end])
        assert logs.extract() == ""
    assert set(logs.users().values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_two_names_that_are_written_at_different_speeds_say_and_add_nothing(logs, seed):
    chance = random.Random(seed)
    logs.configure("a.log", "b.log")
    text, sent = "", 0
    there = {"a.log": 0, "b.log": 0}
    for step in range(9):
        more = chance.randrange(60)
        text += failures(*(f"u{sent + number}" for number in range(more)))
        sent += more
        for name, begin in there.items():
            there[name] = len(text) if step == 8 or chance.random() < 0.4 else chance.randrange(begin, len(text) + 1)
            logs.write(name, text[begin : there[name]])
        if step in (3, 5):
            for name, begin in there.items():
                logs.write(name, text[begin:])
                there[name] = 0
                (logs.directory / name).rename(logs.directory / f"{name}.{9 - step}")
                (logs.directory / name).touch()
            text = ""
        assert logs.extract() == ""
    assert logs.users() == Counter(f"u{number}" for number in range(sent))


def test_an_older_copy_beside_the_log_says_and_adds_nothing(logs):
    logs.configure("*.log*")
    logs.write("a.log", failures("a", "b"))
    shutil.copy(logs.directory / "a.log", logs.directory / "a.log.bak")
    logs.write("a.log", failures("c"))
    assert logs.extract() == ""
    logs.write("a.log", failures("d"))
    assert logs.extract() == ""
    assert logs.users() == Counter("abcd")


def test_what_is_wrong_with_one_log_is_said_and_hinders_no_other(logs):
    logs.configure("a.log", "gone.log", "b.log")
    logs.write("a.log", failures("a"))
    logs.write("b.log", failures("b"))
    said = logs.extract()
    assert logs.status == 1
    assert f"There is no log {logs.directory}/gone.log." in said
    assert logs.users() == Counter("ab")
    status = json.loads(logs.installation.run("status", "--json").stdout)
    assert any("gone.log" in problem for problem in status["problems"])
    report = json.loads(logs.installation.run("report", "--stdout", "--format", "json").stdout)
    assert any("gone.log could not be read" in gap["why"] for gap in report["not_covered"])
    # It comes back with all that was written meanwhile: nothing was lost, and nothing is said to be.
    logs.write("gone.log", failures("g"))
    assert logs.extract() == ""
    assert logs.status == 0
    assert logs.users() == Counter("abg")
    report = json.loads(logs.installation.run("report", "--stdout", "--format", "json").stdout)
    assert not any("could not be read" in gap["why"] for gap in report["not_covered"])


def test_a_missing_last_log_is_remembered_too(logs):
    logs.configure("a.log", "gone.log")
    logs.write("a.log", failures("a"))
    assert "gone.log" in logs.extract()
    status = json.loads(logs.installation.run("status", "--json").stdout)
    assert status["last_run"]["records"] == 1
    assert any("gone.log" in problem for problem in status["problems"])


def test_mail_warn_beside_mail_log_is_refused_with_a_sentence(logs):
    logs.configure("mail.log", "mail.warn")
    done = logs.installation.run("extract")
    assert done.returncode == 2
    assert b"mail_log: has " in done.stderr
    assert b"mail.warn beside" in done.stderr
    assert b"Leave" in done.stderr
    logs.configure("mail.*")
    for name in ("mail.log", "mail.warn", "mail.info"):
        logs.write(name, failures("a"))
    done = logs.installation.run("extract")
    assert done.returncode == 2
    assert b"holds the same lines" in done.stderr
    assert not logs.installation.csv.exists() or logs.users() == Counter()


def test_a_central_log_gives_each_record_its_own_server(logs):
    logs.configure("central.log")
    lines = [failures("a", host="mx1"), failures("b", host="mx2.example.org"), failures("c", host="192.0.2.53")]
    logs.write("central.log", "".join(lines))
    assert logs.extract() == ""
    assert {row["user"]: row["server"] for row in logs.installation.rows()} == {
        "a": "mx1",
        "b": "mx2.example.org",
        "c": "192.0.2.53",
    }


def test_status_names_every_source(logs):
    logs.configure("a.log", "b.log")
    for name in ("a.log", "b.log"):
        logs.write(name, failures(name))
    logs.extract()
    found = json.loads(logs.installation.run("status", "--json").stdout)
    names = [f"{logs.directory}/a.log", f"{logs.directory}/b.log"]
    assert found["reading"] == {"names": names, "why": None}
    assert [source["path"] for source in found["sources"]] == names
    text = logs.installation.run("status").stdout.decode()
    assert f"Reading:    {names[0]}, {names[1]}\n" in text


@pytest.mark.parametrize("value", ["mail.log", "auto, /var/log/mail.log", "journal /var/log/mail.log", "journal:x", ""])
def test_other_values_of_mail_log_are_refused(installation, value):
    installation.configure(mail_log=value)
    done = installation.run("check-config")
    assert done.returncode == 2
    assert b"allowed is auto, journal, journal:/DIRECTORY, or one or several absolute paths" in done.stdout
