"""Three mail hosts in a network of their own, and what runs Ansible against them."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "packaging"), str(Path(__file__).parent)]

from chroot import CHECKOUT, host_release, run  # noqa: E402
from controller import Controller  # noqa: E402
from network import VERSION, Fleet  # noqa: E402


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of this checkout."""
    target = tmp_path_factory.mktemp("deb")
    run("sh", str(CHECKOUT / "tools/build_deb.sh"), str(target))
    return target / "maillogsentinel.deb"


@pytest.fixture(scope="session")
def fleet(deb: Path) -> Iterator[Fleet]:
    """Three hosts, on which nothing of ours was ever installed."""
    if os.geteuid() != 0:
        pytest.skip("hosts of their own need root: run make test as root")
    if host_release().get("ID") != "debian":
        pytest.skip("needs a Debian machine, whose mirror it uses")
    if not all(shutil.which(tool) for tool in ("debootstrap", "dh_python3", "ssh-keygen", "unshare", "zstd")):
        pytest.skip("needs debootstrap, debhelper, dh-python, openssh-client and zstd; make test installs them")
    with Fleet(deb) as fleet:
        yield fleet


@pytest.fixture(scope="session")
def controller(fleet: Fleet) -> Controller:
    """The machine that runs Ansible, of no particular rights."""
    return Controller(fleet)


@pytest.fixture
def deployed(fleet: Fleet, controller: Controller) -> Fleet:
    """The fleet with the package of this checkout on every host."""
    if not all(member.version() == VERSION for member in fleet.members):
        controller.deploy(maillogsentinel_allow_downgrade=True)
    return fleet
