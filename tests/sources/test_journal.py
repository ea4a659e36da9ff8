"""The journal: real files that journalctl reads, and the real program."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import journal_bed
import pytest
from journal_bed import DAY, START, Host, failure, smtpd

from maillogsentinel.errors import SourceError
from maillogsentinel.sources import journal
from maillogsentinel.store import history

pytestmark = pytest.mark.skipif(journal_bed.MISSING, reason=journal_bed.WHY_MISSING)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def users(*numbers):
    return [f"u{number:06d}" for number in numbers]


def test_entries_become_records_and_are_read_once(host):
    host.append([failure(1), smtpd("connect from unknown[192.0.2.1]"), failure(2)])
    assert host.run().records == 2
    assert host.rows()[0][:5] == ["mx1", f"{DAY} 12:00", "192.0.2.1", "u000001", "null"]
    assert host.run().records == 0
    host.append([failure(3)])
    outcome = host.run()
    assert (outcome.records, outcome.notices, outcome.problems, outcome.failed) == (1, [], [], False)
    assert host.users() == users(1, 2, 3)


def test_an_event_has_the_microseconds_of_its_entry(host):
    host.append([{**failure(1), "at": START + 123_457}])
    host.run()
    assert host.query("SELECT stamp, source, server, service, pid FROM event") == [
        (START + 123_457, host.name, "mx1", "submission", 42)
    ]


def test_an_empty_journal_holds_nothing_and_what_comes_later_is_read(host):
    assert host.run().records == 0
    assert host.run().notices == []
    host.append([failure(1)])
    outcome = host.run()
    assert (outcome.records, outcome.notices) == (1, [])


def test_a_journal_without_a_line_of_mail_is_quiet_too(host):
    other = {"MESSAGE": "hello", "SYSLOG_IDENTIFIER": "cron", "SYSLOG_FACILITY": "9"}
    host.append([other])
    host.run()
    host.append([other, failure(1)])
    outcome = host.run()
    assert (outcome.records, outcome.notices) == (1, [])
    assert host.run().records == 0


# -- forms of entries


def test_text_that_is_not_utf_8_or_has_control_characters_comes_as_bytes(host):
    text = "warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: (reason unavailable), sasl_username="
    host.append([smtpd(text.encode() + end) for end in (b"a\xff", "b\x85".encode(), b'c"\\', b"d\x1b[2J", b"")])
    host.run()
    assert [row[3] for row in host.rows()] == ["a\\xFF", "b\\u0085", '"c""\\\\"', "d\\x1B[2J", ""]


def test_the_pid_is_the_sockets_where_syslog_says_none(host):
    fields = failure(1)
    del fields["SYSLOG_PID"]
    host.append([fields, {**failure(2), "SYSLOG_PID": "77"}, {**failure(3), "SYSLOG_PID": "no number"}])
    host.run()
    assert host.query("SELECT pid FROM event") == [(42,), (77,), (None,)]


def test_fields_that_come_twice_or_are_strange_end_no_run(host):
    host.append(
        [
            {**failure(1), "MESSAGE": ["a", "b"]},
            {**failure(2), "MESSAGE": [b"a\xff", "b"]},
            {**failure(3), "SYSLOG_IDENTIFIER": ["postfix/smtpd", "x/smtpd"]},
            {**failure(4), "SYSLOG_PID": ["1", "2"]},
            {**failure(5), "_HOSTNAME": ["a", "b"]},
            {**failure(6), "_HOSTNAME": b"\xff"},
            {name: value for name, value in failure(7).items() if name != "MESSAGE"},
            failure(8),
        ]
    )
    outcome = host.run()
    assert outcome.problems == []
    assert [user for user in host.users() if user != "null"] == users(4, 5, 6, 8)


def test_a_huge_entry_is_passed_over_without_being_held(host, monkeypatch):
    host.append([failure(1), smtpd("x" * 3_000_000), failure(2)])
    host.run()
    host.append([smtpd("y" * 3_000_000)])
    host.run()
    host.append([smtpd(b"\xff" * 2_000_000), failure(3)])
    outcome = host.run()
    assert (outcome.notices, outcome.problems) == ([], [])
    assert host.users() == users(1, 2, 3)


def test_lines_of_any_length_come_whole_however_the_pipe_cuts_them(host, monkeypatch):
    monkeypatch.setattr(journal, "_BLOCK", 1000)
    monkeypatch.setattr(journal, "_LONGEST", 20_000)
    sizes = (1, 600, 990, 1000, 1010, 19_000, 40_000, 1, 21_000, 5)
    host.append([entry for number, size in enumerate(sizes) for entry in (smtpd("z" * size), failure(number))])
    host.run()
    assert host.users() == users(*range(len(sizes)))


# -- selection


def test_other_programs_and_facilities_are_read_where_they_may_matter(host):
    host.append(
        [
            {**failure(1), "SYSLOG_FACILITY": "21", "SYSLOG_IDENTIFIER": "postfix-in/smtpd"},
            {**failure(2), "SYSLOG_FACILITY": "21", "SYSLOG_IDENTIFIER": "mailer"},
            {**failure(3), "SYSLOG_FACILITY": "10", "SYSLOG_IDENTIFIER": "auth"},
        ]
    )
    host.run()
    assert host.users() == users(1)
    arguments = journal.Journal(host.name).selection().matches()
    assert "SYSLOG_IDENTIFIER=postfix-in/smtpd" in arguments
    assert "SYSLOG_IDENTIFIER=mailer" not in arguments
    assert "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e" in arguments


@pytest.mark.parametrize("program", ["postfix/submission/smtpd", "postfix-out/qmgr", "mx1/smtpd"])
def test_the_newest_entry_of_postfix_is_no_other_programs(host, program):
    """Else a busy Dovecot would make a log file look as if nobody wrote it any more."""
    assert journal.Journal(host.name).newest_of_postfix() is None
    others = ("dovecot", "saslauthd", "auth", "systemd-journald", "postfix", "sshd", "x/qmgr", "a postfix/qmgr")
    dropped = {"MESSAGE_ID": "a596d6fe7bfa4994828e72309e95d61e"}
    host.append([{**smtpd("x"), **dropped, "SYSLOG_IDENTIFIER": name} for name in others])
    assert journal.Journal(host.name).newest_of_postfix() is None
    host.append([{**smtpd("x"), "SYSLOG_IDENTIFIER": program}])
    stamp = host.end - 1_000_000
    host.append([{**smtpd("x"), **dropped, "SYSLOG_IDENTIFIER": name} for name in others])
    newest = journal.Journal(host.name).newest_of_postfix()
    assert newest is not None
    assert newest.stamp == stamp


def test_with_too_many_names_of_postfix_the_newest_entry_of_mail_counts(host):
    host.append([{**smtpd("x"), "SYSLOG_IDENTIFIER": f"{n}/smtpd", "SYSLOG_FACILITY": "3"} for n in range(300)])
    host.append([failure(1)])
    stamp = host.end - 1_000_000
    host.append([{**smtpd("x"), "SYSLOG_IDENTIFIER": "sshd", "SYSLOG_FACILITY": "4"}])
    newest = journal.Journal(host.name).newest_of_postfix()
    assert newest is not None
    assert newest.stamp == stamp


def test_names_of_programs_are_no_arguments_and_no_commands(host):
    hostile = ["--output=cat/smtpd", "+/smtpd", "$(touch /tmp/pwned)/smtpd", "'\"/smtpd", "a b/smtpd", "a\nb/smtpd"]
    hostile += ["é/smtpd", b"\xff\xfe/smtpd", "x" * 300 + "/smtpd"]
    host.append([{**failure(1), "SYSLOG_IDENTIFIER": name, "SYSLOG_FACILITY": "3"} for name in hostile] + [failure(2)])
    outcome = host.run()
    assert (outcome.notices, outcome.problems, outcome.failed) == ([], [], False)
    assert host.users()[-1:] == users(2)
    assert not os.path.exists("/tmp/pwned")


def test_with_too_many_names_of_programs_all_is_read(host):
    many = [{**smtpd("x"), "SYSLOG_IDENTIFIER": f"{n}/smtpd", "SYSLOG_FACILITY": "3"} for n in range(70)]
    host.append([failure(1)])
    host.run()
    host.append([*many, {**failure(2), "SYSLOG_IDENTIFIER": "69/smtpd", "SYSLOG_FACILITY": "3"}])
    assert journal.Journal(host.name).selection() == journal.Selection(None)
    host.run()
    host.append([failure(3)])
    outcome = host.run()
    assert outcome.notices == []
    assert host.users() == users(1, 2, 3)


def test_who_logs_under_a_new_name_while_a_run_reads_is_read_by_the_next(host, monkeypatch):
    """The entry is there when the journal is read, but the name was not when the names were."""
    host.append([failure(1)])
    selection = journal.Journal.selection

    def and_then(self):
        found = selection(self)
        host.append([{**failure(2), "SYSLOG_IDENTIFIER": "new/smtpd", "SYSLOG_FACILITY": "3"}, failure(3)])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "selection", and_then)
        host.run()
    assert host.users() == users(1, 3)
    host.append([failure(4)])
    host.run()
    host.run()
    assert host.users() == users(1, 3, 2, 4)


# -- rotation, vacuum, other journals


def test_files_are_read_on_across_rotation_and_boots(host):
    host.append([failure(1)], boot="b1" * 16)
    host.run()
    host.append([failure(2)], boot="b1" * 16)
    host.rotate()
    host.append([failure(3)], boot="b2" * 16)
    host.rotate()
    host.append([failure(4)], boot="b2" * 16)
    outcome = host.run()
    assert outcome.notices == []
    assert host.users() == users(1, 2, 3, 4)
    assert host.run().records == 0


def test_a_clock_that_was_put_back_loses_and_doubles_nothing(host):
    host.append([failure(1), failure(2)])
    host.run()
    host.append([failure(3), failure(4)], start=START - 3_600_000_000, monotonic=2_000_000_000)
    host.run()
    host.append([failure(5)], start=START - 3_500_000_000, monotonic=2_100_000_000)
    outcome = host.run()
    assert outcome.notices == []
    assert host.users() == users(1, 2, 3, 4, 5)


def test_a_cursor_that_was_vacuumed_is_said_and_reading_goes_on_by_time(host):
    host.append([failure(1)])
    host.run()
    host.append([failure(2)])
    host.rotate()
    host.append([failure(3)])
    host.vacuum()
    outcome = host.run()
    (notice,) = outcome.notices
    assert f"entries between {DAY} 12:00 and {DAY} 12:00 may be missing" in notice
    assert host.users() == users(1, 3)
    ((path, start, end, why),) = host.query("SELECT * FROM gap")
    assert (path, start, end) == (host.name, START, START + 2_000_000)
    assert why == "the journal was vacuumed"
    again = host.run()
    assert (again.records, again.notices) == (0, [])


def test_a_vacuum_that_takes_what_has_been_read_is_no_gap(host):
    host.append([failure(1)])
    host.rotate()
    host.append([{"MESSAGE": "hello", "SYSLOG_IDENTIFIER": "cron", "SYSLOG_FACILITY": "9"}])
    host.run()
    host.vacuum()
    host.append([failure(2)])
    outcome = host.run()
    assert (outcome.records, outcome.notices) == (1, [])
    host.append([failure(3)])
    host.run()
    assert host.users() == users(1, 2, 3)
    assert host.query("SELECT * FROM gap") == []


def test_when_the_journal_is_gone_wholly_that_is_said_once(host):
    host.append([failure(1)])
    host.run()
    host.rotate()
    host.vacuum()
    assert len(host.run().notices) == 1
    assert host.run().notices == []
    host.append([failure(2)])
    outcome = host.run()
    assert (outcome.records, outcome.notices) == (1, [])


def test_a_journal_restored_from_a_backup_doubles_nothing(host):
    host.append([failure(1), failure(2)])
    host.run()
    shutil.copytree(host.journal, f"{host.directory}/backup")
    host.append([failure(3), failure(4)])
    host.run()
    shutil.rmtree(host.journal)
    shutil.copytree(f"{host.directory}/backup", host.journal)
    host.append([failure(5)])
    outcome = host.run()
    assert len(outcome.notices) == 1
    assert host.users() == users(1, 2, 3, 4, 5)


def test_a_cursor_that_makes_no_sense_is_a_lost_one(host):
    host.append([failure(1)])
    host.run()
    host.change("UPDATE journal SET cursor = 'x', newest = 'y'")
    host.append([failure(2)])
    outcome = host.run()
    assert (outcome.records, len(outcome.notices)) == (1, 1)


def test_moving_from_run_to_var_gives_entries_other_numbers_but_they_are_the_same(host):
    here = journal.Entry("s=1;i=5;b=7;m=8;t=9;x=a", 9)
    assert here.same("s=2;i=1;b=7;m=8;t=9;x=a")
    assert not here.same("s=1;i=5;b=7;m=8;t=9;x=b")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a journald of our own")
def test_the_machines_journal_is_read_on_when_it_moves_from_run_to_var(host):
    with open(host.config_path, encoding="utf-8") as file:
        text = file.read()
    with open(host.config_path, "w", encoding="utf-8") as file:
        file.write(text.replace(f"mail_log = {host.name}", "mail_log = journal"))
    journald = journal_bed.Journald(flushed=False)

    def log_and_read(number):
        journald.log(failure(number)["MESSAGE"])
        journald.settle()
        command = [sys.executable, "-m", "maillogsentinel", "--config", host.config_path, "extract", "--offline"]
        done = journald.inside(*command, env={**os.environ, "PYTHONPATH": journal_bed.CHECKOUT})
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    try:
        journald.settle()
        log_and_read(1)
        journald.flush()
        log_and_read(2)
        log_and_read(3)
    finally:
        journald.remove()
    assert host.users() == users(1, 2, 3)


# -- coverage and commits on the way


def test_the_time_that_was_read_begins_with_the_oldest_entry(host):
    host.append([failure(1)])
    host.run()
    with contextlib.closing(host.database()) as database:
        until = history.covered_until(database, host.name)
        assert history.not_covered(database, START, until) == []
        assert history.not_covered(database, START - 1, until) != []
    host.append([failure(2)])
    host.run()
    assert len(host.query("SELECT * FROM coverage")) == 1


def test_a_long_journal_is_committed_on_the_way(host, monkeypatch):
    from maillogsentinel import reading

    monkeypatch.setattr(journal, "_BLOCK", 3000)
    monkeypatch.setattr(reading, "BATCH_BYTES", 3000)
    host.append([failure(number) for number in range(50)])
    committed = []
    commit = host.commits(monkeypatch, committed)
    host.run()
    assert len(committed) > 4
    assert commit
    assert host.users() == users(*range(50))


def test_what_was_committed_before_journalctl_failed_stays(host, monkeypatch, tmp_path):
    host.append([failure(number) for number in range(50)])
    real = shutil.which("journalctl")
    fake = tmp_path / "bin"
    fake.mkdir()
    script = fake / "journalctl"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *MESSAGE,*) {real} "$@" | head -c 9000; echo "Bus trouble" >&2; exit 7;; esac\n'
        f'exec {real} "$@"\n'
    )
    script.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
        with pytest.raises(SourceError, match="journalctl ended with status 7: Bus trouble"):
            host.run()
    assert 0 < len(host.rows()) < 50
    assert host.run().notices == []
    assert host.users() == users(*range(50))


# -- what keeps the journal from being read


def test_without_journalctl_the_sentence_says_what_to_install(host, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not journal.Journal(host.name).available()
    with pytest.raises(SourceError, match="Install systemd"):
        host.run()


def test_a_journal_that_may_not_be_read_says_which_group_may(host):
    if os.getuid():
        pytest.skip("needs root, to become somebody else")
    host.append([failure(1)])
    os.chmod(f"{host.journal}/system.journal", 0o600)
    shell = journal_bed.as_nobody(
        f"from maillogsentinel.sources.journal import Journal\nJournal({host.name!r}).newest()\n", host.journal
    )
    assert "SourceError: The journal may not be read by this user. Add the user to the group systemd-journal" in shell


def test_a_journal_whose_directory_may_not_be_looked_into_is_there_all_the_same(host):
    """That of /run is closed to all but its group, whom the sentence about the group is for."""
    if os.getuid():
        pytest.skip("needs root, to become somebody else")
    os.mkdir(f"{host.journal}/{journal_bed.MACHINE}")
    journal_bed.write(f"{host.journal}/{journal_bed.MACHINE}/system.journal", [failure(1)])
    os.chmod(f"{host.journal}/{journal_bed.MACHINE}", 0o700)
    shell = journal_bed.as_nobody(
        f"from maillogsentinel.sources.journal import Journal\njournal = Journal({host.name!r})\n"
        "assert journal.available()\njournal.newest()\n",
        host.journal,
    )
    assert "SourceError: The journal may not be read by this user. Add the user to the group systemd-journal" in shell


QUIET_HOST = """
mount -t tmpfs tmpfs /var/log && mkdir /var/log/journal && mount --bind "$1/journal" /var/log/journal
echo "$2 mx1 postfix/qmgr[7]: x" > /var/log/mail.log
run="setpriv --reuid=65534 --regid=65534 --clear-groups $3 -m maillogsentinel --config $1/test.conf"
chmod 700 "$1/journal/"*
$run extract --offline
$run extract --offline
$run status --json
echo =====
chmod -R a+rX "$1/journal/"
$run extract --offline
$run status --json
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a /var/log of its own")
def test_auto_says_that_it_cannot_see_whether_the_journal_took_over(host):
    with open("/etc/machine-id", encoding="ascii") as file:
        machine = file.read().strip()
    journal_bed.write(f"{host.journal}/{machine}/system.journal", [failure(1)], start=START)
    with open(host.config_path, encoding="utf-8") as file:
        text = file.read()
    with open(host.config_path, "w", encoding="utf-8") as file:
        file.write(text.replace(f"mail_log = {host.name}", "mail_log = auto"))
    os.mkdir(f"{host.directory}/state")
    os.chown(f"{host.directory}/state", 65534, 65534)
    journal_bed.as_nobody("", host.directory)
    done = subprocess.run(
        [*journal_bed.NAMESPACE, "sh", "-euc", QUIET_HOST, "sh", host.directory, f"{DAY}T08:00:00Z", sys.executable],
        capture_output=True,
        check=False,
        cwd="/",
        env={**os.environ, "PYTHONPATH": journal_bed.CHECKOUT, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.decode().splitlines()
    assert first.startswith("maillogsentinel: Nothing came into /var/log/mail.log for an hour, and the journal")
    assert "Add the user to the group systemd-journal" in first
    assert "Now reading journal in place of /var/log/mail.log" in second
    before, after = map(json.loads, done.stdout.split(b"====="))
    assert [problem for problem in before["problems"] if "for an hour" in problem] == [first.partition(": ")[2]]
    assert not any("for an hour" in problem for problem in after["problems"])
    assert host.users() == users(1)


def test_a_damaged_file_is_told_and_the_others_are_read(host):
    host.append([failure(1)])
    host.rotate()
    host.append([failure(2)])
    with open(f"{host.journal}/{host.archived()[0]}", "r+b") as file:
        file.truncate(100_000)
    outcome = host.run()
    (problem,) = outcome.problems
    assert "is damaged, its entries cannot be read" in problem
    assert host.users() == users(2)


def test_a_directory_that_is_not_there_is_said(host):
    shutil.rmtree(host.journal)
    with pytest.raises(SourceError, match="No such file or directory"):
        host.run()


def test_no_child_is_left_behind(host):
    host.append([failure(number) for number in range(3000)])
    with journal.Journal(host.name).read(journal.Selection(None)) as output:
        next(output.blocks())
        child = output._child
    assert child.returncode is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, os.WNOHANG)


def test_the_journals_json_may_hold_any_text(host):
    """The short cut past json takes apart the same as json does."""
    from maillogsentinel.parse import header

    host.append([failure(1), smtpd('a "quoted" SYSLOG_PID":"1'), smtpd("a\\b"), smtpd(""), smtpd("é\U0001f600")])
    with journal.Journal(host.name).read(journal.Selection(None)) as output:
        lines = [line for block in output.blocks() for line in block.data[block.begin : block.end].splitlines()]
    assert len(lines) == 5
    for line in lines:
        slow = header._any_json(line, None, True)
        assert slow.message == json.loads(line)["MESSAGE"].encode()
        assert header._plain_json(line) in (None, slow)
    assert header._plain_json(lines[0]) is not None
