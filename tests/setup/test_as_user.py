"""Checks run as the service user, apart from root's terminal, and come to an end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from maillogsentinel.errors import SourceError
from maillogsentinel.setup import as_user
from maillogsentinel.setup.finding import GOOD, NOTE, WRONG, Finding

TOP = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def nobodys():
    """A directory of the user nobody, which nobody can reach."""
    directory = Path(tempfile.mkdtemp(prefix="mls-setup-"))
    directory.chmod(0o755)
    state = directory / "state"
    state.mkdir(0o750)
    shutil.chown(state, "nobody", "nogroup")
    yield state
    shutil.rmtree(directory)


@needs_root
def test_a_check_has_the_owners_rights_and_groups_and_no_terminal(nobodys):
    secret = nobodys.parent / "secret"
    secret.write_text("x")
    secret.chmod(0o600)

    def check():
        with pytest.raises(PermissionError):
            secret.read_text()
        with pytest.raises(OSError):
            os.open("/dev/tty", os.O_RDWR)
        return Finding(GOOD, f"{os.getresuid()} {os.getresgid()} {os.getsid(0) == os.getpid()} {os.read(0, 1)!r}")

    user = pwd.getpwnam("nobody")
    found = as_user.found(str(nobodys), check)
    assert found == (GOOD, f"{(user.pw_uid,) * 3} {(user.pw_gid,) * 3} True b''", "")
    assert as_user.service_user(str(nobodys)) == "nobody"
    assert os.geteuid() == 0


@needs_root
def test_work_is_done_as_the_owner_and_its_status_returned(nobodys):
    def work():
        (nobodys / "made").touch()
        return 75

    assert as_user.status(str(nobodys), work) == 75
    assert (nobodys / "made").owner() == "nobody"


def test_what_a_check_raises_is_found(tmp_path):
    def wrong():
        raise SourceError("There is no log.")

    def broken():
        raise ZeroDivisionError("x\x1b[2J")

    assert as_user.found(str(tmp_path), wrong) == (WRONG, "There is no log.", "")
    found = as_user.found(str(tmp_path), broken)
    assert (found.verdict, found.sentence) == (NOTE, "the check could not be made (ZeroDivisionError: x\\x1B[2J)")


def test_a_check_that_ends_without_a_word_is_found(tmp_path):
    for end in (lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: Finding(GOOD, object())):
        assert as_user.found(str(tmp_path), end).verdict == NOTE


def test_a_check_that_hangs_is_stopped_with_all_that_it_started(tmp_path):
    def hang():
        child = subprocess.Popen(["sleep", "1000"])
        (tmp_path / "child").write_text(str(child.pid))
        child.wait()

    found = as_user.found(str(tmp_path), hang, seconds=0.5)
    assert found == (NOTE, "the check was not done after 0.5 seconds and was stopped", "")
    number = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{number}/stat").exists() and " Z " not in Path(f"/proc/{number}/stat").read_text():
        assert time.monotonic() < deadline, "its child is still there"
        time.sleep(0.02)


def test_work_that_fails_is_a_status_and_never_runs_on_as_two(tmp_path, capfd):
    def fail():
        raise OSError(5, "Input/output error")

    before = os.getpid()
    assert as_user.status(str(tmp_path), fail) == 1
    assert os.getpid() == before
    assert "Input/output error" in capfd.readouterr().err
