"""The sample log that the repository ships, and `make demo` on a machine that has nothing but a minimal Debian."""

import csv
import gzip
import io
import ipaddress
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chroot import CHECKOUT, Chroot, host_release

DEMO = CHECKOUT / "demo"


def expected() -> list[str]:
    return (DEMO / "expected.csv").read_text(encoding="utf-8").splitlines()


def records(output: str) -> list[str]:
    """Return the records that the demonstration printed."""
    part = output.split("=== the records\n")[1].split("\n\n===")[0]
    return part.splitlines()


def of_the_day() -> int:
    rows = csv.DictReader(io.StringIO("\n".join(expected())))
    return sum(row["date"].startswith("2025-05-27") for row in rows)


def test_the_demonstration_prints_the_records_that_the_clients_caused() -> None:
    done = subprocess.run(
        ["sh", str(DEMO / "run.sh")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert records(done.stdout) == expected()
    assert re.search(rf"^Total attempts on 2025-05-27: {of_the_day()}$", done.stdout, re.MULTILINE)
    quoted = (CHECKOUT / "README.md").read_text(encoding="utf-8").split("```\n")[1].splitlines()
    of_this_run = re.compile(r"\[\.\.\.\]|### Report at |### Server: |The CSV is ")
    stale = [line for line in quoted if line not in done.stdout.splitlines() and not of_this_run.match(line)]
    assert stale == [], "the README shows what the program no longer prints"


def test_the_sample_names_nobody() -> None:
    nets = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "127.0.0.0/8"]
    allowed = [ipaddress.ip_network(net) for net in nets]
    text = (DEMO / "mail.log").read_text() + (DEMO / "mail.log.1").read_text()
    text += gzip.decompress((DEMO / "mail.log.2.gz").read_bytes()).decode()
    for found in set(re.findall(r"\[([0-9a-f.:]+)\]:? ", text)):
        if ":" in found or "." in found:
            address = ipaddress.ip_address(found)
            assert any(address in net for net in allowed if net.version == address.version), found


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_make_demo_works_on_a_fresh_machine(suite: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("making a chroot needs root")
    if host_release().get("ID") != "debian" or not shutil.which("debootstrap"):
        pytest.skip("needs a Debian machine with debootstrap; make test installs it")
    with Chroot(suite) as fresh:
        first = fresh.shell("make demo")
        assert first.returncode == 0, first.stdout
        assert first.stdout.startswith("Installing: python3 ")
        assert records(first.stdout) == expected()
        assert f"Total attempts on 2025-05-27: {of_the_day()}\n" in first.stdout
        # Now everything is there: nothing is installed, and root is not needed.
        again = fresh.shell("make demo", user=65534)
        assert again.returncode == 0, again.stdout
        assert "Installing" not in again.stdout
        assert records(again.stdout) == expected()


@pytest.mark.slow
@pytest.mark.root
def test_make_demo_without_root_says_what_to_install() -> None:
    if os.geteuid() != 0:
        pytest.skip("making a chroot needs root")
    if host_release().get("ID") != "debian" or not shutil.which("debootstrap"):
        pytest.skip("needs a Debian machine with debootstrap; make test installs it")
    with Chroot("bookworm") as fresh:
        done = fresh.shell("make demo", user=65534)
        assert done.returncode != 0
        assert "install them as root with: apt-get install python3 python3-dnspython" in done.stdout
        assert Path(fresh.root / "usr/bin/python3").exists() is False
