"""A Debian mail host as it is installed today: systemd is its first process, and Postfix logs to the journal alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chroot import run
from mailhost import STATE, SUITES, system, wait_until
from systemd_host import SystemdHost
from test_machine import (
    attack,
    pytestmark,  # noqa: F401  what those hosts need, these need
)
from test_postfix import Attempts

POSTFIX = [f"--identifier=postfix/{service}" for service in ("smtpd", "submission/smtpd", "submissions/smtpd")]


@pytest.fixture(scope="module", params=SUITES)
def installed(
    request: pytest.FixtureRequest, deb: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """The layers of a host on which the package was installed while it ran, and which was then switched off."""
    directory = tmp_path_factory.mktemp(f"systemd-{request.param}")
    directory.chmod(0o755)
    (directory / "lower").mkdir()
    run("tar", "--directory", str(directory / "lower"), "-xpf", str(system(request.param)))
    try:
        with SystemdHost(directory / "host", [directory / "lower"], [deb]) as host:
            ports = host.ports()
            host.install()
            assert host.ports() == ports, "the installation opened a port"
            assert host.state() == "running"
            assert host.run(f"ls -A {STATE}") == "", "the installation ran the program"
            host.power_off()
        yield directory / "host/upper", directory / "lower"
    finally:
        run("rm", "-rf", str(directory))


@pytest.fixture
def host(installed: tuple[Path, Path], tmp_path: Path) -> Iterator[SystemdHost]:
    """A running host with the package; what it wrote goes afterwards."""
    tmp_path.chmod(0o755)
    try:
        with SystemdHost(tmp_path / "host", installed) as host:
            yield host
    finally:
        run("rm", "-rf", str(tmp_path / "host"))


def wait_for_journal(host: SystemdHost, attempts: Attempts) -> None:
    """Wait until these are in the journal."""

    def there() -> bool:
        host.run("journalctl --sync")
        text = "\n".join(str(entry["MESSAGE"]) for entry in host.entries(*POSTFIX))
        return all(f"sasl_username={user}" in text for _, user in attempts)

    wait_until(there, "the journal to hold what Postfix said", 120)


def test_the_service_user_reads_the_journal(host: SystemdHost) -> None:
    assert "systemd-journal" in host.run("id -nG maillogsentinel").split()
    assert not (host.root / "var/log/mail.log").exists()
    wait_for_journal(host, attack(host, "tried"))
