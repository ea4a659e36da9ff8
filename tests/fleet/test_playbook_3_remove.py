"""deploy.yml with maillogsentinel_state=absent: what is left, and what is not."""

import pytest
from controller import Controller
from mailhost import STATE
from network import Fleet

pytestmark = [pytest.mark.slow, pytest.mark.root]

CONF = "/etc/maillogsentinel.conf.d/60-ansible.conf"


def test_removal_keeps_the_records_and_purge_takes_them(deployed: Fleet, controller: Controller) -> None:
    only = ["--limit", "mx3"]
    absent = {"maillogsentinel_state": "absent"}
    assert controller.deploy(*only, **absent).changed("mx3")
    assert deployed["mx3"].version() == ""
    assert deployed["mx3"].host.run(f"ls {STATE}/maillogsentinel.csv {CONF}")
    for changed in (True, False):
        assert controller.deploy(*only, **absent, maillogsentinel_purge=True).changed("mx3") == changed
    # What apt knows of packages, and slices of collections that were interrupted, which the next one clears away.
    others = " ".join(f"-not -path '{path}/*'" for path in ("/var/cache", "/var/lib/apt", "/var/tmp", "/proc"))
    assert deployed["mx3"].host.run(f"find / -xdev -name '*maillogsentinel*' {others}") == ""
