"""What hosts do to a program: one plain sentence, the right exit status, nothing lost, and the next run goes on."""

import gzip
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import crash
import pytest
import world

from maillogsentinel.store.lock import locked

pytestmark = pytest.mark.slow


@pytest.fixture
def bed(tmp_path):
    """A host with logs that nobody has read."""
    made = crash.Bed(tmp_path / "world")
    made.first()
    return made


FAILURE = (
    "2026-11-20T09:00:00.000001+00:00 mx postfix/smtpd[7]: warning: unknown[192.0.2.1]: SASL LOGIN"
    " authentication failed: (reason unavailable), sasl_username={user}\n"
)


def sentence(done, status=1):
    """The one sentence that a run said, which ended with `status`."""
    assert done.returncode == status, (done.returncode, done.stderr)
    match = re.fullmatch(r"maillogsentinel: ([^\n]+)\n", done.stderr)
    assert match, done.stderr
    assert "Internal error" not in match[1]
    return match[1]


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def exact(bed):
    """The next run is silent, and everything is there once."""
    silent(crash.run(bed.directory))
    bed.right()


def as_nobody(*arguments):
    """A command line that runs `arguments` as the user nobody."""
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *arguments]


root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


# -- logs


def test_no_log_is_said_in_a_sentence(bed):
    for path in (bed.live, f"{bed.live}.1"):
        os.rename(path, f"{path}.away".replace("mail.log", "away"))
    assert f"There is no log {bed.live}" in sentence(crash.run(bed.directory))


def test_a_directory_in_the_logs_place_is_said_in_a_sentence(bed):
    os.rename(bed.live, f"{bed.directory}/kept")
    os.mkdir(bed.live)
    assert "is not a file" in sentence(crash.run(bed.directory))
    os.rmdir(bed.live)
    os.rename(f"{bed.directory}/kept", bed.live)
    exact(bed)


@root
@pytest.mark.root
def test_a_log_that_may_not_be_read_fails_the_run_but_keeps_the_others(bed, reachable):
    os.mkdir(f"{bed.directory}/state")
    for name in (bed.directory, f"{bed.directory}/state"):
        os.chown(name, 65534, 65534)
    reachable(bed.directory)
    os.chmod(bed.live, 0o600)
    done = crash.run(bed.directory)  # root becomes the owner of the state directory
    assert "Permission denied" in sentence(done)
    assert os.stat(f"{bed.directory}/state/state.db").st_uid == 65534
    assert sum(world.users(bed.config.csv_path).values()) == 14
    os.chmod(bed.live, 0o644)
    exact(bed)


def test_a_damaged_archive_keeps_its_readable_part_and_is_complained_of_once(bed):
    data = bed.lines(3000).encode()
    packed = gzip.compress(data)
    with open(f"{bed.live}.2.gz", "wb") as file:
        file.write(packed[: len(packed) // 2])
    os.utime(f"{bed.live}.2.gz", (0, 0))
    assert "mail.log.2.gz is damaged" in sentence(crash.run(bed.directory))
    found = world.users(bed.config.csv_path)
    assert len(found) > 800
    assert set(found.values()) == {1}
    assert {f"u{number:06d}" for number in range(1, 46) if number % 3} <= set(found)
    assert crash.run(bed.directory).returncode == 0
    assert world.users(bed.config.csv_path) == found


def test_what_stands_before_a_damage_is_read_to_the_last_whole_line(bed):
    bed.number = 45
    first, second = bed.lines(300).encode(), bed.lines(300).encode()
    packed = gzip.compress(first)
    with open(f"{bed.live}.2.gz", "wb") as file:
        file.write(packed + gzip.compress(second)[:20] + b"\xff" * 50)
    assert "damaged" in sentence(crash.run(bed.directory))
    found = world.users(bed.config.csv_path)
    assert {f"u{number:06d}" for number in range(1, 346) if number % 3} <= set(found)


def test_a_missing_zstandard_module_is_named_with_its_package_until_it_is_there(bed, tmp_path):
    with open(f"{bed.live}.2.zst", "wb") as file:
        file.write(b"\x28\xb5\x2f\xfd" + b"x" * 100)
    (tmp_path / "zstandard.py").write_text("raise ImportError\n", encoding="utf-8")
    for _ in range(2):
        done = crash.run(bed.directory, before=["env", f"PYTHONPATH={tmp_path}"])
        assert done.returncode == 1
    shutil.rmtree(f"{bed.directory}/state/complaints")
    assert "python3-zstandard" in sentence(crash.run(bed.directory, before=["env", f"PYTHONPATH={tmp_path}"]))
    os.unlink(f"{bed.live}.2.zst")
    exact(bed)


def test_an_archive_whose_checksum_is_wrong_is_read_and_complained_of(bed):
    packed = bytearray(gzip.compress(bed.lines(300).encode()))
    packed[-6] ^= 1
    with open(f"{bed.live}.2.gz", "wb") as file:
        file.write(packed)
    assert "damaged" in sentence(crash.run(bed.directory))
    exact(bed)


@pytest.mark.parametrize("suffix", world.PACKERS)
def test_an_archive_that_grows_is_read_on_where_it_broke_off(bed, suffix):
    if suffix not in (".gz", ".zst"):
        generator = world.random.Random(1)
        noise = "".join(f"{generator.random()} noise\n" for _ in range(60_000))
    else:
        noise = ""
    packed = world.PACKERS[suffix]((bed.lines(1500) + noise + bed.lines(1500)).encode())
    path = f"{bed.live}.2{suffix}"
    for share in (0.3, 0.5, 0.8):
        with open(path, "wb") as file:
            file.write(packed[: int(len(packed) * share)])
        done = crash.run(bed.directory)
        assert done.returncode == 1, f"{share} of it: no damage noticed"
    with open(path, "wb") as file:
        file.write(packed)
    assert crash.run(bed.directory).returncode == 0
    bed.right()


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_no_failures_and_no_fault(bed, seed):
    generator = world.random.Random(seed)
    junk = generator.randbytes(300_000)
    junk += b"".join(
        generator.choice((b" authentication failed:", b"\n", b"\0", b"postfix/smtpd[1]: ", generator.randbytes(9)))
        for _ in range(20_000)
    )
    with open(bed.live, "rb") as file:
        lines = file.read()
    with open(f"{bed.live}.1", "ab") as file:
        file.write(b"\n" + junk + b"\n")
    with open(bed.live, "wb") as file:
        file.write(junk + b"\n" + lines)
    silent(crash.run(bed.directory))
    found = world.users(bed.config.csv_path)
    assert all(found[user] == 1 for user in bed.expected())


# -- the CSV


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "server;date;ip\n", "\n"])
def test_a_foreign_csv_is_renamed_with_a_sentence_that_names_merge(bed, text):
    os.makedirs(f"{bed.directory}/state")
    with open(bed.config.csv_path, "w", encoding="utf-8") as file:
        file.write(text)
    done = crash.run(bed.directory)
    assert done.returncode == 0
    assert "maillogsentinel merge" in done.stderr
    aside = [name for name in os.listdir(f"{bed.directory}/state") if ".foreign-" in name]
    with open(f"{bed.directory}/state/{aside[0]}", encoding="utf-8") as file:
        assert file.read() == text
    exact(bed)


