"""What mail_log names: files by lists and wildcards, each once, without rotated siblings; and what auto takes."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maillogsentinel.errors import SourceError, UsageError
from maillogsentinel.sources.choice import Choice, choose
from maillogsentinel.sources.rotation import live_name

HOUR = 3600


def never() -> int | None:
    raise AssertionError("the journal was asked although it decides nothing")


def files(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text("x\n")


def named(directory: Path, *patterns: str) -> list[str]:
    """The names of the files that `patterns`, within the directory, choose."""
    choice = choose([f"{directory}/{pattern}" for pattern in patterns], never, never)
    assert choice.why == ""
    return [os.path.relpath(path, directory) for path in choice.names]


def test_a_name_without_wildcards_is_taken_even_where_nothing_is(tmp_path):
    assert named(tmp_path, "mail.log") == ["mail.log"]
    assert named(tmp_path, "b.log", "a.log") == ["b.log", "a.log"]


def test_a_wildcard_finds_logs_and_not_their_rotated_siblings(tmp_path):
    files(tmp_path, "in.log", "in.log.1", "in.log.2.gz", "out.log", "out.log-20250517.xz", "out.log.20250518", "other")
    assert named(tmp_path, "*.log*") == ["in.log", "out.log"]
    assert named(tmp_path, "*.log.[0-9]*", "in.log") == ["in.log", "out.log.20250518"]


def test_a_log_that_was_moved_away_a_moment_ago_is_still_the_source(tmp_path):
    files(tmp_path, "in.log.1", "in.log.2.gz")
    assert named(tmp_path, "*.log*") == ["in.log"]


def test_a_rotated_file_named_by_itself_is_a_source_of_its_own(tmp_path):
    files(tmp_path, "mail.log.1")
    assert named(tmp_path, "mail.log.1") == ["mail.log.1"]
    assert named(tmp_path, "mail.log.1", "mail.log") == ["mail.log"]


def test_directories_are_no_logs(tmp_path):
    files(tmp_path, "a.log")
    (tmp_path / "b.log").mkdir()
    assert named(tmp_path, "*.log") == ["a.log"]


def test_one_file_under_two_names_is_one_source(tmp_path):
    files(tmp_path, "a.log")
    os.link(tmp_path / "a.log", tmp_path / "b.log")
    (tmp_path / "c.log").symlink_to("a.log")
    assert named(tmp_path, "*.log", "a.log") == ["a.log"]


def test_wildcards_that_match_nothing_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"No log matches .*/\*\.log"):
        named(tmp_path, "*.log")
    files(tmp_path, "a.log")
    assert named(tmp_path, "b*", "a*") == ["a.log"]


def test_files_that_repeat_lines_of_mail_log_are_refused(tmp_path):
    files(tmp_path, "mail.log", "mail.warn", "mail.log.1")
    with pytest.raises(UsageError, match=r"mail\.warn beside .*/mail\.log, which holds the same lines"):
        named(tmp_path, "mail.*")
    assert named(tmp_path, "mail.w*") == ["mail.warn"]
    files(tmp_path, "mail.info", "mail.err")
    (tmp_path / "mail.log").unlink()
    (tmp_path / "mail.log.1").unlink()
    with pytest.raises(UsageError, match=r"mail\.warn beside .*/mail\.info, which holds the same lines"):
        named(tmp_path, "mail.warn", "mail.info")
    with pytest.raises(UsageError, match=r"mail\.err beside .*/mail\.warn, which holds the same lines"):
        named(tmp_path, "mail.[ew]*")
    assert named(tmp_path, "mail.info") == ["mail.info"]


@pytest.mark.parametrize(
    ("name", "live"),
    [
        ("mail.log", None),
        ("mail.log.bak", None),
        ("mail.log.1", "mail.log"),
        ("mail.log.12.gz", "mail.log"),
        ("mail.log-20250517", "mail.log"),
        ("mail.log.20250517.zst", "mail.log"),
        (".1", None),
    ],
)
def test_the_live_log_of_a_rotated_name(name, live):
    assert live_name(f"/var/log/{name}") == (f"/var/log/{live}" if live else None)


class Host:
    """What auto sees: a file with one line so many seconds old, and a journal."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.now = time.time()
        self.journal = True
        self.entry: float | None = None
        self.error = ""

    def line(self, age: float) -> None:
        stamp = datetime.fromtimestamp(self.now - age, UTC).isoformat(timespec="microseconds")
        self.file.write_text(f"{stamp} mx postfix/qmgr[1]: statistics\n")

    def newest(self) -> int | None:
        if self.error:
            raise SourceError(self.error)
        return None if self.entry is None else int((self.now - self.entry) * 1_000_000)

    def choice(self) -> Choice:
        return choose(["auto"], lambda: self.journal, self.newest, str(self.file))

    def takes(self) -> str:
        choice = self.choice()
        assert choice.why
        return "journal" if choice.journal else "file"


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "mail.log")


def test_auto_takes_a_file_that_is_fed_without_asking_the_journal(host):
    host.line(age=10)
    host.error = "must not be asked"
    assert host.takes() == "file"


@pytest.mark.parametrize(
    ("line", "entry", "taken"),
    [
        (2 * HOUR, 2 * HOUR - 60, "file"),  # an idle host: both are quiet
        (2 * HOUR, None, "file"),
        (5 * HOUR, 4 * HOUR + 10, "file"),
        (5 * HOUR, 4 * HOUR - 10, "journal"),
        (5 * HOUR, 0, "journal"),
    ],
)
def test_auto_takes_the_file_while_its_newest_line_is_at_most_an_hour_behind(host, line, entry, taken):
    host.line(line)
    host.entry = entry
    assert host.takes() == taken


def test_auto_looks_at_the_lines_and_not_at_the_time_of_the_file(host):
    host.line(age=5 * HOUR)  # written now, as by a restore
    host.entry = 60
    assert host.takes() == "journal"


def test_auto_takes_the_journal_where_there_is_no_file_and_the_file_where_there_is_no_journal(host):
    assert host.takes() == "journal"
    host.journal = False
    assert host.takes() == "file"
    host.line(age=5 * HOUR)
    assert host.takes() == "file"


def test_an_empty_file_is_not_fed(host):
    host.file.touch()
    host.entry = 2 * HOUR
    assert host.takes() == "journal"


def test_auto_looks_into_the_rotated_file_while_the_live_one_is_empty(host):
    host.line(age=2 * HOUR)
    host.file.rename(host.file.with_name("mail.log.1"))
    host.file.touch()
    host.entry = 2 * HOUR
    assert host.takes() == "file"
    host.entry = 60
    assert host.takes() == "journal"


def test_a_journal_that_may_not_be_read_leaves_the_file(host):
    host.line(age=5 * HOUR)
    host.error = "no permission"
    assert host.takes() == "file"
