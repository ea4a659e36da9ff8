"""append: slices of ``export csv`` become whole copies, each row once, whatever interrupts it."""

import fcntl
import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


class Collection:
    """What collects from one installation, as the role does."""

    def __init__(self, installation, program):
        self.installation = installation
        self.program = program
        self.directory = installation.directory / "fleet"
        self.host = self.directory / "mx1.example.org"
        self.host.mkdir(parents=True)

    @property
    def token(self):
        position = self.host / "position"
        return position.read_text().split()[0] if position.exists() else ""

    def fetch(self):
        """Bring a slice, and return its path."""
        token_file = self.installation.directory / "token"
        since = ["--since", self.token] if self.token else []
        done = self.installation.run("export", "csv", "--gzip", "--token-file", str(token_file), *since)
        assert done.returncode == 0
        path = self.host / f"{self.token or 'start'}_{token_file.read_text().strip()}.slice"
        path.write_bytes(done.stdout)
        return path

    def append(self, status=0):
        """Append, and return what it says."""
        done = self.program("append", str(self.directory))
        assert (done.returncode, done.stdout) == (status, b"")
        return done.stderr.decode()

    def copies(self):
        """Return the text of each copy."""
        return {path.name: gzip.decompress(path.read_bytes()) for path in sorted(self.host.glob("*.csv.gz"))}

    def copy(self):
        """Return the text of the only copy."""
        (text,) = self.copies().values()
        return text


@pytest.fixture
def collection(installation, program):
    return Collection(installation, program)


def test_slices_become_the_csv_byte_by_byte(collection, installation, grow):
    for count in (1, 3000, 2):
        grow(count)
        collection.fetch()
        assert collection.append() == ""
        assert collection.copy() == installation.csv.read_bytes()
    names = sorted(path.name for path in collection.host.iterdir())
    assert re.fullmatch(r"\d+\.csv\.gz", names[0])
    assert names[1:] == ["position"]
    assert oct((collection.host / names[0]).stat().st_mode & 0o777) == "0o640"


def test_nothing_new_changes_nothing(collection, grow):
    grow(2)
    collection.fetch()
    collection.append()
    before = {path.name: path.read_bytes() for path in collection.host.iterdir()}
    collection.fetch()
    assert collection.append() == ""
    assert collection.append() == ""
    assert {path.name: path.read_bytes() for path in collection.host.iterdir()} == before


def test_a_slice_that_was_appended_is_not_appended_again(collection, installation, grow):
    grow(2)
    first = collection.fetch()
    again = first.read_bytes()
    collection.append()
    grow(1)
    second = collection.fetch()
    more = second.read_bytes()
    collection.append()
    first.write_bytes(again)
    second.write_bytes(more)
    assert collection.append() == ""
    assert collection.copy() == installation.csv.read_bytes()
    assert not list(collection.host.glob("*.slice"))


