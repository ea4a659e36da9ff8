"""Which files belong to a log, and which of them is older."""

import os

import pytest

from maillogsentinel.errors import SourceError
from maillogsentinel.sources.rotation import LogFile, MovedError, list_set, moved, open_file, single


def make(directory, *names, size=10, step=0):
    """Make files, each as old as the others or `step` seconds younger than the one before."""
    for number, name in enumerate(names):
        path = directory / name
        path.write_bytes(b"x" * (size - 1) + b"\n")
        os.utime(path, (10**9 + number * step, 10**9 + number * step))


def names(directory):
    return [file.name for file in list_set(str(directory / "mail.log"))]


def test_numbers_count_as_numbers_whatever_the_mtime_says(tmp_path):
    make(tmp_path, "mail.log", "mail.log.1", "mail.log.2.gz", "mail.log.10.gz", "mail.log.9.xz", step=100)
    assert names(tmp_path) == ["mail.log.10.gz", "mail.log.9.xz", "mail.log.2.gz", "mail.log.1", "mail.log"]


@pytest.mark.parametrize(
    "older, younger",
    [
        ("-20250517", "-20250518.gz"),
        ("-2025-05-17.bz2", "-2025-05-18"),
        (".20250517.zst", ".20250518.xz"),
        ("-20250517-1747440000", "-20250517-1747443600"),
        ("-2025051709.gz", "-2025051710.gz"),
        ("-2025-05-17_09.gz", "-2025-05-17_10"),
    ],
)
def test_dates_count_as_dates(tmp_path, older, younger):
    make(tmp_path, "mail.log" + younger, "mail.log" + older, "mail.log", step=100)
    assert names(tmp_path) == ["mail.log" + older, "mail.log" + younger, "mail.log"]


def test_the_scheme_with_the_newest_file_is_the_younger_one(tmp_path):
    make(tmp_path, "mail.log.2", "mail.log.1", "mail.log-20250517", "mail.log-20250518", "mail.log", step=100)
    assert names(tmp_path) == ["mail.log.2", "mail.log.1", "mail.log-20250517", "mail.log-20250518", "mail.log"]
    make(tmp_path, "mail.log-20250517", "mail.log-20250518", "mail.log.2", "mail.log.1", "mail.log", step=100)
    assert names(tmp_path) == ["mail.log-20250517", "mail.log-20250518", "mail.log.2", "mail.log.1", "mail.log"]


def test_a_file_stands_for_its_growing_compressed_copy_in_the_order_of_schemes_too(tmp_path):
    make(tmp_path, "mail.log.1", "mail.log-20250517", "mail.log", "mail.log.1.gz", step=100)
    assert names(tmp_path) == ["mail.log.1", "mail.log-20250517", "mail.log"]


@pytest.mark.parametrize(
    "name",
    [
        "mail.log.bak",
        "mail.log.1.bak",
        "mail.log.1.gz.tmp",
        "mail.log~",
        "mail.log.gz",
        "mail.logger.1",
        "mail.log-old",
        "mail.log.1.Z",
        "xmail.log.1",
        "mail.log.123456",
        ".mail.log.1",
    ],
)
def test_what_is_named_otherwise_is_no_sibling(tmp_path, name):
    make(tmp_path, "mail.log", name)
    assert names(tmp_path) == ["mail.log"]


def test_directories_pipes_and_dangling_links_are_no_siblings(tmp_path):
    make(tmp_path, "mail.log")
    (tmp_path / "mail.log.1").mkdir()
    (tmp_path / "mail.log.2").symlink_to("nowhere")
    os.mkfifo(tmp_path / "mail.log.3")
    (tmp_path / "mail.log.4").symlink_to(tmp_path)
    assert names(tmp_path) == ["mail.log"]


def test_links_to_files_are_siblings(tmp_path):
    make(tmp_path, "mail.log", "elsewhere")
    (tmp_path / "mail.log.1").symlink_to("elsewhere")
    assert names(tmp_path) == ["mail.log.1", "mail.log"]


def test_empty_files_are_left_out(tmp_path):
    make(tmp_path, "mail.log", "mail.log.2")
    (tmp_path / "mail.log.1").touch()
    assert names(tmp_path) == ["mail.log.2", "mail.log"]


def test_a_log_that_is_not_there_yet_has_its_siblings(tmp_path):
    make(tmp_path, "mail.log.1")
    assert names(tmp_path) == ["mail.log.1"]


def test_no_log_at_all_and_what_is_no_log_are_errors(tmp_path):
    with pytest.raises(SourceError, match=r"There is no log .*mail\.log\."):
        names(tmp_path)
    (tmp_path / "mail.log").mkdir()
    with pytest.raises(SourceError, match="is not a file"):
        names(tmp_path)
    with pytest.raises(SourceError, match="Cannot read the directory"):
        names(tmp_path / "missing")


def test_a_file_alone_has_no_siblings(tmp_path):
    make(tmp_path, "mail.log", "mail.log.1")
    assert [file.name for file in single(str(tmp_path / "mail.log"))] == ["mail.log"]
    with pytest.raises(SourceError, match="There is no log"):
        single(str(tmp_path / "none"))
    with pytest.raises(SourceError, match="is not a file"):
        single(str(tmp_path))


def test_a_name_that_belongs_to_another_file_by_now_is_noticed(tmp_path):
    make(tmp_path, "mail.log", "other")
    listed = list_set(str(tmp_path / "mail.log"))[0]
    os.close(open_file(str(tmp_path), listed))
    os.rename(tmp_path / "other", tmp_path / "mail.log")
    with pytest.raises(MovedError):
        open_file(str(tmp_path), listed)
    os.unlink(tmp_path / "mail.log")
    with pytest.raises(MovedError):
        open_file(str(tmp_path), listed)


def test_a_log_that_grows_has_not_moved_but_one_that_shrinks_or_is_renamed_has():
    before = [LogFile("mail.log", 7, 100, 1)]
    assert not moved(before, [LogFile("mail.log", 7, 200, 2)])
    assert moved(before, [LogFile("mail.log", 7, 99, 2)])
    assert moved(before, [LogFile("mail.log", 8, 200, 2)])
    assert moved(before, [LogFile("mail.log.1", 7, 100, 1), LogFile("mail.log", 8, 1, 2)])
    assert moved(before, [])
