"""deploy.yml with maillogsentinel_state=absent: what is left, and what is not."""

import pytest
from controller import Controller
from mailhost import STATE
from network import NEWER, VERSION, Fleet

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


def test_the_older_ansible_installs_goes_back_and_removes_on_bookworm(fleet: Fleet, controller: Controller) -> None:
    """It runs again and collects in test_playbook_2_collect.py."""
    mx3 = fleet["mx3"]
    old = {"core": "ANSIBLE_OLD"}
    controller.deploy("--limit", "mx3", maillogsentinel_state="absent", maillogsentinel_purge=True, **old)
    assert mx3.version() == ""
    controller.deploy("--limit", "mx3", maillogsentinel_deb=controller.package("newer"), **old)
    assert mx3.version() == NEWER
    assert "[general] server_name = mx3.example.org" in mx3.host.run("maillogsentinel check-config --effective")
    controller.deploy("--limit", "mx3", maillogsentinel_allow_downgrade=True, **old)
    assert mx3.version() == VERSION
