"""``reset`` and ``purge``: what goes where, and that the next run starts afresh."""

import json
import os
import subprocess
import sys
import time

import pytest
from test_extract import Host, silent

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def host(tmp_path):
    """A host that has been read."""
    made = Host(tmp_path)
    silent(made.run("extract"))
    return made


def archives(host):
    parent = host.directory / "state/archive"
    return {path.name: {inner.name for inner in path.iterdir()} for path in parent.iterdir()} if parent.exists() else {}


def test_reset_archives_csv_and_positions_and_the_next_run_reads_everything_again(host):
    with open(host.csv, "rb") as file:
        before = file.read()
    silent(host.run("reset"))
    ((name, inside),) = archives(host).items()
    assert name.startswith("reset-")
    assert inside == {"maillogsentinel.csv", "state.db"}
    assert (host.directory / "state/archive" / name / "maillogsentinel.csv").read_bytes() == before
    assert not host.csv.exists()
    silent(host.run("extract"))
    host.all_once()


def test_reset_with_delete_keeps_nothing_but_earlier_archives(host):
    silent(host.run("reset"))
    silent(host.run("extract"))
    silent(host.run("reset", "--delete"))
    assert len(archives(host)) == 1
    assert not host.csv.exists()
    silent(host.run("extract"))
    host.all_once()


def test_two_resets_in_a_second_have_an_archive_each(host):
    for _ in range(3):
        silent(host.run("reset"))
        silent(host.run("extract"))
    assert len(archives(host)) == 3


def test_a_reset_of_nothing_is_no_fault(host):
    silent(host.run("reset"))
    silent(host.run("reset"))
    silent(host.run("extract"))
    host.all_once()


def test_an_interrupted_reset_is_finished_by_the_next_run(host):
    state = host.directory / "state"
    target = state / "archive/reset-20260101-000000"
    target.mkdir(parents=True)
    paths = [str(host.csv), str(state / "state.db"), str(state / "state.db-journal")]
    (state / "reset-begun").write_text(json.dumps({"target": str(target), "paths": paths}), encoding="utf-8")
    os.rename(host.csv, target / "maillogsentinel.csv")  # it came as far as this
    silent(host.run("extract"))
    host.all_once()
    assert {path.name for path in target.iterdir()} == {"maillogsentinel.csv", "state.db"}
    assert not (state / "reset-begun").exists()


def test_purge_archives_all_that_was_written_and_delete_leaves_nothing_behind(host):
    log = host.directory / "own.log"
    host.config.write_text(host.config.read_text().replace("log_file =", f"log_file = {log}"), encoding="utf-8")
    silent(host.run("extract"))
    (host.directory / "state/maillogsentinel.csv.foreign-20260101").write_text("x\n", encoding="utf-8")
    (host.directory / "state/country.mmdb").write_text("x\n", encoding="utf-8")
    silent(host.run("purge"))
    ((name, inside),) = archives(host).items()
    assert name.startswith("purge-")
    assert {"maillogsentinel.csv", "maillogsentinel.csv.foreign-20260101", "state.db", "own.log"} <= inside
    assert "country.mmdb" in inside
    silent(host.run("purge", "--delete"))
    assert {path.name for path in (host.directory / "state").iterdir()} <= {"lock"}
    silent(host.run("extract"))
    host.all_once()


def test_archives_older_than_the_retention_go_and_others_stay(host):
    host.config.write_text(host.config.read_text() + "[retention]\narchive_days = 10\n", encoding="utf-8")
    parent = host.directory / "state/archive"
    for days, name in ((9, "reset-20260102-000000"), (11, "purge-20260101-000000"), (99, "kept-by-the-admin")):
        (parent / name).mkdir(parents=True)
        os.utime(parent / name, (time.time() - days * 86_400,) * 2)
    silent(host.run("reset"))
    names = set(archives(host))
    assert {"reset-20260102-000000", "kept-by-the-admin"} < names
    assert "purge-20260101-000000" not in names


def test_a_held_lock_is_exit_status_75_and_nothing_is_moved(host):
    code = (
        "import sys\nfrom maillogsentinel.store.lock import locked\n"
        f"with locked({str(host.directory / 'state')!r}):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        for command in ("reset", "purge"):
            assert host.run(command).returncode == 75
        holder.communicate("")
    assert host.csv.exists()
    assert not archives(host)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_becomes_the_owner_of_the_state_directory(host, reachable):
    state = host.directory / "state"
    for path in [host.directory, state, *state.iterdir()]:
        os.chown(path, 65534, 65534)
    reachable(host.directory)
    silent(host.run("reset"))
    assert {path.stat().st_uid for path in (state / "archive").rglob("*")} == {65534}