def test_another_delimiter_begins_another_csv(bed):
    silent(crash.run(bed.directory))
    bed.config = world.settings(bed.directory, csv={"delimiter": ";"})
    done = crash.run(bed.directory)
    assert done.returncode == 0
    assert "another header or delimiter" in done.stderr


def test_an_empty_csv_is_begun_anew(bed):
    silent(crash.run(bed.directory))
    os.truncate(bed.config.csv_path, 0)
    assert "was empty" in crash.run(bed.directory).stderr
    bed.append(bed.live, bed.lines(3))
    silent(crash.run(bed.directory))
    world_users = world.users(bed.config.csv_path)
    assert set(world_users) == {"u000046", "u000047"}


def test_a_csv_that_was_deleted_is_begun_anew(bed):
    silent(crash.run(bed.directory))
    os.unlink(bed.config.csv_path)
    assert "is gone" in crash.run(bed.directory).stderr
    assert not world.users(bed.config.csv_path)


FOREIGN = "mx,2026-01-02 03:04,192.0.2.9,somebody,null,Skipped,null,null,null\n"


def edit(path, change):
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    change(lines)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


CHANGES = {
    "appended": lambda lines: lines.append(FOREIGN),
    "appended without a newline": lambda lines: lines.append(FOREIGN.rstrip()),
    "inserted": lambda lines: lines.insert(3, FOREIGN),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_csv_that_was_written_to_by_somebody_is_taken_as_it_is(bed, change):
    silent(crash.run(bed.directory))
    edit(bed.config.csv_path, CHANGES[change])
    bed.append(bed.live, bed.lines(9))
    done = crash.run(bed.directory)
    assert done.returncode == 0
    assert "changed by somebody else" in done.stderr
    assert world.users(bed.config.csv_path) == bed.expected() + world.Counter({"somebody": 1})
    silent(crash.run(bed.directory))


def test_lines_that_were_cut_off_the_csv_stay_away_and_nothing_else_does(bed):
    silent(crash.run(bed.directory))
    edit(bed.config.csv_path, lambda lines: lines.__delitem__(slice(-2, None)))
    bed.append(bed.live, bed.lines(9))
    assert "changed by somebody else" in crash.run(bed.directory).stderr
    lost = bed.expected() - world.users(bed.config.csv_path)
    assert sum(lost.values()) == 2


@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_a_csv_that_was_written_to_after_a_kill_has_the_killed_batch_once(bed, change, share):
    bed.later()
    length = os.path.getsize(bed.config.csv_path)
    bed.killed_after_append()
    size = os.path.getsize(bed.config.csv_path)
    cut = length + int((size - length) * share)
    with open(bed.config.csv_path, "rb") as file:
        cut = file.read()[:cut].rfind(b"\n") + 1
    os.truncate(bed.config.csv_path, cut)
    if share != 1 and change == "inserted":
        pytest.skip("nobody can tell which rows of a part are whose once all have moved")
    edit(bed.config.csv_path, CHANGES[change])
    done = crash.run(bed.directory)
    assert done.returncode == 0
    assert "changed by somebody else" in done.stderr
    assert world.users(bed.config.csv_path) == bed.expected() + world.Counter({"somebody": 1})
    silent(crash.run(bed.directory))


# -- state.db


def test_without_state_db_the_csv_is_kept_and_what_is_read_again_is_not_doubled(bed):
    silent(crash.run(bed.directory))
    with open(f"{bed.directory}/state/maillogsentinel.csv", "rb") as file:
        before = file.read()
    os.unlink(f"{bed.directory}/state/state.db")
    bed.append(bed.live, bed.lines(9))
    done = crash.run(bed.directory)
    assert done.returncode == 0
    assert "was found" in done.stderr
    silent(crash.run(bed.directory))
    bed.right(events_lost=True)
    with open(f"{bed.directory}/state/maillogsentinel.csv", "rb") as file:
        assert file.read(len(before)) == before
    bed.append(bed.live, bed.lines(9))
    assert crash.run(bed.directory).returncode == 0
    silent(crash.run(bed.directory))
    bed.right(events_lost=True)


def test_equal_failures_are_counted_one_by_one_when_the_state_was_lost(bed):
    same = FAILURE.format(user="same")
    bed.append(bed.live, same * 3)
    silent(crash.run(bed.directory))
    os.unlink(f"{bed.directory}/state/state.db")
    bed.append(bed.live, same * 2)
    assert crash.run(bed.directory).returncode == 0
    assert world.users(bed.config.csv_path)["same"] == 5
    bed.append(bed.live, same)
    silent(crash.run(bed.directory))
    assert world.users(bed.config.csv_path)["same"] == 6


def test_a_state_db_of_garbage_is_named_and_left_alone(bed):
    silent(crash.run(bed.directory))
    path = f"{bed.directory}/state/state.db"
    with open(path, "r+b") as file:
        file.write(b"garbage" * 1000)
    assert f"{path} is damaged" in sentence(crash.run(bed.directory))
    with open(path, "rb") as file:
        assert file.read(7) == b"garbage"


def test_a_newer_state_db_is_refused(bed):
    silent(crash.run(bed.directory))
    with sqlite3.connect(f"{bed.directory}/state/state.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    assert "newer version" in sentence(crash.run(bed.directory))


def test_a_lock_that_is_held_is_exit_status_75(bed):
    with locked(f"{bed.directory}/state"):
        assert "holds the lock" in sentence(crash.run(bed.directory), 75)
    exact(bed)


def test_two_runs_at_once_either_work_or_exit_with_75(bed):
    done = []

    def loop():
        for _ in range(6):
            done.append(crash.run(bed.directory).returncode)
            bed.append(bed.live, bed.lines(3))

    threads = [threading.Thread(target=loop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(done) <= {0, 75}
    assert 0 in done
    bed.right()


# -- disks


@root
@pytest.mark.root
def test_a_read_only_state_directory_is_said_in_a_sentence(bed, reachable):
    silent(crash.run(bed.directory))
    bed.append(bed.live, bed.lines(9))
    reachable(bed.directory)
    done = crash.run(bed.directory, before=as_nobody())
    assert "Cannot write" in sentence(done)
    exact(bed)


FULL = """
set -e
mount -t tmpfs -o size={size} none {state}
{fill}
status=0
{run} || status=$?
rm -f {state}/filler*
second=0
{run} 2>&1 || second=$?
cp -r {state} {kept}
umount {state}
echo "$status $second"
"""


@root
@pytest.mark.root
@pytest.mark.parametrize("free", [0, 4, 12, 40, 60, 80, 100, 140])
def test_a_full_disk_is_said_in_a_sentence_and_the_run_after_it_is_right(bed, free):
    bed.append(bed.live, bed.lines(600))
    state = f"{bed.directory}/state"
    os.mkdir(state)
    script = FULL.format(
        size="400k",
        state=state,
        kept=f"{bed.directory}/kept",
        fill=f"head -c {400 - free}k /dev/zero > {state}/filler 2>/dev/null || true",
        run=" ".join(crash.command(bed.directory, "extract", "--offline")),
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=True)
    first, second = done.stdout.split()
    assert (first, second) in (("1", "0"), ("0", "0"))
    if first == "1":
        assert re.fullmatch(r"maillogsentinel: No space left [^\n]+\n", done.stderr), done.stderr
    else:
        assert free > 60
        assert done.stderr == ""
    assert world.users(f"{bed.directory}/kept/maillogsentinel.csv") == bed.expected()
