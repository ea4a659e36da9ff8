"""``maillogsentinel anonymize`` as its users run it: files, pipes, compression, keys, and what goes wrong."""

import bz2
import gzip
import lzma
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from tests.conftest import CHECKOUT

pytestmark = pytest.mark.slow

DEMO = CHECKOUT / "demo" / "mail.log"
LINE = b"May  7 11:13:00 mx1 postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x\n"


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    path.chmod(0o600)
    return path


def shown(program, key, data):
    done = program("anonymize", "--key", str(key), stdin=data)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def refused(done, status, *words):
    """One sentence on stderr that has these words."""
    assert done.returncode == status
    assert done.stderr.startswith(b"maillogsentinel: ") and done.stderr.count(b"\n") == 1, done.stderr
    for word in words:
        assert word.encode() in done.stderr


def test_a_file_becomes_a_file_and_nothing_is_said(program, tmp_path):
    out = tmp_path / "safe.log"
    done = program("anonymize", "-i", str(DEMO), "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    data = out.read_bytes()
    assert data.count(b"\n") == DEMO.read_bytes().count(b"\n")
    assert b"alice" not in data and b"203.0.113." not in data and b"authentication failed" in data
    assert stat.S_IMODE(out.stat().st_mode) & 0o137 == 0
    assert os.listdir(tmp_path) == ["safe.log"]


def test_pipes_give_what_files_give(program, key, tmp_path):
    out = tmp_path / "safe.log"
    assert program("anonymize", "-i", str(DEMO), "-o", str(out), "--key", str(key)).returncode == 0
    assert shown(program, key, DEMO.read_bytes()) == out.read_bytes()
    done = program("anonymize", "-i", "-", "-o", "-", "--key", str(key), stdin=DEMO.read_bytes())
    assert done.stdout == out.read_bytes()


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("way", ["file", "other name", "pipe"])
def test_a_compressed_log_is_read_in_every_form(program, key, tmp_path, ending, way):
    data = DEMO.read_bytes()
    if ending == ".zst":
        zstandard = pytest.importorskip("zstandard", reason="needs the package python3-zstandard")
        packed = zstandard.compress(data)
    else:
        packed = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(data)
        packed += {".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(LINE)
        data += LINE
    if way == "pipe":
        assert shown(program, key, packed) == shown(program, key, data)
        return
    path = tmp_path / ("log" + (ending if way == "file" else ""))
    path.write_bytes(packed)
    done = program("anonymize", "-i", str(path), "--key", str(key))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == shown(program, key, data)


def test_a_gz_is_written_that_tells_neither_name_nor_time(program, key, tmp_path):
    out = tmp_path / "safe.log.gz"
    assert program("anonymize", "-i", str(DEMO), "-o", str(out), "--key", str(key)).returncode == 0
    assert gzip.decompress(out.read_bytes()) == shown(program, key, DEMO.read_bytes())
    assert out.read_bytes()[3:8] == bytes(5)  # no flags, no time (RFC 1952)


def test_the_same_key_gives_the_same_names_and_no_key_new_ones(program, key):
    assert shown(program, key, LINE) == shown(program, key, LINE)
    one, other = (program("anonymize", stdin=LINE).stdout for _ in range(2))
    assert len({one, other, shown(program, key, LINE)}) == 3


def test_blanks_around_a_key_do_not_count(program, key):
    before = shown(program, key, LINE)
    key.write_bytes(b"0123456789abcdef0123456789abcdef")
    assert shown(program, key, LINE) == before


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"0123456789abcdef0123456789abcdef", 0o604, "chmod 600"),
        (b"0123456789abcdef0123456789abcdef", 0o620, "chmod 600"),
        (b"0123456789abcdef0123456789abcde\n", 0o600, "31 bytes"),
        (b"x" * 5000, 0o600, "too many"),
        (b"ab" * 40, 0o600, "guessed"),
    ],
)
def test_a_key_that_hides_nothing_is_refused(program, key, content, mode, words):
    key.write_bytes(content)
    key.chmod(mode)
    done = program("anonymize", "--key", str(key), stdin=LINE)
    refused(done, 1, words)
    assert done.stdout == b""


def test_a_key_that_the_group_may_read_is_taken(program, key):
    key.chmod(0o640)
    assert shown(program, key, LINE)


