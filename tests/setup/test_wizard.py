"""The wizard on a real terminal: what it asks, what it takes, and that until the last question nothing is changed."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pexpect = pytest.importorskip("pexpect", reason="install the Debian package python3-pexpect")

from tests.report.smtp_sink import Sink  # noqa: E402

TOP = Path(__file__).parents[2]
PROMPTS = ["mail_log", "email", "interval", "update", "enabled", "time_zone", "Write it"]


@pytest.fixture
def sink():
    """A mail server that refuses one address."""
    with Sink(replies={"RCPT nosuch@example.org": "550 5.1.1 no such user"}) as sink:
        yield sink


@pytest.fixture
def wizard(host, sink):
    """A function that starts the wizard on a terminal of its own."""
    host.quiet(sink.port)
    started = []

    def wizard(*arguments, **general):
        lines = "".join(f"{key} = {value}\n" for key, value in general.items())
        host.config.write_text(host.config.read_text().replace("[general]\n", f"[general]\n{lines}"))
        command = ["-m", "maillogsentinel", "--config", str(host.config), *(arguments or ("setup",))]
        environment = {**os.environ, "PYTHONPATH": str(TOP), "LC_ALL": "C.UTF-8"}
        child = pexpect.spawn(
            sys.executable,
            command,
            env=environment,
            cwd=str(TOP),
            encoding="utf-8",
            codec_errors="replace",
            timeout=30,
            dimensions=(50, 200),
        )
        child.delaybeforesend = None
        child.delayafterclose = child.delayafterterminate = 0.02
        started.append(child)
        return child

    yield wizard
    for child in started:
        child.close(force=True)


def to(child, name):
    """Wait for the question with this name."""
    child.expect(rf"{name}[^\n]* \[[^\n]*\]: ")


def keep(child, names, **others):
    """Keep what is found at each of these questions, but for the answers given."""
    for name in names:
        to(child, name)
        child.sendline(others.get(name, ""))


def answer(child, **answers):
    """Answer the questions: those not given with Enter."""
    for name in PROMPTS:
        to(child, name)
        child.sendline(answers.get(name.partition(" ")[0], ""))


def end(child):
    """Return what is said to the end, and the exit status."""
    child.expect(pexpect.EOF)
    child.close()
    return child.before.replace("\r\n", "\n"), child.exitstatus


def test_enter_at_every_question_changes_nothing_and_runs_a_test(wizard, host):
    child = wizard()
    keep(child, PROMPTS[:-1])
    said, status = end(child)
    assert status == 0, said
    assert "50-setup.conf: nothing changes." in said
    assert "Test run as the user " in said
    assert f"1 new records in {host.csv}" in said
    assert not host.answers.parent.exists()
    assert [row["ip"] for row in host.rows()] == ["192.0.2.7"]


def test_what_is_answered_is_checked_shown_written_and_tried(wizard, host, sink):
    other = host.directory / "other.log"
    other.write_text(host.log.read_text() * 2)
    child = wizard("--setup")
    to(child, "mail_log")
    child.sendline(f"{other}")
    child.expect("ok: .*other.log can be read; its newest line is of 2025-05-17 11:13")
    to(child, "email")
    child.sendline("ops@example.org, root")
    child.expect(f"ok: localhost:{sink.port} takes mail for ops@example.org, root")
    keep(child, PROMPTS[2:5], enabled="no")
    to(child, "time_zone")
    child.sendline("machine")
    child.expect("Write it")
    shown = child.before.replace("\r", "")
    assert not host.answers.exists(), "written before the last question was answered"
    child.sendline("y")
    said, status = end(child)
    assert status == 0, said
    lines = [f"mail_log = {other}", "email = ops@example.org, root", "time_zone =", "enabled = no"]
    for line in lines:
        assert f"\n+{line}\n" in shown
    text = host.answers.read_text()
    assert [line for line in text.splitlines() if line and line[0] not in "#["] == lines
    assert "2 new records" in said
    assert sink.mails == []
    assert os.listdir(host.answers.parent) == ["50-setup.conf"]
    assert (host.run("check-config").returncode, host.run("check-config").stdout) == (0, b"")


def test_a_second_time_the_earlier_answers_are_the_defaults_and_only_what_changes_is_shown(wizard, host):
    child = wizard()
    answer(child, email="ops@example.org", time_zone="Europe/Paris")
    assert end(child)[1] == 0
    child = wizard()
    to(child, "mail_log")
    child.sendline("")
    child.expect(r"email \[ops@example.org\]: ")
    child.sendline("")
    keep(child, PROMPTS[2:5])
    child.expect(r"time_zone \[Europe/Paris\]: ")
    child.sendline("Asia/Kathmandu")
    to(child, "Write it")
    changes = [
        line for line in child.before.replace("\r", "").splitlines() if line[:1] in "+-" and line[1:2] not in "+-"
    ]
    assert changes == ["-time_zone = Europe/Paris", "+time_zone = Asia/Kathmandu"]
    child.sendline("")
    assert end(child)[1] == 0
    text = host.answers.read_text()
    assert "email = ops@example.org\n" in text
    assert "time_zone = Asia/Kathmandu\n" in text


HOSTILE = {
    "\x16\x1b]0;x\x07": "has a control character",
    "a\x16\x0db@example.org": "has a control character",
    "\udcff\udcfe@example.org": "has bytes that are not UTF-8",
    "x" * 3000 + "@example.org": "allowed is a mail address",
    "a b; rm -rf /": "allowed is a mail address",
    "[report]": "allowed is a mail address",
    "-oQ/tmp/x": "allowed is a mail address",
    "$(id)\\n,": "allowed is a mail address",
}


def test_no_answer_gets_past_that_is_no_plain_text_or_not_allowed(wizard, host):
    child = wizard()
    to(child, "mail_log")
    child.sendline("")
    for hostile, sentence in HOSTILE.items():
        to(child, "email")
        os.write(child.child_fd, hostile.encode("utf-8", "surrogateescape") + b"\n")
        child.expect(rf"\[report\] email: [^\n]*{sentence}")
        assert "\x1b]0" not in child.before
    to(child, "email")
    child.sendline("a%b${c}#d@example.org")
    keep(child, PROMPTS[2:])
    assert end(child)[1] == 0
    assert "\nemail = a%b${c}#d@example.org\n" in host.answers.read_text()


def test_an_answer_that_will_not_work_is_asked_again_or_taken_all_the_same(wizard, host):
    child = wizard()
    to(child, "mail_log")
    child.sendline("/nowhere/mail.log")
    child.expect("Will not work: /nowhere/mail.log cannot be read: No such file")
    to(child, "Take it all the same")
    child.sendline("")
    to(child, "mail_log")
    child.sendline("")
    to(child, "email")
    child.sendline("nosuch@example.org")
    child.expect("Will not work: localhost:[0-9]+ refuses nosuch@example.org: 550 5.1.1 no such user")
    to(child, "Take it all the same")
    child.sendline("perhaps")
    to(child, "Take it all the same")
    child.sendline("yes")
    keep(child, PROMPTS[2:])
    assert end(child)[1] == 0
    text = host.answers.read_text()
    assert "nosuch@example.org" in text
    assert "nowhere" not in text


def test_what_a_later_file_sets_is_named_and_not_asked(wizard, host):
    host.answers.parent.mkdir()
    later = host.answers.parent / "60-ansible.conf"
    later.write_text("[report]\nemail = ops@example.org\n")
    child = wizard()
    to(child, "mail_log")
    child.sendline("")
    child.expect(f"Not asked: {later}:2 says ops@example.org, and wins over this file")
    child.expect("ok: localhost:[0-9]+ takes mail for ops@example.org")
    to(child, "interval")


def test_an_interval_is_told_and_cron_is_left_alone(wizard, host):
    cron = host.directory / "cron"
    shipped = (TOP / "debian/maillogsentinel.cron.d").read_text()
    cron.write_text(shipped)
    child = wizard(cron_file=cron)
    keep(child, PROMPTS[:2])
    child.expect(r"interval \[hourly\]: ")
    child.sendline("7")
    child.expect("interval: is '7'; allowed is hourly")
    to(child, "interval")
    child.sendline("5")
    keep(child, PROMPTS[3:6])
    said, status = end(child)
    assert status == 0
    assert f"The log is read hourly, as {cron} says, which is yours to edit. For every 5 minutes, run:\n" in said
    assert "    sudo sed -i '8s," in said
    assert cron.read_text() == shipped


# -- ends


@pytest.mark.parametrize("place", [0, 3, len(PROMPTS) - 1])
@pytest.mark.parametrize("way", ["Ctrl-C", "Ctrl-D", "half a line, then Ctrl-D", "hangup"])
def test_an_end_at_any_question_changes_nothing(wizard, host, way, place):
    before = sorted(path for path in host.directory.rglob("*") if "own.log" not in path.name)
    child = wizard()
    keep(child, PROMPTS[:place], email="ops@example.org")
    # Something to write must be there where "Write it?" is asked.
    to(child, PROMPTS[place])
    if way == "Ctrl-C":
        child.sendintr()
        said, status = end(child)
        assert (status, "Nothing was changed." in said) == (130, True)
    elif way == "hangup":
        child.ptyproc.fileobj.close()
        deadline = time.monotonic() + 20
        while child.isalive():
            assert time.monotonic() < deadline, "it did not end"
            time.sleep(0.02)
        child.closed = True
    else:
        child.send("" if way == "Ctrl-D" else "yes")
        child.sendeof()
        if way != "Ctrl-D":
            child.sendeof()
        said, status = end(child)
        assert (status, "The input ended before the last question. Nothing was changed." in said) == (1, True)
        assert "Traceback" not in said
    assert sorted(path for path in host.directory.rglob("*") if "own.log" not in path.name) == before


def test_no_at_the_last_question_changes_nothing(wizard, host):
    child = wizard()
    answer(child, email="ops@example.org", Write="no")
    said, status = end(child)
    assert (status, "Nothing was changed." in said) == (0, True)
    assert not host.answers.parent.exists()


def test_a_dry_run_shows_and_neither_writes_nor_runs(wizard, host):
    child = wizard("setup", "--dry-run")
    keep(child, PROMPTS[:-1], email="ops@example.org")
    said, status = end(child)
    assert status == 0
    assert "\n+email = ops@example.org\n" in said
    assert "Test run" not in said
    assert not host.answers.parent.exists()
    assert not host.csv.exists()


def test_ctrl_c_while_a_check_waits_changes_nothing(wizard, host):
    with Sink(silent="RCPT") as slow:
        host.quiet(slow.port)
        child = wizard()
        to(child, "mail_log")
        child.sendline("")
        to(child, "email")
        child.sendline("a@example.org")
        deadline = time.monotonic() + 20
        while not any(line.upper().startswith(b"RCPT") for line in slow.lines):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.sendintr()
        said, status = end(child)
    assert (status, "Nothing was changed." in said) == (130, True)
    assert not host.answers.parent.exists()


def test_a_test_run_that_fails_is_told_and_the_answers_stay(wizard, host):
    child = wizard()
    to(child, "mail_log")
    child.sendline(str(host.directory / "none.log"))
    to(child, "Take it all the same")
    child.sendline("y")
    keep(child, PROMPTS[1:])
    said, status = end(child)
    assert status == 1
    assert f"There is no log {host.directory}/none.log" in said
    assert "The test run ended with status 1. What setup wrote stays" in said
    assert f"mail_log = {host.directory}/none.log" in host.answers.read_text()


def test_a_file_of_answers_with_faults_is_mended(wizard, host):
    host.answers.parent.mkdir()
    host.answers.write_text("[report]\nemail = a b\nemial = x\n")
    child = wizard()
    child.expect("Not kept: .*50-setup.conf:2: .report. email: is 'a b'; allowed is")
    child.expect("Not kept: .*50-setup.conf:3: .report. emial: unknown key")
    answer(child)
    assert end(child)[1] == 0
    assert host.run("check-config").stdout == b""


# -- without a terminal, without rights, with faults


def test_without_a_terminal_it_says_what_to_give(host):
    done = host.run("setup")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"maillogsentinel: setup asks questions and needs a terminal. Without one give")
    assert done.stderr.count(b"\n") == 1


def test_faults_of_other_files_are_told_all_and_nothing_is_asked(host):
    host.configure("[report]\nsmtp_port = 0\n[csv]\ndelimiter = :\n")
    done = host.run("setup", "--non-interactive", "--set", "report.email=root")
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) == 2
    assert b"[csv] delimiter: is ':'; allowed is one of" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "report.email=root"], "--set goes with --non-interactive."),
        (["--non-interactive"], "--non-interactive needs something to set"),
        (["--non-interactive", "--set", "report.smtp_port=0"], "[report] smtp_port: is '0'; allowed is a whole number"),
        (["--non-interactive", "--set", b"report.subject_prefix=\xff"], "has bytes that are not UTF-8"),
        (["--non-interactive", "--set", "report.email=a\nb"], "has a control character"),
    ],
)
def test_wrong_arguments_are_a_sentence_and_status_2(host, arguments, sentence):
    done = host.run("setup", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert sentence in done.stderr.decode()
    assert not host.answers.parent.exists()


def test_given_answers_are_written_in_silence_and_tried_out(host, sink):
    host.quiet(sink.port)
    given = ["--set", "report.email=a@example.org", "--set", "csv.delimiter=;"]
    done = host.run("setup", "--non-interactive", *given)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    text = host.answers.read_text()
    assert "email = a@example.org" in text
    assert "delimiter = ;" in text
    assert host.csv.read_text().startswith("server;date;ip;")
    done = host.run("setup", "--non-interactive", "--set", "report.email=b@example.org")
    assert done.returncode == 0
    assert "delimiter = ;" in host.answers.read_text()
    assert "a@example.org" not in host.answers.read_text()


def test_given_answers_that_will_not_work_are_refused_and_nothing_is_changed(host, sink):
    host.quiet(sink.port)
    given = ["--set", "report.email=nosuch@example.org", "--set", "paths.mail_log=/nowhere/mail.log"]
    for more in ([], ["--dry-run"]):
        done = host.run("setup", "--non-interactive", *given, *more)
        assert (done.returncode, done.stdout) == (1, b"")
        first, second = done.stderr.decode().splitlines()
        assert "refuses nosuch@example.org: 550 5.1.1 no such user. Nothing was changed." in first
        assert "/nowhere/mail.log cannot be read" in second
        assert not host.answers.parent.exists()


def test_what_has_no_effect_and_what_may_pass_is_told(host):
    host.answers.parent.mkdir()
    (host.answers.parent / "60-ansible.conf").write_text("[general]\ntime_zone = UTC\n")
    given = ["--set", "general.time_zone=Europe/Paris", "--set", "reverse_dns.enabled=yes"]
    done = host.run("setup", "--non-interactive", "--dry-run", *given)
    assert done.returncode == 0
    assert b"+time_zone = Europe/Paris\n" in done.stdout
    first, second = done.stderr.decode().splitlines()
    assert re.search(r"\[general\] time_zone has no effect: .*60-ansible.conf:2 sets it, and wins\.$", first)
    assert second == "maillogsentinel: 127.0.0.1 did not say who 198.41.0.4 is (Errno 2)."


def test_a_signal_that_ends_it_changes_nothing(wizard, host):
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
        child = wizard()
        keep(child, PROMPTS[:-1], email="ops@example.org")
        to(child, PROMPTS[-1])
        child.kill(number)
        end(child)
        assert not host.answers.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root would make a directory of its own")
def test_root_without_a_state_directory_is_told_how_to_make_one(host):
    for given in (host.directory / "not there", host.directory / "gone"):
        done = host.run("setup", "--non-interactive", "--set", f"paths.state_dir={given}")
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"There is no {given}, whose owner is the user that everything runs as." in done.stderr.decode()
        assert not given.exists()
        assert not host.answers.parent.exists()


def test_a_configuration_may_be_named_without_its_directory(host, program):
    environment = {"PYTHONPATH": str(TOP)}
    given = ["setup", "--non-interactive", "--set", "csv.delimiter=;"]
    done = program("--config", "test.conf", *given, env=environment, cwd=host.directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "delimiter = ;" in host.answers.read_text()
