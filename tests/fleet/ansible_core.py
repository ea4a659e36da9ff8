"""Ansible of a given version, in a virtual environment that is made once, until the Makefile names another."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from chroot import CACHE, CHECKOUT, run

PYTHON = "/usr/bin/python3"


def pinned(name: str) -> list[str]:
    """Return what the Makefile's variable `name` names for pip."""
    found = re.search(rf"(?m)^{name} = (.*)$", (CHECKOUT / "Makefile").read_text())
    assert found
    return found[1].split()


def environment(name: str) -> Path:
    """Return the virtual environment with what the Makefile's variable `name` names."""
    wanted = pinned(name)
    if name == "ANSIBLE_OLD" and sys.version_info >= (3, 12):
        pytest.skip("ansible-core 2.14 needs Python 3.11: it is Debian 12's")
    key = hashlib.sha256(f"{wanted} {sys.version}".encode()).hexdigest()[:16]
    place = CACHE / f"{name.lower()}-{key}"
    complete = place / "complete"  # made in its place: the programs in bin name it
    if not complete.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"{name.lower()}-*"):
            run("rm", "-rf", str(old))
        run(PYTHON, "-m", "venv", str(place))
        run(str(place / "bin/python3"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
        complete.touch()
    return place


def words(place: Path, program: str, *arguments: str) -> list[str]:
    """Return the command line of one of Ansible's programs there; `place` may be where it is seen from elsewhere."""
    start = f"import re, sys; from ansible.cli.{program} import main; sys.argv[0] = 'ansible-{program}'; main()"
    return [str(place / "bin/python3"), "-c", start, *arguments]


def output(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run `command` there and return how that ended, with all that it said."""
    return subprocess.run(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