@pytest.mark.parametrize("grown", [0, 2], ids=["the first", "a later"])
def test_a_slice_that_was_cut_off_comes_again(collection, installation, grow, grown):
    if grown:
        grow(grown)
        collection.fetch()
        collection.append()
    grow(50)
    whole = collection.fetch().read_bytes()
    for length in (0, 1, 9, 10, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path = collection.fetch()
        path.write_bytes(whole[:length])
        assert "cut off or damaged; the next collection brings it again" in collection.append()
        assert not path.exists()
    for damaged in (whole + b"x", whole + whole, b"x" + whole, whole[:40] + b"\xff\x00" + whole[42:], b"\0" * 99):
        collection.fetch().write_bytes(damaged)
        assert "damaged" in collection.append()
    collection.fetch()
    assert collection.append() == ""
    assert collection.copy() == installation.csv.read_bytes()


def test_a_csv_that_was_reset_gets_a_copy_of_its_own_and_the_older_one_stays(collection, installation, grow):
    grow(3)
    collection.fetch()
    collection.append()
    before = collection.copy()
    assert installation.run("reset").returncode == 0
    installation.log.write_bytes(b"")
    grow(2)
    collection.fetch()
    said = collection.append()
    assert "mx1.example.org: its CSV was reset, restored or edited, and collected whole" in said
    assert list(collection.copies().values()) == [before, installation.csv.read_bytes()]
    grow(1)
    collection.fetch()
    assert collection.append() == ""
    assert list(collection.copies().values()) == [before, installation.csv.read_bytes()]


def test_a_copy_that_somebody_changed_is_put_aside_and_the_csv_comes_whole(collection, installation, grow):
    grow(300)
    collection.fetch()
    collection.append()
    (path,) = collection.host.glob("*.csv.gz")
    os.truncate(path, 50)
    assert f"has a copy that was cut short, now {path}.damaged" in collection.append()
    assert collection.token == ""
    collection.fetch()
    assert collection.append() == ""
    assert collection.copy() == installation.csv.read_bytes()
    path.unlink()
    assert "has lost its copy" in collection.append()
    collection.fetch()
    collection.append()
    (collection.host / "position").write_bytes(b"\xff\n")
    assert "cannot be read" in collection.append()
    collection.fetch()
    assert collection.append() == ""
    assert collection.copy() == installation.csv.read_bytes()


def test_trouble_with_one_host_keeps_nothing_from_the_others(collection, installation, grow):
    grow(2)
    slice_ = collection.fetch()
    other = collection.directory / "a-first-host"
    shutil.copytree(collection.host, other)
    (other / "position").mkdir()
    assert slice_.exists()
    assert "a-first-host: Cannot write" in collection.append(status=1)
    assert collection.copy() == installation.csv.read_bytes()


def test_two_at_once_do_not_meet(collection, grow):
    grow(2)
    collection.fetch()
    with open(collection.directory / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "holds the lock" in collection.append(status=75)
    assert collection.append() == ""


def test_what_is_no_directory_is_wrong_usage(program, tmp_path):
    done = program("append", str(tmp_path / "missing"))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith("maillogsentinel: There is no directory")


@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs the package util-linux")
def test_a_full_disk_loses_nothing(collection, installation, grow):
    grow(2000)
    collection.fetch()
    collection.append()
    grow(2000)
    collection.fetch()
    (path,) = collection.host.glob("*.csv.gz")
    size = path.stat().st_size
    command = [sys.executable, "-m", "maillogsentinel", "append", str(collection.directory)]
    for limit in (20, size + 1, size + 4096):  # no file may grow beyond it
        done = subprocess.run(["prlimit", f"--fsize={limit}", *command], cwd=CHECKOUT, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert b"No space left" in done.stderr
        assert b"Traceback" not in done.stderr
    assert collection.append() == ""
    assert collection.copy() == installation.csv.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace")
@pytest.mark.parametrize("situation", ["first", "later", "reset"])
def test_killed_at_whatever_system_call_the_next_one_makes_it_right(situation, collection, installation, grow):
    if situation != "first":
        grow(5)
        collection.fetch()
        collection.append()
    if situation == "reset":
        installation.run("reset")
    grow(700)
    collection.fetch()
    command = [sys.executable, "-m", "maillogsentinel", "append", str(collection.directory)]
    begin = installation.directory / "begin"
    shutil.copytree(collection.host, begin)
    kills = 0
    for call in ("write", "fsync", "fdatasync", "rename,renameat,renameat2", "unlink,unlinkat", "fchmod", "truncate"):
        for number in range(1, 100):
            shutil.rmtree(collection.host)
            shutil.copytree(begin, collection.host)
            strace = ["strace", "-qq", "-e", f"inject={call}:signal=KILL:when={number}", "-o", os.devnull]
            done = subprocess.run([*strace, *command], cwd=CHECKOUT, stderr=subprocess.PIPE)
            if done.returncode == 0:
                break
            assert done.returncode in (-9, 137), done.stderr
            kills += 1
            collection.append()
            text = list(collection.copies().values())
            assert text[-1] == installation.csv.read_bytes()
            assert len(text) == (2 if situation == "reset" else 1)
            assert sorted(path.suffix for path in collection.host.iterdir() if path.suffix != ".gz") == [""]
        else:
            pytest.fail(f"there are more calls of {call} than were tried")
    assert kills >= 5
