"""export csv: the committed records, whole or from a token on, so that the slices together are the CSV."""

import gzip
import hashlib
import os
import subprocess
import sys

import pytest
from failures import lines

from maillogsentinel.store import csvfile


@pytest.fixture
def token_file(installation):
    return installation.directory / "token"


@pytest.fixture
def export(installation):
    """A function that exports, and returns stdout."""

    def export(*arguments, said=b""):
        done = installation.run("export", "csv", *map(str, arguments))
        assert (done.returncode, done.stderr) == (0, said)
        return done.stdout

    return export


WHOLE_ONE = b"maillogsentinel: the token is of an earlier CSV (reset, restored or edited): this is the whole one\n"


def test_without_a_token_it_is_the_whole_csv(installation, grow, export):
    grow(5)
    assert export() == installation.csv.read_bytes()
    assert len(installation.rows()) == 5


def test_slices_together_are_the_csv_byte_by_byte(installation, grow, export, token_file):
    grow(3)
    parts = [export("--token-file", token_file)]
    tokens = [token_file.read_text()]
    for count in (1, 700, 2):
        grow(count)
        parts.append(export("--since", tokens[-1].strip(), "--token-file", token_file))
        tokens.append(token_file.read_text())
        assert parts[-1].count(b"\n") == count
        assert not parts[-1].startswith(csvfile.header(","))
    assert b"".join(parts) == installation.csv.read_bytes()
    assert len(set(tokens)) == len(tokens)
    assert export("--since", tokens[-1]) == b""
    # Each token stays good: what came after it can be had again.
    assert b"".join(parts[1:]) == export("--since", tokens[0])


def test_compressed_slices_together_are_the_csv(installation, grow, export, token_file):
    grow(2000)
    parts = [export("--gzip", "--token-file", token_file)]
    grow(1)
    parts.append(export("--gzip", "--since", token_file.read_text()))
    parts.append(
        export("--gzip", "--since", f"{token_file.read_text().partition('-')[0]}-{installation.csv.stat().st_size}")
    )
    assert [gzip.decompress(part) for part in parts][2] == b""
    assert gzip.decompress(b"".join(parts)) == installation.csv.read_bytes()


def test_what_is_not_committed_is_not_exported(installation, grow, export):
    grow(2)
    committed = installation.csv.read_bytes()
    with open(installation.csv, "ab") as file:
        file.write(b"half a rec")
    assert export() == committed


def test_a_token_of_another_csv_gives_the_whole_one_and_says_so(installation, grow, export, token_file):
    grow(2)
    export("--token-file", token_file)
    old = token_file.read_text().strip()
    generation, offset = map(int, old.split("-")[:2])
    grow(1)
    mark = old.split("-")[2]
    assert export("--since", f"{generation}-{offset}") == export("--since", old)
    for token in (
        f"{generation - 1}-{offset}-{mark}",
        f"{generation}-{offset - 1}-{mark}",
        f"{generation}-{offset + 10**6}",
        f"{generation}-0",
        "0-0",
    ):
        assert export("--since", token, said=WHOLE_ONE) == installation.csv.read_bytes()
    assert installation.run("reset").returncode == 0
    grow(1)
    assert export("--since", old, "--token-file", token_file, said=WHOLE_ONE) == installation.csv.read_bytes()
    assert token_file.read_text().split("-")[0] != old.split("-")[0]


def test_a_machine_that_was_set_back_is_noticed(installation, grow, export, token_file):
    grow(3)
    before = {path: path.read_bytes() for path in (installation.csv, installation.state / "state.db")}
    times = installation.csv.stat()
    grow(2)
    export("--token-file", token_file)
    # As a snapshot does: the same files with their earlier bytes and times. Then other logins fail.
    for path, content in before.items():
        with open(path, "r+b") as file:
            file.truncate(len(content))
            file.write(content)
    os.utime(installation.csv, ns=(times.st_atime_ns, times.st_mtime_ns))
    installation.log.write_text(lines(0, 3) + lines(100, 9), encoding="utf-8")
    installation.extract()
    assert installation.csv.stat().st_size > int(token_file.read_text().split("-")[1])
    assert export("--since", token_file.read_text(), said=WHOLE_ONE) == installation.csv.read_bytes()


