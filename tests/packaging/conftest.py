"""The package, built once for each release that the tests look at."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))

import host  # noqa: E402
from chroot import Chroot, host_release  # noqa: E402


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a complete build on this machine: .deb, source package, .changes."""
    if not shutil.which("dh_python3", path="/usr/bin"):
        pytest.skip("needs debhelper and dh-python; make test installs them")
    target = tmp_path_factory.mktemp("built")
    build(TOP, target)
    return target


def build(checkout: Path, target: Path, **environment: str) -> None:
    """Build everything of `checkout` into `target`."""
    done = subprocess.run(
        ["sh", str(checkout / "tools/build_deb.sh"), str(target), "all"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def deb(built: Path) -> Path:
    """The package, built on this machine."""
    return built / "maillogsentinel.deb"


@pytest.fixture(scope="session")
def built_on(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that returns the package as built by ``make deb`` on a release, with what lintian of there says of it.

    What this machine's own release is, is built here.
    """
    found: dict[str, Path] = {}

    def get(suite: str) -> Path:
        if suite == host_release()["VERSION_CODENAME"]:
            return built / "maillogsentinel.deb"
        if suite not in found:
            host.needed()
            with Chroot(suite, host.prepared(suite, "build", [*host.build_packages(), "lintian"])) as there:
                done = there.shell("make deb")
                assert done.returncode == 0, done.stdout
                lint = there.shell("lintian --allow-root --pedantic --fail-on error,warning dist/maillogsentinel_*.deb")
                assert lint.returncode == 0, lint.stdout
                found[suite] = tmp_path_factory.mktemp(suite) / "maillogsentinel.deb"
                shutil.copy(there.root / "home/checkout/dist/maillogsentinel.deb", found[suite])
        return found[suite]

    return get
