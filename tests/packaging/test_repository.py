"""What a checkout says of itself agrees with the program."""

import argparse
import re
import subprocess
import tomllib
from pathlib import Path

from maillogsentinel import __version__, cli, options

TOP = Path(__file__).parents[2]


def commands() -> set[str]:
    """Return the names of all commands, as the parser knows them."""
    actions = cli.parser()._actions
    return set(next(a for a in actions if isinstance(a, argparse._SubParsersAction)).choices)


def test_the_shipped_configuration_is_the_one_the_table_makes() -> None:
    assert (TOP / "etc/maillogsentinel.conf").read_text() == options.shipped_file(), "run make conf"


def test_every_package_directory_is_installed() -> None:
    with open(TOP / "pyproject.toml", "rb") as file:
        named = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    found = {str(path.parent.relative_to(TOP)).replace("/", ".") for path in TOP.glob("maillogsentinel/**/__init__.py")}
    assert named == found


def test_news_begins_with_this_version() -> None:
    versions = re.findall(r"^(\d\S*)$", (TOP / "NEWS").read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_the_readme_names_every_command_and_no_other() -> None:
    table = (TOP / "README.md").read_text().split("## Commands")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)", table, re.MULTILINE)) == commands()


def test_the_readme_names_files_that_are_there() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", (TOP / "README.md").read_text()):
        assert (TOP / name).exists(), name


def test_make_help_lists_the_targets() -> None:
    listed = subprocess.run(
        ["make", "-s", "-C", str(TOP), "help"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    wanted = {"help", "demo", "test", "check", "bench", "soak", "conf", "man", "deb", "install", "clean"}
    assert set(re.findall(r"^ +make (\w+)", listed, re.MULTILINE)) == wanted
