"""What Ansible itself says of the role and the playbooks, with the versions of both releases."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import ansible_core
import pytest
from chroot import CHECKOUT

pytestmark = pytest.mark.slow
CORES = ["ANSIBLE", "ANSIBLE_OLD"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ansible/ as an admin makes it his own."""
    target = tmp_path_factory.mktemp("ansible") / "ansible"
    shutil.copytree(CHECKOUT / "ansible", target)
    (target / "inventory.example.yml").rename(target / "inventory.yml")
    return target


def test_the_linter_is_content_at_its_strictest(directory: Path) -> None:
    place = ansible_core.environment("ANSIBLE")
    options = ["--offline", "--strict", "--profile", "production", "-p"]
    command = [str(place / "bin/python3"), "-m", "ansiblelint", *options]
    environment = ["env", f"PATH={place}/bin:{os.environ['PATH']}", "NO_COLOR=1"]
    done = ansible_core.output([*environment, *command], directory)
    assert done.returncode == 0, done.stdout
    assert "Profile 'production' was required, and it passed." in done.stdout


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("playbook", ["deploy.yml", "collect.yml"])
def test_both_versions_can_read_the_playbooks(core: str, playbook: str, directory: Path) -> None:
    place = ansible_core.environment(core)
    done = ansible_core.output(ansible_core.words(place, "playbook", "--syntax-check", playbook), directory)
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.parametrize("playbook", ["deploy.yml", "collect.yml"])
@pytest.mark.parametrize(
    "inventory", ["", "others:\n  hosts:\n    www1.example.org:\n"], ids=["empty", "no mail servers"]
)
def test_an_inventory_without_hosts_is_told(playbook: str, inventory: str, directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text(inventory)
    words = ansible_core.words(ansible_core.environment("ANSIBLE"), "playbook", "-i", str(path), playbook)
    done = ansible_core.output(words, directory)
    assert done.returncode == 2
    assert "The inventory has no host in the group mailservers" in " ".join(done.stdout.split())


NEEDED = "This machine needs MailLogSentinel itself"


@pytest.mark.parametrize(
    ("program", "said", "not_said"),
    [
        ("maillogsentinel-is-missing", f"{NEEDED}: install its package", "holds the lock"),
        ("python3 -m maillogsentinel.is.missing", f"{NEEDED}: install its package", "holds the lock"),
        (
            f"env PYTHONPATH={CHECKOUT} python3 -m maillogsentinel",
            "Another run of maillogsentinel holds the lock",
            NEEDED,
        ),
    ],
    ids=["no program", "no module", "another collection"],
)
def test_what_keeps_a_collection_from_beginning_is_told_before_any_host_is_asked(
    program: str, said: str, not_said: str, directory: Path, tmp_path: Path
) -> None:
    variables = {"maillogsentinel_collect_directory": str(tmp_path), "maillogsentinel_collect_program": program}
    words = ansible_core.words(
        ansible_core.environment("ANSIBLE"), "playbook", "-e", json.dumps(variables), "collect.yml"
    )
    (tmp_path / "hosts").mkdir()
    with open(tmp_path / "hosts/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = ansible_core.output(words, directory)
    assert done.returncode == 2
    assert said in " ".join(done.stdout.split())
    assert not_said not in done.stdout
    assert "PLAY [Bring home what is new]" not in done.stdout


def test_a_collection_that_would_only_be_looked_at_is_refused(directory: Path, tmp_path: Path) -> None:
    place = ["-e", f"maillogsentinel_collect_directory={tmp_path}/collection"]
    words = ansible_core.words(ansible_core.environment("ANSIBLE"), "playbook", "--check", *place, "collect.yml")
    done = ansible_core.output(words, directory)
    assert done.returncode == 2
    assert "A collection cannot be tried with --check" in " ".join(done.stdout.split())
    assert "PLAY [Bring home what is new]" not in done.stdout


def test_the_variables_can_be_looked_up_with_ansible_doc(directory: Path) -> None:
    words = ansible_core.words(
        ansible_core.environment("ANSIBLE"), "doc", "-t", "role", "-r", "roles", "maillogsentinel"
    )
    done = ansible_core.output(words, directory)
    assert done.returncode == 0, done.stdout
    for name in ("maillogsentinel_state", "maillogsentinel_report_email", "maillogsentinel_collect_directory"):
        assert name in done.stdout
