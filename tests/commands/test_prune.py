"""prune: what goes, what stays, what is said, and that nothing of it comes back."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from maillogsentinel import config, retention
from maillogsentinel.report.rows import Committed
from maillogsentinel.store.database import Database


def day(ago):
    return (datetime.now(UTC) - timedelta(days=ago)).strftime("%Y-%m-%d")


def failures(ago, count=2, name="u"):
    return "".join(
        f"{day(ago)}T0{number}:00:00+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.{number}]: SASL LOGIN"
        f" authentication failed: x, sasl_username={name}{ago}-{number}\n"
        for number in range(count)
    )


@pytest.fixture
def host(installation):
    """An installation with two records of each of five days, and logins of three."""
    log = "".join(map(failures, (90, 60, 31, 30, 1)))
    for ago in (90, 31, 1):
        log += (
            f"{day(ago)}T10:00:00+00:00 mx postfix/smtpd[2]: 4XyZ: client=unknown[198.51.100.{ago}],"
            f" sasl_method=PLAIN, sasl_username=person{ago}\n"
            f"{day(ago)}T11:00:00+00:00 mx postfix/smtpd[3]: warning: unknown[192.0.2.9]: SASL PLAIN authentication"
            " failed: Connection lost to authentication server\n"
        )
    installation.log.write_text(log)
    installation.extract()
    return installation


def users(host):
    return [row["user"] for row in host.rows()]


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


YOUNG = ["u30-0", "u30-1", "u1-0", "u1-1"]


def test_whole_days_older_than_that_go_and_nothing_of_them_is_left_in_the_state(host):
    silent(host.run("prune", "--older-than", "30"))
    assert users(host) == YOUNG
    state = (host.state / "state.db").read_bytes()
    for gone in ("u90-", "u60-", "u31-", "person90", "person31", day(90), day(60)):
        assert gone.encode() not in state, gone
    assert b"person1" in state
    assert oct(host.csv.stat().st_mode & 0o777) == "0o640"
    silent(host.run("prune", "--older-than", "30"))
    assert users(host) == YOUNG
    assert sorted(path.name for path in host.state.iterdir()) == ["lock", "maillogsentinel.csv", "state.db"]


def test_dry_run_says_what_would_go_and_changes_nothing(host):
    before = {path.name: path.read_bytes() for path in host.state.iterdir()}
    archive = host.state / "archive/reset-20200101-000000"
    archive.mkdir(parents=True)
    os.utime(archive, (0, 0))
    foreign = host.state / "maillogsentinel.csv.foreign-20250101"
    foreign.write_text("x")
    (host.state / "all.csv.rejected").write_text("x")
    done = host.run("prune", "--older-than", "30", "--dry-run")
    assert done.stdout.decode().splitlines() == [
        f"6 records of 3 days ({day(90)} to {day(31)}) would go from {host.csv}",
        f"Would be deleted: {archive}",
        f"Left alone, may hold older records: {host.state}/all.csv.rejected",
        f"Left alone, may hold older records: {foreign}",
    ]
    assert {path.name: path.read_bytes() for path in host.state.iterdir() if path.name in before} == before
    silent(host.run("prune", "--older-than", "30"))
    assert not archive.exists()
    assert foreign.exists()
    assert host.run("prune", "--older-than", "30", "--dry-run").stdout == b""


def test_what_was_pruned_does_not_come_back_and_the_run_says_so_once(host):
    host.run("prune", "--older-than", "30")
    old = host.directory / "old.log"
    old.write_text(failures(90, name="again") + failures(1, name="again") + failures(60, name="again"))
    done = host.run("extract", "--offline", "--mail-log", str(old))
    assert done.stderr.decode() == (
        f"maillogsentinel: 4 failures of before {day(30)} 00:00 were read and not recorded: records that old were"
        " pruned (see prune in maillogsentinel(8)).\n"
    )
    assert users(host) == [*YOUNG, "again1-0", "again1-1"]
    silent(host.run("extract", "--offline", "--mail-log", str(old)))
    # The same log under another name, and the log itself restored from a backup.
    text = host.log.read_text()
    host.log.unlink()
    host.run("extract", "--offline")
    host.log.write_text(text)
    host.run("extract", "--offline")
    assert users(host) == [*YOUNG, "again1-0", "again1-1"]
    report = json.loads(host.run("report", "--stdout", "--format", "json", "--day", day(90)).stdout)
    assert report["coverage"] == "none"


def test_a_reset_forgets_that_anything_was_pruned(host):
    host.run("prune", "--older-than", "30")
    silent(host.run("reset"))
    host.extract()
    assert len(users(host)) == 10


@pytest.mark.parametrize("form", ["text", "html"])
def test_a_pruned_day_is_not_shown_as_a_quiet_one(host, form):
    host.run("prune", "--older-than", "30")
    said = host.run("report", "--stdout", "--format", form, "--day", day(60)).stdout.decode()
    assert "not known" in said.lower()
    assert "no log of these days was read" not in said
    assert f"Records of before {day(30)} are not kept." in said
    assert "records that old are not kept" in said
    assert "No login failed" not in said
    assert "failed logins on" not in said.replace("MailLogSentinel: failed logins on", "")
    span = host.run("report", "--stdout", "--format", form, "--since", day(60)).stdout.decode()
    total = f"Total attempts from {day(60)} to {day(0)}: 4" if form == "text" else ">4</"
    assert total in span
    assert "Not everything that was logged" in span


def test_a_pruned_day_has_no_number_for_other_programs(host):
    host.run("prune", "--older-than", "30")
    found = json.loads(host.run("report", "--stdout", "--format", "json", "--day", day(60)).stdout)
    assert (found["coverage"], found["total"], found["kept_since"]) == ("none", None, day(30))
    assert [gap["why"] for gap in found["not_covered"]] == ["records that old are not kept"]
    assert found["troubles"] == []
    found = json.loads(host.run("report", "--stdout", "--format", "json", "--day", day(1)).stdout)
    assert (found["total"], found["kept_since"]) == (2, None)
    status = json.loads(host.run("status", "--json").stdout)
    assert status["kept_since"] == f"{day(30)} 00:00:00"
    assert status["csv"]["records"] == 4


def test_an_edited_csv_is_taken_as_it_is_and_what_somebody_added_stays(host):
    with open(host.csv, "a") as file:
        file.write("a note\n")
        file.write(f'"x, y",{day(90)} 01:00,192.0.2.1,theirs,null,Skipped,null,null,null\n')
    done = host.run("prune", "--older-than", "30")
    assert done.returncode == 0
    assert b"was changed by somebody else; it is taken as it is now (11 records)" in done.stderr
    assert host.csv.read_bytes().endswith(b"a note\n")
    assert users(host)[:4] == YOUNG


def test_a_csv_whose_state_was_lost_is_pruned_and_nothing_is_recorded_again(host):
    (host.state / "state.db").unlink()
    done = host.run("prune", "--older-than", "30")
    assert b"was found; its records are kept (10 records)" in done.stderr
    assert users(host) == YOUNG
    done = host.run("extract", "--offline")
    assert b"6 failures of before" in done.stderr
    assert users(host) == YOUNG
    host.extract()
    assert users(host) == YOUNG


def test_a_batch_that_was_announced_is_written_before_anything_is_pruned(host):
    with open(host.log, "a") as file:
        file.write(failures(60, name="late") + failures(2, name="late"))
    child = os.fork()
    if not child:
        from maillogsentinel.commands.extract import extract

        os.fdatasync = lambda _: os._exit(9)  # how the CSV is synced, but not state.db
        extract(config.load(str(host.config)), None, offline=True, wait=False)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    os.truncate(host.csv, host.csv.stat().st_size - 50)
    silent(host.run("prune", "--older-than", "30"))
    assert users(host) == [*YOUNG, "late2-0", "late2-1"]
    host.extract()
    assert users(host) == [*YOUNG, "late2-0", "late2-1"]


def test_a_line_longer_than_any_record_stays_whatever_its_middle_looks_like(host):
    block = f"x,{day(90)} 01:00,192.0.2.1,u,null,Skipped,null,null,null".ljust(1 << 20)
    with open(host.csv, "a") as file:
        file.write("y".ljust(1 << 20) + block + block + "\n")
    size = host.csv.stat().st_size
    host.run("prune", "--older-than", "30")
    assert size - 1000 < host.csv.stat().st_size < size


def test_a_held_lock_is_exit_status_75_and_nothing_goes(host):
    code = (
        "import sys\nfrom maillogsentinel.store.lock import locked\n"
        f"with locked({str(host.state)!r}):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert host.run("prune", "--older-than", "30").returncode == 75
        assert len(users(host)) == 10
        holder.communicate(b"")


def test_two_at_once_make_one_prune(host):
    command = [sys.executable, "-m", "maillogsentinel", "--config", str(host.config), "prune", "--older-than", "30"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert 0 in [process.returncode for process in both]
    assert {process.returncode for process in both} <= {0, 75}, said
    assert users(host) == YOUNG


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "99999999"])
def test_what_is_no_number_of_days_is_wrong_usage(host, days):
    done = host.run("prune", f"--older-than={days}")
    assert done.returncode == 2
    assert b"allowed is a whole number from 1 to 36500" in done.stderr
    assert host.run("prune").returncode == 2


def test_before_the_first_run_there_is_nothing_to_prune(installation):
    silent(installation.run("prune", "--older-than", "30"))
    silent(installation.run("prune", "--older-than", "30", "--dry-run"))
    assert not installation.csv.exists()


def test_a_terminal_is_told_how_much_went(host):
    script = f"{sys.executable} -m maillogsentinel --config {host.config} prune --older-than 30"
    done = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"6 records of 3 days ({day(90)} to {day(31)}) are gone from {host.csv}"


@pytest.mark.skipif(not os.path.exists("/usr/bin/prlimit"), reason="needs the package util-linux")
def test_a_full_disk_changes_nothing(host):
    host.config.write_text(host.config.read_text().replace(f"log_file = {host.directory}/own.log", "log_file ="))
    with open(host.log, "a") as file:
        file.write(failures(2, count=9) * 50)
    host.extract()
    before = host.csv.read_bytes()
    command = [sys.executable, "-m", "maillogsentinel", "--config", str(host.config), "prune", "--older-than", "30"]
    done = subprocess.run(["prlimit", "--fsize=20000", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert host.csv.read_bytes() == before
    assert not os.path.exists(f"{host.csv}.pruned")
    host.extract()
    silent(host.run("prune", "--older-than", "30"))
    assert len(users(host)) == len(YOUNG) + 450


def test_a_report_that_a_prune_overtakes_attaches_what_is_committed(host):
    database = Database(str(host.state))
    records = Committed(database, ",")
    silent(host.run("prune", "--older-than", "30"))
    pruned = host.csv.read_bytes()
    with open(host.csv, "ab") as file:
        file.write(b"mx,2025-0")  # a batch that is being written
    assert records.whole() == pruned
    database.close()


def test_readers_after_a_prune_that_was_killed_before_the_new_csv_was_in_place_say_so(host):
    whole = host.csv.read_bytes()
    child = os.fork()
    if not child:
        os.rename = lambda *_: os._exit(9)
        retention.prune(config.load(str(host.config)), 30, wait=False)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert host.csv.read_bytes() == whole
    for command in (("export", "csv"), ("report", "--stdout", "--day", day(1))):
        done = host.run(*command)
        assert done.returncode == 1
        assert b"was replaced since the last extract. The next one puts it right" in done.stderr
        assert done.stderr.count(b"\n") == 1
    host.extract()
    assert users(host) == YOUNG
    assert host.run("export", "csv").stdout == host.csv.read_bytes()


def test_a_csv_that_somebody_wrote_into_before_the_new_one_was_in_place_stays(host):
    child = os.fork()
    if not child:
        os.rename = lambda *_: os._exit(9)
        retention.prune(config.load(str(host.config)), 30, wait=False)
        os._exit(0)
    os.waitpid(child, 0)
    with open(host.csv, "a") as file:
        file.write("a note\n")
    done = host.run("extract", "--offline")
    assert b"was changed by somebody else; it is taken as it is now (10 records)" in done.stderr
    assert host.csv.read_bytes().endswith(b"a note\n")
    assert sorted(path.name for path in host.state.iterdir() if path.name != "complaints") == [
        "lock",
        "maillogsentinel.csv",
        "state.db",
    ]
    silent(host.run("prune", "--older-than", "30"))
    assert users(host) == [*YOUNG, None]
    assert host.csv.read_bytes().endswith(b"a note\n")


def test_a_csv_that_somebody_changes_while_it_is_read_stays_and_the_run_says_so(host, monkeypatch):
    from maillogsentinel.errors import StoreError
    from maillogsentinel.store import rewriting

    def written_into(directory):
        with open(host.csv, "a") as file:
            file.write("a note\n")

    monkeypatch.setattr(rewriting, "sync_directory", written_into)
    with pytest.raises(StoreError, match=r"was changed by somebody else while it was read; nothing was pruned\."):
        retention.prune(config.load(str(host.config)), 30, wait=False)
    assert len(users(host)) == 11
    assert not os.path.exists(f"{host.csv}.pruned")


# -- days


def test_days_are_those_of_the_time_zone_through_its_change_of_clocks(installation, monkeypatch):
    # In Paris the clocks went back on 2026-10-25: that day has 25 hours, from 22:00 UTC to 23:00 UTC.
    stamps = ("2026-10-24T21:59:59", "2026-10-24T22:00:00", "2026-10-25T22:59:59", "2026-10-25T23:00:00")
    installation.log.write_text(
        "".join(
            f"{stamp}+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x,"
            f" sasl_username=u{number}\n"
            for number, stamp in enumerate(stamps)
        )
    )
    installation.config.write_text(installation.config.read_text().replace("= UTC", "= Europe/Paris"))
    installation.extract()
    settings = config.load(str(installation.config))
    for today, left in (("2026-10-26", [1, 2, 3]), ("2026-10-27", [3]), ("2026-10-28", [])):
        noon = int(datetime.fromisoformat(f"{today}T12:00:00+00:00").timestamp()) * 1_000_000
        monkeypatch.setattr(retention, "now", lambda noon=noon: noon)
        retention.prune(settings, 1, wait=False)
        assert users(installation) == [f"u{number}" for number in left]


def test_another_time_zone_brings_nothing_back(host):
    host.run("prune", "--older-than", "30")
    host.config.write_text(host.config.read_text().replace("= UTC", "= Pacific/Kiritimati"))
    old = host.directory / "old.log"
    old.write_text(failures(31, count=9, name="again"))
    host.run("extract", "--offline", "--mail-log", str(old))
    assert users(host) == YOUNG


# -- each night


@pytest.fixture
def nightly(host, tmp_path):
    """A host that keeps 30 days, and whose mails go into a directory."""
    mails = tmp_path / "mails"
    mails.mkdir()
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(f"#!/bin/sh\ncat > {mails}/$$\n")
    sendmail.chmod(0o755)
    host.configure(
        f"[report]\nsendmail_path = {sendmail}\n[retention]\nrecords_days = 30\n[reverse_dns]\nenabled = no\n"
    )
    host.mails, host.sendmail = mails, sendmail
    return host


def test_report_due_prunes_when_the_mails_have_gone(nightly):
    done = nightly.run("report", "--due")
    assert (done.returncode, done.stderr) == (0, b"")
    (mail,) = nightly.mails.iterdir()
    assert f"from {day(90)} to {day(1)}".encode() in mail.read_bytes()
    assert users(nightly) == YOUNG
    silent(nightly.run("report", "--due"))
    assert len(list(nightly.mails.iterdir())) == 1


def test_report_due_prunes_also_where_no_mail_can_go(nightly):
    nightly.sendmail.write_text("#!/bin/sh\nexit 75\n")
    done = nightly.run("report", "--due")
    assert done.returncode == 1
    assert b"Cannot hand over the mail" in done.stderr
    assert users(nightly) == YOUNG


def test_a_clock_that_jumped_ahead_costs_nothing_in_its_first_night(nightly, monkeypatch):
    settings = config.load(str(nightly.config))
    assert retention.keep(settings) == []
    assert users(nightly) == YOUNG
    real = time.time_ns() // 1000
    monkeypatch.setattr(retention, "now", lambda: real + 400 * 86_400_000_000)
    (said,) = retention.keep(settings)
    assert said.startswith("It is 400 days since")
    assert users(nightly) == YOUNG
    monkeypatch.setattr(retention, "now", lambda: real)
    assert retention.keep(settings) == []
    assert users(nightly) == YOUNG


def test_a_prune_with_a_clock_that_was_ahead_keeps_no_new_record_out(host, monkeypatch):
    real = time.time_ns() // 1000
    monkeypatch.setattr(retention, "now", lambda: real + 400 * 86_400_000_000)
    retention.prune(config.load(str(host.config)), 30, wait=False)
    assert users(host) == []
    with open(host.log, "a") as file:
        file.write(failures(0, count=1, name="new"))
    host.extract()
    assert users(host) == ["new0-0"]
