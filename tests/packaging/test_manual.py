"""The manual pages and completions say what the program does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from maillogsentinel import __version__
from maillogsentinel.options import ACCEPTED, OPTIONS
from maillogsentinel.store import csvfile

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "tools"))

import manual  # noqa: E402

PAGES = ["man/maillogsentinel.8", "man/maillogsentinel.conf.5"]


def plain(page: str) -> str:
    """Return a page's text without fonts and escapes."""
    text = re.sub(r"\\f[BIRP]|\\&", "", (TOP / page).read_text())
    return text.replace(r"\-", "-").replace('"', "").replace(r"\(aq", "'").replace(r"\e", "\\")


def sections(text: str, macro: str) -> dict[str, str]:
    """Return the parts of a page below each heading."""
    parts = re.split(rf"^\.{macro} (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", sorted(manual.FILES))
def test_what_is_generated_is_what_is_committed(name: str) -> None:
    assert (TOP / name).read_text(encoding="utf-8") == manual.FILES[name](), "run make man"


@pytest.mark.parametrize("page", PAGES)
def test_man_has_no_complaint(page: str) -> None:
    if not shutil.which("man"):
        pytest.skip("install the Debian package man-db")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(TOP / page)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"},
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("page", PAGES)
def test_pages_carry_the_version(page: str) -> None:
    assert f"MailLogSentinel {__version__}" in (TOP / page).read_text().split("\n.SH", 1)[0]


def test_every_option_of_the_configuration_is_there_with_its_sentence_and_default() -> None:
    text = " ".join(plain("man/maillogsentinel.conf.5").split())
    for option in OPTIONS:
        assert " ".join(option.sentence.split()) in text, option.key
        assert re.search(rf"\.B {option.key} .*?Default: {re.escape(option.default or 'empty')}", text), option.key
    for section, key in ACCEPTED:
        assert f"[{section}] {key}" in text


def test_what_an_option_may_be_is_told_for_all_but_plain_texts() -> None:
    silent = {option.key for option in OPTIONS if not manual._allowed(option)}
    assert silent == {"subject_prefix", "allow_users", "bait_users"}


def test_every_command_is_there_with_every_option_and_no_other() -> None:
    page = sections(plain("man/maillogsentinel.8"), "SH")
    described = {name.split()[0]: text for name, text in sections(page["COMMANDS"], "SS").items() if name[0].islower()}
    found = manual.commands()
    common = {name for word in found[""] for name in word.names}
    assert set(described) == set(found) - {""}
    for command, words in found.items():
        wanted = {name for word in words for name in word.names}
        if command:
            wanted -= common
        text = described[command] if command else page["OPTIONS"]
        assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text)) - {"--offline"} == wanted - {"--offline"}, command


def test_every_column_and_exit_status_is_there() -> None:
    page = sections(plain("man/maillogsentinel.8"), "SH")
    assert ",".join(csvfile.COLUMNS) in page["THE CSV"]
    for column in csvfile.COLUMNS:
        assert re.search(rf"^\.BR? (.* )?{column}\b", page["THE CSV"], re.MULTILINE), column
    assert re.findall(r"^\.B (\d+)$", page["EXIT STATUS"], re.MULTILINE) == ["0", "1", "2", "75"]


def complete(*words: str) -> set[str]:
    """Return what bash offers for the last of `words`."""
    script = (
        f"source {TOP / 'completions/bash/maillogsentinel'}; compopt() {{ :; }}; "
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _maillogsentinel; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "-c", script, "bash", "maillogsentinel", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_commands_options_and_values() -> None:
    assert set(manual.commands()) - {""} <= complete("")
    assert complete("re") == {"report", "reset"}
    assert complete("--config", "/etc/x", "sta") == {"status"}
    assert complete("report", "--st") == {"--stdout"}
    assert complete("report", "--format", "") == {"text", "html", "json"}
    assert complete("report", "--day", "y") == {"yesterday"}
    assert complete("report", "--to", "") == set()
    assert complete("extract", "--mail-log", "pypro") == {"pyproject.toml"}
    assert complete("explain", "pypro") == {"pyproject.toml"}
    assert complete("explain", "--j") == {"--json"}
    assert complete("export", "c") == {"csv"}


def test_zsh_understands_its_completion() -> None:
    if not shutil.which("zsh"):
        pytest.skip("install the Debian package zsh")
    done = subprocess.run(
        ["zsh", "-n", str(TOP / "completions/zsh/_maillogsentinel")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert (done.returncode, done.stdout) == (0, b"")
