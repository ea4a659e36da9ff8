"""What tests of several rooms start from: the machine's time zone, and an installation in a temporary directory."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what runs in its background, and what that starts inherits it: tests interrupt programs.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A test's time says something of the machine alone, and what failed once is found in the report.
settings.register_profile("here", deadline=None, database=None)
settings.load_profile("here")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for the groups
def pytest_collection_modifyitems(items):
    """Where several processes run the tests, each file's stay in one of them, and in order; so do all of the fleet,
    which share its hosts. What takes long begins first."""
    for item in items:
        fleet = item.path.parent.name == "fleet"
        item.add_marker(pytest.mark.xdist_group("fleet" if fleet else str(item.path.relative_to(CHECKOUT))))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parent.name not in _HOSTS))


_HOSTS = ("fleet", "e2e", "packaging")
"""The rooms whose tests take minutes a file."""


@pytest.fixture
def reachable():
    """A function that lets other users reach a directory of pytest's, however deep it lies."""

    def open_up(directory):
        for parent in (Path(directory), *Path(directory).parents[:-1]):
            if parent.stat().st_mode & 0o011 != 0o011:
                parent.chmod(parent.stat().st_mode | 0o011)

    return open_up


@pytest.fixture
def zone():
    """A function that sets the machine's time zone; it is put back afterwards."""
    before = os.environ.get("TZ")

    def put(name):
        if name is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = name
        time.tzset()

    yield put
    put(before)


class Installation:
    """A configuration, a log and a state directory, and the program run on them as its users run it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.log = directory / "mail.log"
        self.csv = self.state / "maillogsentinel.csv"
        self.config = directory / "test.conf"
        self.configure()

    def configure(self, more: str = "", mail_log: str | None = None) -> None:
        """Write the configuration; `more` is INI text behind it."""
        source = self.log if mail_log is None else mail_log
        self.config.write_text(
            f"[paths]\nworking_dir = {self.state}\nstate_dir = {self.state}\nmail_log = {source}\n"
            f"[general]\nlog_file = {self.directory}/own.log\ntime_zone = UTC\n"
            f"[alerts]\nlog_file = {self.directory}/alerts.log\n{more}"
        )

    def run(self, *arguments: str, stdin: bytes = b"", **options) -> subprocess.CompletedProcess:
        """Run the program with this configuration."""
        return run("--config", str(self.config), *arguments, stdin=stdin, **options)

    def extract(self, *arguments: str) -> subprocess.CompletedProcess:
        """Extract without a DNS query; what it says must be nothing."""
        done = self.run("extract", "--offline", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return done

    def rows(self) -> list[dict[str, str]]:
        """The records of the CSV."""
        with open(self.csv, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def run(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None, **options):
    """Run ``python3 -m maillogsentinel`` from the checkout; stdout and stderr are bytes."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": CHECKOUT, **options}
    return subprocess.run(
        [sys.executable, "-m", "maillogsentinel", *arguments],
        input=stdin,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(env or {})},
        **options,
    )


@pytest.fixture
def program():
    """The function `run`, for a program without an installation."""
    return run


@pytest.fixture
def installation(tmp_path):
    """An installation that has not run yet."""
    return Installation(tmp_path)