def test_without_its_key_file_it_says_how_to_make_one(program, tmp_path):
    path = tmp_path / "new key"
    done = program("anonymize", "--key", str(path), stdin=LINE)
    refused(done, 1, "no key file", "/dev/urandom")
    assert not path.exists()
    command = done.stderr.decode().partition("with: ")[2].strip().replace(str(path), f"'{path}'")
    subprocess.run(["sh", "-c", command], check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shown(program, path, LINE).count(b"\n") == 1


def test_the_time_is_moved_on_demand(program, key):
    moved = program("anonymize", "--key", str(key), "--shift-time=-1d1m", stdin=LINE)
    assert (moved.returncode, moved.stderr) == (0, b"")
    assert moved.stdout == shown(program, key, LINE).replace(b"May  7 11:13:00", b"May  6 11:12:00")
    secret = program("anonymize", "--key", str(key), "--shift-time", stdin=LINE).stdout
    assert secret[:15] != LINE[:15] and secret[15:] == moved.stdout[15:]
    assert secret == program("anonymize", "--shift-time", "--key", str(key), stdin=LINE).stdout
    refused(program("anonymize", "--shift-time=soon", stdin=LINE), 2, "--shift-time", "soon")


@pytest.mark.parametrize("name", ["x.bz2", "x.xz", "x.zst"])
def test_a_compression_that_it_cannot_write_is_refused(program, tmp_path, name):
    refused(program("anonymize", "-o", str(tmp_path / name), stdin=LINE), 2, ".gz")
    assert os.listdir(tmp_path) == []


def test_a_log_is_never_replaced_by_its_own_result(program, tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes(LINE)
    (tmp_path / "link").symlink_to(log)
    for out in (log, tmp_path / "link"):
        refused(program("anonymize", "-i", str(log), "-o", str(out)), 2, "same file")
    assert log.read_bytes() == LINE


def test_what_stands_behind_a_link_is_written_and_a_device_stays_one(program, tmp_path):
    target = tmp_path / "target"
    target.write_text("old")
    (tmp_path / "link").symlink_to(target)
    assert program("anonymize", "-o", str(tmp_path / "link"), stdin=LINE).returncode == 0
    assert (tmp_path / "link").is_symlink() and b"authentication failed" in target.read_bytes()
    assert program("anonymize", "-o", "/dev/null", stdin=LINE).returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_cannot_be_read_is_named(program, tmp_path, name):
    out = tmp_path / "out"
    refused(program("anonymize", "-i", str(tmp_path / name), "-o", str(out)), 1, str(tmp_path))
    assert not out.exists()


def test_what_cannot_be_written_is_named(program, tmp_path):
    refused(program("anonymize", "-o", str(tmp_path / "absent" / "out"), stdin=LINE), 1, "absent")
    refused(program("anonymize", "-i", str(DEMO), "-o", "/dev/full"), 1, "No space", "/dev/full")
    with open("/dev/full", "wb") as full:
        done = program("anonymize", "-i", str(DEMO), stdout=full)
    refused(done, 1, "No space")


def test_of_a_damaged_file_what_can_be_read_is_kept(program, tmp_path):
    log, out = tmp_path / "mail.log.gz", tmp_path / "out"
    packed = gzip.compress(DEMO.read_bytes() * 20)
    log.write_bytes(packed[: len(packed) // 2])
    refused(program("anonymize", "-i", str(log), "-o", str(out)), 1, "damaged")
    assert out.read_bytes().count(b"\n") > 100


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"\n\n", b"x", LINE[:-1], b"\0" * 1_000_000 + b"\n" + LINE, os.urandom(100_000)],
    ids=["none", "empty line", "empty lines", "half a line", "no newline", "zeros", "random"],
)
def test_any_input_has_as_many_lines_afterwards(program, data):
    done = program("anonymize", stdin=data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == data.count(b"\n") and done.stdout.endswith(b"\n") == data.endswith(b"\n")


def test_a_reader_that_goes_away_is_no_trouble():
    command = f"{sys.executable} -m maillogsentinel anonymize -i {DEMO} | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=CHECKOUT, capture_output=True)
    assert done.stdout.count(b"\n") == 1 and done.stderr == b""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_the_old_result(tmp_path, signal_number):
    out = tmp_path / "out"
    out.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-m", "maillogsentinel", "anonymize", "-o", str(out)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.write(DEMO.read_bytes() * 20)
    process.stdin.flush()
    deadline = time.monotonic() + 20
    while len(os.listdir(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir(tmp_path)) == 2, "it had not begun"
    process.send_signal(signal_number)
    process.stdin.close()
    assert process.wait(20) != 0
    assert out.read_text() == "old"
    if signal_number == signal.SIGINT:
        assert os.listdir(tmp_path) == ["out"]


def test_no_configuration_and_no_state_are_needed(program, tmp_path):
    done = program("--config", str(tmp_path / "absent.conf"), "anonymize", stdin=LINE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert os.listdir(tmp_path) == []
