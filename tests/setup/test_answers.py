"""The file of the answers: what it says, and that it is written whole, alone, or not at all."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from maillogsentinel import options
from maillogsentinel.config import ConfigError, load
from maillogsentinel.errors import SetupError, UsageError
from maillogsentinel.options import OPTIONS
from maillogsentinel.setup.answers import Answers

TOP = Path(__file__).parents[2]


@pytest.fixture
def conf(tmp_path):
    """The path of an empty configuration."""
    path = tmp_path / "x.conf"
    path.touch()
    return str(path)


def written(conf, values):
    answers = Answers(conf)
    answers.write(answers.render(values))
    return Path(answers.path)


def test_what_is_written_is_read_again_as_it_was(conf):
    values = {
        options.SUBJECT_PREFIX: "[100% of # it; \"x\" = 'y': ${a} %(b)s é漢]",
        options.EMAIL: "a%b#c@example.org, root",
        options.TIME_ZONE: "",
        options.CSV_FILENAME: "; # =.csv",
        options.DNS_ENABLED: "no",
        options.ASN_DB_PATH: "/x y",
    }
    path = written(conf, values)
    assert Answers(conf).earlier == values
    settings = load(conf)
    assert all(settings[option] == option.parse(value) for option, value in values.items())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(path.parent) == ["50-setup.conf"]


def test_every_option_can_be_an_answer(conf):
    written(conf, {option: option.default for option in OPTIONS})
    assert set(load(conf).entries) == set(OPTIONS)


def test_earlier_answers_stay_unless_given_anew_and_the_same_ones_change_nothing(conf):
    path = written(conf, {options.EMAIL: "root", options.TIME_ZONE: "UTC"})
    path.write_text("# mine\n" + path.read_text())
    answers = Answers(conf)
    assert answers.render(answers.earlier) == path.read_text()
    written(conf, {**answers.earlier, options.EMAIL: "a@example.org"})
    assert load(conf)[options.EMAIL] == "a@example.org"
    assert load(conf)[options.TIME_ZONE] == "UTC"


def test_the_file_belongs_to_the_configuration_named(conf):
    assert Answers(conf).path == f"{conf}.d/50-setup.conf"
    assert not os.path.exists(f"{conf}.d")


def test_a_later_file_overrides_and_is_named_with_its_line(conf):
    path = written(conf, {options.EMAIL: "root"})
    for name in ("10-x.conf", "60-ansible.conf"):
        (path.parent / name).write_text("# x\n[report]\nemail = ops@example.org\n")
    entry = Answers(conf).overriding(options.EMAIL)
    assert (entry.file, entry.line, entry.value) == (f"{conf}.d/60-ansible.conf", 3, "ops@example.org")
    (path.parent / "60-ansible.conf").unlink()
    assert Answers(conf).overriding(options.EMAIL) is None


def test_a_fault_of_its_own_file_is_left_behind_and_one_of_another_refused(conf):
    path = written(conf, {options.EMAIL: "root"})
    path.write_text("[report]\nemail = a b\nsmtp_port = 26\nsmtp_port = 27\nnonsense\n[general]\ntime_zone = UTC\n")
    answers = Answers(conf)
    assert answers.earlier == {options.SMTP_PORT: "26", options.TIME_ZONE: "UTC"}
    assert [fault.line for fault in answers.faults] == [5, 2, 4]
    answers.write(answers.render(answers.earlier))
    assert load(conf)[options.SMTP_PORT] == 26
    Path(conf).write_text("[report]\nsmtp_port = many\n")
    with pytest.raises(ConfigError, match=re.escape(f"{conf}:2: [report] smtp_port: is 'many'; allowed is")):
        Answers(conf)


def test_without_a_configuration_the_usual_sentence(tmp_path):
    with pytest.raises(UsageError, match="Cannot read the configuration"):
        Answers(str(tmp_path / "none.conf"))


def test_a_file_that_was_changed_meanwhile_is_left_alone(conf):
    path = written(conf, {options.EMAIL: "root"})
    answers = Answers(conf)
    path.write_text("[report]\nemail = other\n")
    with pytest.raises(SetupError, match="changed meanwhile"):
        answers.write(answers.render({options.EMAIL: "a@example.org"}))
    assert path.read_text() == "[report]\nemail = other\n"


def test_the_diff_shows_what_changes_and_no_control_character(conf):
    path = written(conf, {options.EMAIL: "root"})
    path.write_bytes(b"# \x1b[2J\xff\n[report]\nemail = root")
    answers = Answers(conf)
    text = answers.diff(answers.render({options.EMAIL: "a@example.org"}))
    assert text.replace("\n", "").isprintable()
    assert "\n-# \\x1B[2J\\xFF\n" in text
    assert "\n-email = root\n" in text
    assert text.endswith("\n+email = a@example.org")
    assert text.startswith(f"--- {path}\n+++ {path}\n")


CODE = """
import sys
from maillogsentinel import options
from maillogsentinel.setup.answers import Answers
answers = Answers(sys.argv[1])
answers.write(answers.render({options.EMAIL: "new@example.org"}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace")
@pytest.mark.parametrize("call", ["flock", "fchmod", "fsync", "rename,renameat,renameat2"])
def test_killed_at_any_step_of_writing_the_file_is_the_old_or_the_new_one(conf, call):
    path = written(conf, {options.EMAIL: "old@example.org"})
    before = path.read_text()
    command = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL"]
    done = subprocess.run([*command, sys.executable, "-c", CODE, conf], cwd=TOP, capture_output=True)
    assert done.returncode in (-9, 137), done.stderr
    assert load(conf)[options.EMAIL] in ("old@example.org", "new@example.org")
    assert path.read_text() == before or "new@" in path.read_text()
    written(conf, {options.EMAIL: "third@example.org"})
    assert os.listdir(path.parent) == ["50-setup.conf"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace")
@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        ("fsync", "ENOSPC", "No space left on device. Nothing was changed. Free some space and run setup again."),
        ("fchmod", "EROFS", "Read-only file system. Nothing was changed. Make that file system writable"),
        ("rename,renameat,renameat2", "EIO", "Input/output error. Nothing was changed. Put that right"),
    ],
)
def test_what_keeps_it_from_being_written_is_a_sentence_and_nothing_stays_behind(conf, call, error, sentence):
    path = written(conf, {options.EMAIL: "old@example.org"})
    before = path.read_text()
    command = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    done = subprocess.run([*command, sys.executable, "-c", CODE, conf], cwd=TOP, capture_output=True, text=True)
    assert f"SetupError: Cannot write {path}: {sentence}" in done.stderr
    assert path.read_text() == before
    assert os.listdir(path.parent) == ["50-setup.conf"]
