"""From lines of the log to an alert, by the program as it is run."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))

import journal_bed

from maillogsentinel.detect.left_out import NOT_YET
from maillogsentinel.store.lock import ALERTING, locked
from tests.report.smtp_sink import Sink

HOUR = 3600
DAY = 86_400

pytestmark = pytest.mark.slow


# -- what is told


def test_the_run_that_reads_an_attack_tells_it_by_mail_to_the_command_and_in_the_log(host):
    host.begun().attack("192.0.2.7")
    done = host.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (mail,) = host.mails()
    assert mail["To"] == "reports@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert host.subjects() == [f"WARNING on {mail['From'].addresses[0].domain}: 192.0.2.7 tries many users"]
    assert mail.get_content_type() == "text/plain"
    assert "WARNING: The address 192.0.2.7 tried 3 different users" in mail.get_content()
    (line,) = host.logged()
    assert host.commanded() == [line]
    assert (line["kind"], line["severity"], line["subject"]) == ("spraying", "warning", "192.0.2.7")
    assert (line["attempts"], line["users"], line["addresses"]) == (3, 3, 1)
    assert (host.alert_log.stat().st_mode & 0o777) == 0o640


def test_a_run_with_nothing_new_tells_nothing_again(host):
    host.begun().attack()
    host.extract()
    host.extract()
    assert (len(host.mails()), len(host.commanded()), len(host.logged())) == (1, 1, 1)


def test_all_alerts_of_a_run_are_one_mail_whose_subject_has_the_gravest(host):
    host.begun().attack("192.0.2.7", 3)
    host.attack("198.51.100.7", 5)
    host.extract()
    (subject,) = host.subjects()
    assert subject.endswith(": 198.51.100.7 tries many users, and 1 more")
    text = host.mails()[0].get_content()
    assert text.index("198.51.100.7") < text.index("192.0.2.7")
    assert [line["subject"] for line in host.logged()] == ["198.51.100.7", "192.0.2.7"]


def test_alerts_have_a_recipient_of_their_own(host):
    host.configure("email = oncall@example.org, boss@example.org\n")
    host.begun().attack()
    host.extract()
    assert host.mails()[0]["To"] == "oncall@example.org, boss@example.org"


def test_what_several_runs_read_is_seen_together(host):
    host.begun()
    for _ in range(3):
        assert host.mails() == []
        host.attack(users=1)
        host.extract()
    assert len(host.mails()) == 1


def test_what_is_below_the_minimum_is_kept_for_the_report_and_not_told(host):
    host.configure(minimum="critical")
    host.begun().attack()
    host.extract()
    assert (host.mails(), host.commanded(), host.logged()) == ([], [], [])
    assert host.database().execute("SELECT kind, subject FROM finding").fetchall() == [("spraying", "192.0.2.7")]


def test_with_alerts_off_nothing_is_looked_for_until_the_report(host):
    host.configure("enabled = no\n")
    host.begun().attack()
    host.extract()
    assert host.database().execute("SELECT count(*) FROM finding").fetchone() == (0,)
    assert host.run("report", "--due").returncode == 0
    assert host.database().execute("SELECT kind FROM finding").fetchall() == [("spraying",)]
    assert (host.mails(), host.logged(), host.status()) == ([], [], None)


def test_with_alerts_off_a_report_says_that_logins_were_not_looked_at_yet(host):
    host.configure("enabled = no\n")
    host.begun().login()
    host.extract()
    assert NOT_YET.encode() in host.run("report", "--stdout").stdout
    host.configure()
    host.extract()
    assert b"looked" not in host.run("report", "--stdout").stdout


def test_alerts_that_are_turned_off_leave_nothing_due(host):
    host.sendmail = host.script("broken", "exit 75")
    host.configure()
    host.begun().attack()
    assert host.run().returncode == 1
    host.configure("enabled = no\n")
    host.extract()
    assert host.run("report", "--due").returncode == 0
    host.configure()
    host.attack("198.51.100.7")
    host.run()
    assert host.database().execute("SELECT subject, due > 0 FROM alert").fetchall()[0] == ("192.0.2.7", 0)


def test_report_due_tells_alerts_as_extract_does(host):
    host.begun().attack()
    done = host.run("report", "--due")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [subject for subject in host.subjects() if "tries many users" in subject]


def test_several_logs_are_seen_together_and_servers_are_named(host):
    other = host.directory / "other.log"
    host.configure()
    text = host.installation.config.read_text()
    host.installation.config.write_text(text.replace(f"mail_log = {host.log}", f"mail_log = {host.log} {other}"))
    other.touch()
    host.begun().attack(users=2)
    mine, host.log = host.log, other
    host.attack(users=2, host="mx2")
    host.log = mine
    host.extract()
    (line,) = host.logged()
    assert (line["users"], line["servers"]) == (4, ["mx", "mx2"])


@pytest.mark.skipif(journal_bed.MISSING, reason=journal_bed.WHY_MISSING)
def test_a_burst_is_told_while_it_lasts_but_none_of_the_allow_list(host):
    allow = "[detection]\nallow_networks = 203.0.113.0/24\n"
    host.configure(detection=allow)
    for hours in range(9 * 24, 24, -6):
        host.attack("192.0.2.1", 2, ago=hours * HOUR)
    host.extract()
    assert host.run("report", "--day", "yesterday", "--stdout").returncode == 0  # as each night
    line = "warning: unknown[{}]: SASL LOGIN authentication failed: x, sasl_username=bob\n"
    host.write(line.format("203.0.113.7") * 700)
    host.extract()
    assert host.logged() == []
    assert b"there were" not in host.run("report", "--stdout").stdout
    host.write(line.format("192.0.2.7") * 700)
    host.extract()
    (alert,) = host.logged()
    assert (alert["kind"], alert["severity"]) == ("burst", "warning")
    assert f"{alert['sentence']}\n".encode() in host.run("report", "--stdout").stdout


def test_what_stands_in_the_journal_is_told_as_well(host):
    journal = host.directory / "journal"
    text = host.installation.config.read_text()
    host.installation.config.write_text(text.replace(f"mail_log = {host.log}", f"mail_log = journal:{journal}"))
    begin = (time.time_ns() // 1000) - 120_000_000
    journal_bed.write(f"{journal}/system.journal", [journal_bed.smtpd("connect from unknown[192.0.2.7]")], start=begin)
    host.extract()
    failures = [journal_bed.failure(number) for number in range(3)]
    for entry in failures:
        entry["MESSAGE"] = re.sub(r"192\.0\.2\.\d+", "192.0.2.7", entry["MESSAGE"])
    journal_bed.write(f"{journal}/system.journal", failures, start=begin + 60_000_000)
    host.extract()
    assert [line["subject"] for line in host.logged()] == ["192.0.2.7"]
    host.extract()
    assert len(host.mails()) == 1


# -- what it costs


def test_after_a_look_that_took_long_the_next_one_waits_and_comes_even_if_nothing_is_new(host):
    host.begun()
    host.login(ip="192.0.2.200", ago=9 * DAY)
    took = json.dumps([time.time_ns() // 1000, 30_000_000])
    host.change("INSERT OR REPLACE INTO meta VALUES ('patterns_took', ?)", took)
    host.attack()
    host.write("warning: unknown[203.0.113.99]: SASL LOGIN authentication failed: x, sasl_username=alice\n" * 40, ago=9)
    host.login("alice", "203.0.113.99")
    host.extract()
    assert [line["kind"] for line in host.logged()] == ["login"]
    host.change("UPDATE meta SET value = ? WHERE key = 'patterns_took'", took.replace(" 30", " 3"))
    host.extract()
    assert [line["kind"] for line in host.logged()] == ["login", "spraying"]


def test_a_run_with_nothing_new_imports_nothing_of_it_even_if_an_alert_was(host):
    host.begun().attack()
    host.extract()
    script = (
        "import sys; from maillogsentinel.cli import main; status = main();"
        " print(status, [name for name in sys.modules if '.detect' in name or '.alerting' in name])"
    )
    command = [sys.executable, "-c", script, "--config", str(host.installation.config), "extract", "--offline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0 []\n", "")


# -- logins


def test_a_login_after_many_failures_is_told_and_names_the_user(host):
    host.configure(minimum="critical")
    host.begun()
    host.login(ip="192.0.2.200", ago=9 * DAY)
    host.extract()
    host.write("warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x, sasl_username=alice\n" * 40, ago=60)
    host.login("alice", "203.0.113.9")
    host.extract()
    (line,) = host.logged()
    assert (line["kind"], line["severity"], line["subject"]) == ("login", "critical", "alice")
    assert host.subjects()[0].startswith("CRITICAL on ")
    host.login("alice", "203.0.113.9")
    host.extract()
    assert len(host.logged()) == 1


def test_as_shipped_a_login_after_failures_is_told_also_of_an_account_that_nobody_used(host):
    host.installation.configure(
        f"[report]\nemail = root\nsendmail_path = {host.sendmail}\n[reverse_dns]\nenabled = no\n"
    )
    host.begun()
    host.login(ip="192.0.2.200", ago=9 * DAY)
    host.extract()
    failed = "warning: unknown[198.51.100.9]: SASL LOGIN authentication failed: x, sasl_username={}\n"
    host.write(failed.format("alice") * 10, ago=60)
    host.login("alice", "198.51.100.9")
    host.extract()
    assert [(line["severity"], line["subject"]) for line in host.logged()] == [("warning", "alice")]
    host.write(failed.format("scanner").replace("100.9", "100.10") * 100, ago=60)
    host.login("scanner", "198.51.100.10")
    host.extract()
    assert [(line["severity"], line["subject"]) for line in host.logged()[1:]] == [("critical", "scanner")]
    assert len(host.mails()) == 2


def test_a_guessed_password_is_told_on_the_day_of_the_installation(host):
    host.begun()
    failed = "warning: unknown[198.51.100.9]: SASL LOGIN authentication failed: x, sasl_username=alice\n"
    host.write(failed * 15, ago=60)
    host.login("alice", "198.51.100.9")
    host.login("bob", "192.0.2.9")
    host.extract()
    assert [(line["severity"], line["subject"]) for line in host.logged()] == [("warning", "alice")]


def test_without_memory_of_logins_failures_are_looked_at_and_no_login_is_kept(host):
    host.begun().login()
    host.extract()
    host.change("INSERT INTO finding (kind, subject, last) VALUES ('login', 'alice', 1 << 60)")
    host.change("INSERT INTO alert (kind, subject, due) VALUES ('login', 'alice', 0)")
    host.configure(more="[logins]\nremember = no\n")
    host.login("bob", "203.0.113.77")
    host.attack()
    host.extract()
    assert [line["kind"] for line in host.logged()] == ["spraying"]
    for table in ("login", "new_login", "finding WHERE kind = 'login'", "alert WHERE kind = 'login'"):
        assert host.database().execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert b"alice" not in (host.installation.state / "state.db").read_bytes()


# -- what is not told


def test_the_first_run_sums_up_what_it_finds_in_one_mail_and_nowhere_else(host):
    for number in range(40):
        host.attack(f"198.51.{number}.3", users=3)
    host.extract()
    (mail,) = host.mails()
    assert host.subjects()[0].startswith("First look at ")
    assert host.subjects()[0].endswith(": 40 findings")
    text = mail.get_content()
    assert text.count("WARNING: ") == 30
    assert "And 10 more; the daily report has the gravest of them." in text
    assert (host.commanded(), host.logged()) == ([], [])
    host.attack("198.51.2.3", users=1)
    host.extract()
    assert len(host.mails()) == 1
    host.attack("192.0.2.99", users=3)
    host.extract()
    assert [line["subject"] for line in host.logged()] == ["192.0.2.99"]


def test_a_first_run_that_finds_nothing_mails_nothing_and_later_ones_tell(host):
    host.attack(users=2)
    host.extract()
    assert host.mails() == []
    host.attack(users=1)
    host.extract()
    assert len(host.mails()) == 1
    assert "First look" not in host.subjects()[0]


def test_what_is_older_than_a_day_is_not_told(host):
    host.begun().attack(ago=DAY + HOUR)
    host.extract()
    assert (host.mails(), host.logged()) == ([], [])


def test_an_attack_that_has_ended_is_not_told_again_because_others_fail(host):
    host.configure("quiet_hours = 1\n")
    host.begun().attack(ago=20 * HOUR)
    host.extract()
    host.change("UPDATE alert SET since = since - 2 * 3600000000")
    host.attack("198.51.100.7", users=1)
    host.extract()
    assert len(host.mails()) == 1


# -- the quiet time


def test_the_same_is_told_again_when_the_quiet_time_is_over(host):
    host.begun().attack()
    host.extract()
    host.change("UPDATE alert SET since = since - 23 * 3600000000")
    host.attack()
    host.extract()
    assert len(host.mails()) == 1
    host.change("UPDATE alert SET since = since - 3600000000")
    host.attack()
    host.extract()
    assert len(host.mails()) == 2


def test_the_same_is_told_again_when_it_has_become_more_severe(host):
    host.configure(minimum="notice", detection="[detection]\naddress_users = 3\nwarning_factor = 3\n")
    host.begun().attack()
    host.extract()
    host.attack()
    host.extract()
    assert [line["severity"] for line in host.logged()] == ["notice"]
    host.attack()
    host.extract()
    assert [line["severity"] for line in host.logged()] == ["notice", "warning"]


def test_a_clock_that_was_ahead_makes_no_silence_for_ever(host):
    host.begun().attack()
    host.extract()
    year = 365 * DAY * 1_000_000
    host.change("UPDATE alert SET at = at + ?, since = since + ?", year, year)
    boot, uptime, wall = json.loads(host.database().execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()[0])
    host.change("UPDATE meta SET value = ? WHERE key = 'clock'", json.dumps([boot, uptime, wall + year]))
    host.attack()
    assert "This host's clock was set back by about 365 days: alerts go by the new time" in host.complaint()
    assert len(host.mails()) == 1
    host.change("UPDATE alert SET since = since - 25 * 3600000000")
    host.attack()
    host.extract()
    assert len(host.mails()) == 2


def test_a_clock_that_was_set_forward_is_said_and_makes_no_storm(host):
    host.begun().attack()
    host.extract()
    boot, uptime, wall = json.loads(host.database().execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()[0])
    host.change(
        "UPDATE meta SET value = ? WHERE key = 'clock'", json.dumps([boot, uptime, wall - 5 * HOUR * 1_000_000])
    )
    host.attack()
    assert "This host's clock was set forward by about 5 hours" in host.complaint()
    assert len(host.mails()) == 1


def test_lines_of_a_clock_that_is_days_ahead_make_no_alert_and_hide_none(host):
    host.begun().attack("198.51.100.7", ago=-3 * DAY)
    host.extract()
    assert host.mails() == []
    host.attack()
    host.extract()
    assert [line["subject"] for line in host.logged()] == ["192.0.2.7"]


# -- mails that cannot be handed over


@pytest.mark.parametrize("reply", ["452 4.2.2 mailbox full", "552 5.2.2 mailbox full"])
def test_a_full_mailbox_keeps_the_alert_due_is_told_once_a_day_and_hinders_nothing_else(reply, host):
    with Sink(replies={"RCPT reports@example.org": reply}) as sink:
        host.configure(report=f"transport = smtp\nsmtp_host = 127.0.0.1\nsmtp_port = {sink.port}\n")
        host.begun().attack()
        sentence = host.complaint(status=1)
        assert sentence.startswith("maillogsentinel: Alerts stay due. Cannot hand over the mail: ")
        assert "mailbox full" in sentence
        assert (len(host.commanded()), len(host.logged())) == (1, 1)
        assert host.status()["due"] == 1
        done = host.run()
        assert (done.returncode, done.stderr) == (1, b"")
        sink.replies.clear()
        host.extract()
        assert len(sink.mails) == 1
        assert (len(host.commanded()), len(host.logged()), host.status()["due"]) == (1, 1, 0)
        host.extract()
        assert len(sink.mails) == 1


def test_what_came_meanwhile_goes_with_the_mail_that_was_kept_back(host):
    good, host.sendmail = host.sendmail, host.script("broken", "exit 75")
    host.configure()
    host.begun().attack()
    host.run()
    host.sendmail = good
    host.configure()
    host.attack("198.51.100.7")
    host.extract()
    (subject,) = host.subjects()
    assert subject.endswith("and 1 more")


def test_no_other_run_fails_while_a_mail_is_handed_over_and_nothing_is_told_twice(host):
    pipe = host.directory / "go"
    os.mkfifo(pipe)
    host.sendmail = host.script("slow", f"cat {pipe} > /dev/null; cat > {host.mails_dir}/$$.mail")
    host.configure()
    host.begun().attack()
    thread = threading.Thread(target=host.extract)
    thread.start()
    deadline = time.monotonic() + 30
    while True:  # until sendmail waits at the pipe
        try:
            writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    host.attack("198.51.100.7")
    host.extract()
    assert host.mails() == []
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # lets the next sendmail open it at once
    os.close(writer)
    opened = threading.Thread(target=lambda: _release(pipe, thread))
    opened.start()
    thread.join(60)
    opened.join(60)
    os.close(reader)
    assert not thread.is_alive()
    subjects = host.subjects()
    assert [" 192.0.2.7 " in subject for subject in subjects] == [True, False]
    assert " 198.51.100.7 " in subjects[1]


def _release(pipe, thread):
    while thread.is_alive():
        os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))
        time.sleep(0.02)


def test_a_run_that_cannot_tell_because_another_tells_leaves_it_due(host):
    host.begun().attack()
    with locked(str(host.installation.state), name=ALERTING):
        host.extract()
        assert host.mails() == []
    host.extract()
    assert len(host.mails()) == 1


# -- the command


def test_the_command_gets_its_arguments_as_they_stand_and_no_shell_reads_them(host):
    host.configure(command=f"{host.command} --to $(id) ; *")
    host.begun().attack()
    host.extract()
    assert (host.directory / "words").read_text() == "4 --to $(id) ; *\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "command ended with status 3"),
        ("echo 'no route'; exit 1", "command ended with status 1 and said: no route"),
        ("sleep 60 & sleep 60", "command was not done after 0.3 seconds and was stopped"),
        ("kill -9 $$", "command was killed by signal 9"),
    ],
)
def test_a_command_that_fails_is_one_sentence_and_hinders_nothing(script, said, host):
    host.script("command", script)
    host.configure("command_timeout = 0.3\n")
    host.begun().attack()
    host.attack("198.51.100.7")
    assert said in host.complaint()
    assert (len(host.mails()), len(host.logged()), host.status()["due"]) == (1, 2, 0)
    host.extract()


def test_a_command_that_is_not_there_is_one_sentence(host):
    host.command.unlink()
    host.begun().attack()
    assert "command cannot be run: No such file or directory. Correct [alerts] command" in host.complaint()
    assert len(host.mails()) == 1


def test_a_log_that_cannot_be_written_is_one_sentence_and_has_the_alert_later(host):
    host.alert_log.mkdir()
    host.begun().attack()
    assert f"Cannot write the alerts' log {host.alert_log}: Is a directory" in host.complaint()
    assert len(host.mails()) == 1
    host.alert_log.rmdir()
    host.extract()
    assert len(host.logged()) == 1


# -- what an attacker chose


def test_names_of_an_attacker_change_neither_mail_nor_log_nor_command(host):
    names = [
        "a\\r\\nBcc: victim@example.org",
        "\x1b]0;title\x07",
        "$(touch /tmp/owned)`id`;|&",
        "\u202eexe.cod",
        "x" * 2000,
        '"} {"id": "1"',
        "-oQ/tmp",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
    ]
    host.begun()
    for name in names:
        host.attack("192.0.2.7", users=1, name=name)
    host.extract()
    (mail,) = host.mails()
    assert mail["Bcc"] is None
    assert mail["To"] == "reports@example.org"
    assert not any(ord(char) < 32 and char != "\n" for char in mail.get_content())
    assert "\u202e" not in mail.get_content()
    (line,) = host.logged()
    assert host.commanded() == [line]
    assert host.alert_log.read_bytes().isascii()


# -- status


def test_with_pseudonyms_no_users_name_leaves_by_mail_and_all_else_has_the_names(host):
    host.configure(report="pseudonymise_users = yes\n")
    host.begun().attack(name="alice")
    host.extract()
    (mail,) = host.mails()
    assert "alice" not in mail.as_string() and "tried 3 different users" in mail.get_content()
    (line,) = host.logged()
    assert all(name.startswith("alice") for name in line["examples"]) and host.commanded() == [line]


def test_without_a_good_key_for_pseudonyms_the_alert_stays_due(host):
    host.configure(report="pseudonymise_users = yes\n")
    host.begun().attack()
    (host.installation.state / "pseudonyms.key").write_text("short")
    assert host.complaint(1).startswith("maillogsentinel: Alerts stay due. ")
    assert host.mails() == []
    (host.installation.state / "pseudonyms.key").unlink()
    host.attack("198.51.100.7")
    host.extract()
    assert len(host.mails()) == 1


def test_status_says_when_the_last_alert_was_and_how_many_are_due(host):
    assert host.status() is None
    host.sendmail = host.script("broken", "exit 75")
    host.configure()
    host.begun()
    assert host.status() == {"last": None, "due": 0}
    assert "Alerts:     none yet, none still to be told" in host.run("status").stdout.decode()
    host.attack()
    host.run()
    assert host.status()["due"] == 1
    assert host.status()["last"].startswith(time.strftime("%Y-%m-%d", time.gmtime()))
    assert ", 1 still to be told" in host.run("status").stdout.decode()


def test_the_mail_names_this_host(host):
    host.begun().attack()
    host.extract()
    assert socket.gethostname().partition(".")[0] in host.subjects()[0]


def test_with_a_server_name_mail_and_log_name_that_one_as_the_report_does(host):
    host.configure(more="[general]\nserver_name = mx7.example.org\n")
    host.begun().attack()
    host.extract()
    assert "WARNING on mx7.example.org: " in host.subjects()[0]
    assert json.loads(host.alert_log.read_text())["host"] == "mx7.example.org"