def test_a_copy_that_broke_off_is_continued_at_its_last_byte(installation, grow, export, token_file):
    grow(300)
    whole = export("--token-file", token_file)
    generation = token_file.read_text().split("-")[0]
    for have in (len(csvfile.header(",")), 1000, 5001, len(whole)):
        mark = hashlib.sha256(whole[:have][-4096:]).hexdigest()[:16]
        assert whole[:have] + export("--since", f"{generation}-{have}-{mark}") == whole


def test_a_collection_of_nothing_new_moves_next_to_nothing(grow, export, token_file):
    grow(500)
    export("--token-file", token_file)
    again = export("--gzip", "--since", token_file.read_text(), "--token-file", token_file)
    assert len(again) + len(token_file.read_text()) < 100


def test_a_csv_put_there_by_somebody_else_is_not_exported_as_ours(installation, grow, export):
    grow(2)
    copy = installation.directory / "copy"
    copy.write_bytes(installation.csv.read_bytes())
    copy.replace(installation.csv)
    done = installation.run("export", "csv")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"was replaced since the last extract" in done.stderr
    assert installation.run("extract", "--offline").returncode == 0
    assert export() == installation.csv.read_bytes()


def test_a_device_as_token_file_stays_what_it_is(installation, grow):
    grow(1)
    device = installation.directory / "device"
    os.mkfifo(device)
    done = installation.run("export", "csv", "--token-file", str(device))
    assert done.returncode == 1 and b"it is no file" in done.stderr
    assert device.is_fifo()


def test_an_edited_csv_is_another_one(installation, grow, export, token_file):
    grow(3)
    export("--token-file", token_file)
    text = installation.csv.read_bytes().splitlines(keepends=True)
    installation.csv.write_bytes(b"".join(text[:2]))
    done = installation.run("extract", "--offline")
    assert b"changed by somebody else" in done.stderr
    assert export("--since", token_file.read_text(), said=WHOLE_ONE) == b"".join(text[:2])


@pytest.mark.parametrize("token", ["", "x", "1-", "-1", "1-2-3", "9" * 30 + "-1"])
def test_what_is_no_token_is_wrong_usage(installation, grow, token_file, token):
    grow(1)
    done = installation.run("export", "csv", f"--since={token}", "--token-file", str(token_file))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is no token" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not token_file.exists()


def test_the_token_is_written_after_success_only(installation, grow, token_file):
    grow(3000)
    token_file.write_text("old")
    program = [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config)]
    script = f'"$@" export csv --token-file {token_file} '
    for end in ("> /dev/full", "| head -n 1"):
        for unbuffered in ("", "1"):
            command = ["bash", "-c", script + end, "sh", *program]
            subprocess.run(
                command, capture_output=True, env={**os.environ, "PYTHONUNBUFFERED": unbuffered}, check=False
            )
            assert token_file.read_text() == "old"
    installation.csv.write_bytes(installation.csv.read_bytes()[:-1000])
    done = installation.run("export", "csv", "--token-file", str(token_file))
    assert done.returncode == 1
    assert b"shorter than what was committed" in done.stderr
    installation.csv.unlink()
    done = installation.run("export", "csv", "--token-file", str(token_file))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Cannot read" in done.stderr
    assert token_file.read_text() == "old"


def test_a_token_file_that_cannot_be_written_fails_and_leaves_nothing_behind(installation, grow):
    grow(1)
    target = installation.directory / "directory"
    target.mkdir()
    before = sorted(os.listdir(installation.directory))
    for path in (target, installation.directory / "missing" / "token"):
        done = installation.run("export", "csv", "--token-file", str(path))
        assert done.returncode == 1
        assert done.stdout == installation.csv.read_bytes()
        assert b"Cannot write" in done.stderr
    assert sorted(os.listdir(installation.directory)) == before


def test_before_the_first_run_there_is_nothing_to_export(installation):
    done = installation.run("export", "csv")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Run: maillogsentinel extract" in done.stderr


def test_another_delimiter_keeps_tokens_good(installation, grow, export, token_file):
    installation.configure("[csv]\ndelimiter = ;\n")
    grow(1)
    first = export("--token-file", token_file)
    assert first.startswith(csvfile.header(";"))
    grow(1)
    assert first + export("--since", token_file.read_text()) == installation.csv.read_bytes()
