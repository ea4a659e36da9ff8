"""The package, built once for all hosts that it is installed on."""

from pathlib import Path

import pytest
from chroot import CHECKOUT, run


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of this checkout."""
    target = tmp_path_factory.mktemp("deb")
    run("sh", str(CHECKOUT / "tools/build_deb.sh"), str(target))
    return target / "maillogsentinel.deb"
