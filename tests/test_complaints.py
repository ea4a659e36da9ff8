"""The same complaint is told once a day where nobody sits at a terminal."""

import os
import pty
import subprocess
import sys
import time

import pytest

from maillogsentinel import complaints


@pytest.fixture
def told(tmp_path, capsys):
    """A function that tells a sentence, and returns what came out on stderr."""

    def told(sentence, directory=tmp_path):
        complaints.tell(sentence, directory and str(directory))
        out, err = capsys.readouterr()
        assert out == ""
        return err

    return told


def age(tmp_path, seconds):
    for path in (tmp_path / "complaints").iterdir():
        moment = time.time() - seconds
        os.utime(path, (moment, moment))


def test_the_same_sentence_is_told_once(told):
    assert told("No space left.") == "maillogsentinel: No space left.\n"
    assert told("No space left.") == ""
    assert told("No space right.") == "maillogsentinel: No space right.\n"
    assert told("No space left.") == ""


def test_it_is_told_again_after_a_day_and_then_not(told, tmp_path):
    told("x")
    age(tmp_path, 86_000)
    assert told("x") == ""
    age(tmp_path, 86_500)
    assert told("x") == "maillogsentinel: x\n"
    assert told("x") == ""


def test_digits_make_no_other_complaint(told):
    assert told("mail.log.7.gz is damaged") != ""
    assert told("mail.log.18.gz is damaged") == ""
    assert told("mail.log.x.gz is damaged") != ""


def test_a_clock_that_was_put_back_does_not_silence_it(told, tmp_path):
    told("x")
    age(tmp_path, -5000)
    assert told("x") != ""


def test_what_is_long_past_is_forgotten(told, tmp_path):
    told("x")
    age(tmp_path, 3 * 86_400)
    told("y")
    assert len(list((tmp_path / "complaints").iterdir())) == 1


def test_without_a_directory_it_is_told_each_time(told, tmp_path):
    for directory in (None, tmp_path / "missing", "/proc"):
        assert told("x", directory) == "maillogsentinel: x\n"
        assert told("x", directory) == "maillogsentinel: x\n"


def test_a_link_in_the_way_is_not_followed(told, tmp_path):
    told("x")
    (marker,) = (tmp_path / "complaints").iterdir()
    marker.unlink()
    marker.symlink_to(tmp_path / "target")
    assert told("x") != ""
    assert not (tmp_path / "target").exists()


def test_any_text_can_be_a_complaint(told):
    for sentence in ("漢", "two\nlines", ""):
        assert told(sentence).startswith("maillogsentinel: ")


def test_a_terminal_is_told_each_time(tmp_path):
    ours, theirs = pty.openpty()
    code = f"from maillogsentinel import complaints\nfor _ in range(3): complaints.tell('x', {str(tmp_path)!r})"
    subprocess.run(
        [sys.executable, "-c", code], stderr=theirs, check=True, env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    os.close(theirs)
    assert os.read(ours, 1000).count(b"maillogsentinel: x") == 3
    os.close(ours)
    assert not (tmp_path / "complaints").exists()


def test_cron_hears_of_a_failing_run_once_a_day_and_the_own_log_each_time(installation):
    installation.state.mkdir()
    for number in range(3):
        done = installation.run("extract", "--offline")
        assert done.returncode == 1
        assert done.stdout == b""
        assert (b"There is no log" in done.stderr) == (number == 0)
        assert done.stderr.count(b"\n") == (number == 0)
    assert (installation.directory / "own.log").read_text().count("There is no log") == 3


def test_a_command_that_a_person_gives_always_answers(installation):
    installation.state.mkdir()
    for _ in range(2):
        done = installation.run("export", "csv")
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"Run: maillogsentinel extract" in done.stderr
