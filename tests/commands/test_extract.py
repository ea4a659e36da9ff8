"""``maillogsentinel extract``: what it prints, when it is silent, and --mail-log."""

import gzip
import os
import pty
import re
import subprocess
import sys
import time
from collections import Counter

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Host:
    """A host with a log, and the program."""

    def __init__(self, directory):
        self.directory = directory
        self.live = directory / "log/mail.log"
        self.csv = directory / "state/maillogsentinel.csv"
        self.live.parent.mkdir()
        self.number = 0
        self.write(self.live, 20)
        self.config = directory / "test.conf"
        self.config.write_text(
            f"[paths]\nworking_dir = {directory}/state\nstate_dir = {directory}/state\nmail_log = {self.live}\n"
            "[general]\nlog_file =\n[reverse_dns]\nenabled = no\n[alerts]\nenabled = no\n",
            encoding="utf-8",
        )

    def lines(self, count):
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
        self.number += count
        return "".join(
            f"{day}T01:00:00.{number:06d}+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN"
            f" authentication failed: (reason unavailable), sasl_username=u{number:06d}\n"
            for number in range(self.number - count, self.number)
        )

    def write(self, path, count):
        with open(path, "a", encoding="utf-8") as file:
            file.write(self.lines(count))

    def command(self, *arguments):
        return [sys.executable, "-m", "maillogsentinel", "--config", str(self.config), *arguments]

    def run(self, *arguments):
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def at_terminal(self, *arguments):
        """Run with a terminal, and return the exit status and what it showed."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            self.command(*arguments), cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            shown = b""
            try:
                while data := os.read(ours, 65_536):
                    shown += data
            except OSError:  # EIO: the program has closed the other end
                pass
        os.close(ours)
        return process.returncode, shown.decode()

    def users(self):
        with open(self.csv, encoding="utf-8") as file:
            return Counter(line.split(",")[3] for line in list(file)[1:])

    def all_once(self):
        assert self.users() == Counter(f"u{number:06d}" for number in range(self.number))


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_success_is_silent_and_so_is_a_run_with_nothing_new(host):
    silent(host.run("extract"))
    host.all_once()
    silent(host.run("extract"))
    silent(host.run())
    host.all_once()


def test_the_csv_may_be_read_by_its_group_only(host):
    silent(host.run("extract"))
    assert os.stat(host.csv).st_mode & 0o777 == 0o640


def test_a_terminal_is_told_how_many_records_there_are(host):
    status, shown = host.at_terminal("extract")
    # On a machine that takes a while the bar comes before it, and is taken away; nothing else does.
    bar, _, said = shown.rpartition(" \r")
    assert (status, said) == (0, f"20 new records in {host.csv}\r\n")
    assert re.fullmatch(r"(?:\r *\d+% \[[# ]*\] .{24})*(?:\r *)?", bar), bar
    assert host.at_terminal("--quiet", "extract") == (0, "")


def test_a_run_that_takes_a_while_shows_its_progress_at_a_terminal_only(host):
    with open(host.live, "a", encoding="utf-8") as file:
        for _ in range(150):
            file.write(host.lines(1000))
    os.rename(host.live, f"{host.live}.1")
    with open(f"{host.live}.1", "rb") as file, gzip.open(f"{host.live}.2.gz", "wb", compresslevel=1) as packed:
        packed.write(b"nothing that matters, over and over\n" * 3_000_000)
        packed.write(file.read(100))
    os.truncate(f"{host.live}.2.gz", os.path.getsize(f"{host.live}.2.gz"))
    status, shown = host.at_terminal("extract")
    assert status == 0
    assert "%" in shown
    assert "[#" in shown
    assert shown.endswith(f"new records in {host.csv}\r\n")
    assert shown.split("\r")[-3].strip() == "", "the bar was not taken away"


def test_the_same_complaint_is_told_once_a_day_without_a_terminal_and_always_with_one(host):
    os.unlink(host.live)
    first = host.run("extract")
    assert (first.returncode, first.stdout) == (1, "")
    assert first.stderr.count("\n") == 1
    again = host.run("extract")
    assert (again.returncode, again.stderr) == (1, "")
    for _ in range(2):
        status, shown = host.at_terminal("extract")
        assert status == 1
        assert "There is no log" in shown
    for name in os.listdir(host.directory / "state/complaints"):
        day_ago = time.time() - 86_401
        os.utime(host.directory / "state/complaints" / name, (day_ago, day_ago))
    assert host.run("extract").stderr == first.stderr


def test_one_path_is_read_alone_and_the_configured_log_goes_on_where_it_was(host, tmp_path):
    silent(host.run("extract"))
    other = tmp_path / "other.log"
    host.write(other, 5)
    (tmp_path / "other.log.1").write_text("no sibling\n", encoding="utf-8")
    silent(host.run("extract", "--mail-log", str(other)))
    host.all_once()
    host.write(host.live, 5)
    os.rename(host.live, f"{host.live}.1")
    host.write(host.live, 5)
    silent(host.run("extract"))
    host.all_once()


@pytest.mark.parametrize("packed", [False, True])
def test_content_that_was_read_before_adds_nothing_under_another_name(host, tmp_path, packed):
    silent(host.run("extract"))
    with open(host.live, "rb") as file:
        data = file.read() + host.lines(7).encode()
    path = tmp_path / ("copy.gz" if packed else "copy")
    path.write_bytes(gzip.compress(data) if packed else data)
    for _ in range(2):
        silent(host.run("extract", "--mail-log", str(path)))
        host.all_once()
    host.live.write_bytes(data)
    host.write(host.live, 3)
    silent(host.run("extract"))
    host.all_once()


def test_the_configured_log_given_as_a_path_is_read_once(host):
    silent(host.run("extract", "--mail-log", str(host.live)))
    host.write(host.live, 5)
    silent(host.run("extract"))
    silent(host.run("extract", "--mail-log", str(host.live)))
    host.all_once()


def test_a_relative_path_is_meant_from_where_one_stands(host, tmp_path):
    host.write(tmp_path / "here.log", 5)
    command = host.command("extract", "--mail-log", "here.log")
    environment = {**os.environ, "PYTHONPATH": ROOT}
    silent(subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False))
    assert len(host.users()) == 5


def test_a_path_that_is_not_there_is_said_in_a_sentence(host):
    done = host.run("extract", "--mail-log", "/nowhere/mail.log")
    assert done.returncode == 1
    assert done.stderr.startswith("maillogsentinel: There is no log /nowhere/mail.log.")
    assert done.stderr.count("\n") == 1
