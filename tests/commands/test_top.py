"""top: who is at it now, once or on a terminal that is left as it was."""

import os
import re
import signal
import sqlite3
import sys
import termios
import time
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.fixture
def fail(installation):
    """A function that lets a login of a user fail from each address, some minutes ago, and extracts them."""

    def fail(*ips, ago=5, user="info"):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - ago * 60))
        with open(installation.log, "a", encoding="utf-8") as file:
            for ip in ips:
                file.write(
                    f"{moment} mx postfix/smtpd[3]: warning: unknown[{ip}]: SASL LOGIN authentication failed: x,"
                    f" sasl_username={user}\n"
                )
        installation.extract()

    return fail


@pytest.fixture
def top(installation):
    """A function that prints the table once, and returns its rows as lists of words."""

    def top(*arguments):
        done = installation.run("top", *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        text = done.stdout.decode()
        assert "\x1b" not in text
        return [line.split() for line in text.split("\n\n")[1].splitlines()[1:]]

    return top


def test_the_worst_come_first_with_what_is_known_of_them(installation, fail, top):
    fail("203.0.113.7", ago=200)
    fail("203.0.113.7", "203.0.113.7", "203.0.113.8")
    fail("203.0.113.7", user="admin")
    with sqlite3.connect(installation.state / "state.db") as connection:
        connection.execute("INSERT INTO dns VALUES ('203.0.113.7', 'bad.example.net', 'OK', 1, 1)")
    connection.close()
    first, second = top()
    assert (first[:3], second[:3]) == (["203.0.113.7", "3", "2"], ["203.0.113.8", "1", "1"])
    assert first[-1] == "bad.example.net" and "info" in first
    assert first[3:5] > first[5:7], "it began before the last hour"
    assert [row[1] for row in top("--minutes", "300")] == ["4", "1"]
    assert top("--minutes", "1") == []


def test_it_is_of_the_time_up_to_which_logs_were_read(installation, fail, top):
    fail("203.0.113.7")
    with sqlite3.connect(installation.state / "state.db") as connection:
        for table, column in (("event", "stamp"), ("coverage", "start"), ("coverage", "end")):
            connection.execute(f"UPDATE {table} SET {column} = {column} - 3 * 86400 * 1000000")
    connection.close()
    assert [row[0] for row in top()] == ["203.0.113.7"]
    said = installation.run("top").stdout.decode()
    assert "(logs read 3 days ago)" in said
    assert "This is not of now: no log was read since. Run: maillogsentinel extract" in said


def test_what_an_attacker_sent_is_shown_safe(fail, top):
    fail("203.0.113.7", user="\x1b[2J\u202e漢\t")
    ((*_,),) = rows = top()
    assert "\\x1B[2J\\u202E漢\\x09" in rows[0]


def test_before_the_first_run_it_says_what_to_do(installation):
    done = installation.run("top")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Run: maillogsentinel extract" in done.stderr


@pytest.mark.parametrize("arguments", [("--minutes", "0"), ("--minutes", "x"), ("--watch=0",), ("--watch", "1.5")])
def test_times_that_are_none_are_wrong_usage(installation, arguments):
    done = installation.run("top", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is no whole number from 1 to" in done.stderr


def test_watching_without_a_terminal_is_one_table(fail, top):
    fail("203.0.113.7")
    assert [row[0] for row in top("--watch")] == ["203.0.113.7"]


# -- on a terminal

SCREEN_ON, SCREEN_OFF, CURSOR_ON = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


@pytest.fixture
def watch(installation):
    """A function that starts it on a terminal of its own."""
    pexpect = pytest.importorskip("pexpect", reason="install the Debian package python3-pexpect")
    started = []

    def watch(*arguments, term="xterm", size=(12, 100)):
        command = ["-m", "maillogsentinel", "--config", str(installation.config), "top", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(TOP), "LC_ALL": "C.UTF-8", "TERM": term}
        child = pexpect.spawn(
            sys.executable, command, env=environment, cwd=str(TOP), encoding="utf-8", timeout=30, dimensions=size
        )
        child.delaybeforesend = None
        child.delayafterclose = child.delayafterterminate = 0.02
        child.modes = termios.tcgetattr(child.child_fd)
        started.append(child)
        return child

    yield watch
    for child in started:
        child.close(force=True)


def end(child):
    """Wait for the end; the terminal must be as before."""
    child.expect_exact(SCREEN_OFF)
    said = child.before
    child.expect(sys.modules["pexpect"].EOF)
    assert CURSOR_ON in said
    assert termios.tcgetattr(child.child_fd) == child.modes
    child.close()


@pytest.mark.slow
def test_it_is_drawn_anew_as_failures_come_and_ends_at_q(fail, watch):
    fail("203.0.113.7")
    child = watch("--watch=1")
    child.expect_exact(SCREEN_ON)
    child.expect_exact("203.0.113.7")
    fail("203.0.113.8", "203.0.113.8")
    child.expect(r"203\.0\.113\.8[^\n]*\n203\.0\.113\.7 ".replace("\\n2", r"\r?\n2"))
    child.expect_exact("Every 1 s. Press q to end.")
    assert "\x1b[2J" not in child.before, "emptied in between, it would flicker"
    child.send("q")
    end(child)
    assert child.exitstatus == 0


@pytest.mark.slow
def test_a_key_draws_at_once_and_ctrl_c_ends_without_a_complaint(fail, watch):
    fail("203.0.113.7")
    child = watch("--watch=3600")
    child.expect_exact("Press q to end.")
    child.send(" ")
    child.expect_exact("Press q to end.")
    child.sendintr()
    end(child)
    assert child.exitstatus == 0
    assert "interrupted" not in child.before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_by_a_signal_it_leaves_the_terminal_as_it_was(fail, watch, number):
    fail("203.0.113.7")
    child = watch("--watch=3600")
    child.expect_exact("Press q to end.")
    child.kill(number)
    end(child)
    assert child.exitstatus == 128 + number


@pytest.mark.slow
def test_another_size_of_the_terminal_is_drawn_at_once(fail, watch):
    fail(*(f"203.0.113.{last}" for last in range(30)), user="漢" * 100)
    child = watch("--watch=3600", size=(40, 120))
    child.expect_exact("Press q to end.")
    assert child.before.count("203.0.113.") == 30
    child.setwinsize(9, 50)
    child.expect_exact("Press q to end.")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", child.before).replace("\r", "").split("\n")
    assert len(shown) == 9
    assert max(map(len, shown)) < 50
    assert child.before.count("203.0.113.") == 4
    child.send("q")
    end(child)


@pytest.mark.slow
def test_a_state_that_is_put_away_meanwhile_is_said_on_the_screen(installation, fail, watch):
    fail("203.0.113.7")
    child = watch("--watch=1")
    child.expect_exact("203.0.113.7")
    assert installation.run("reset").returncode == 0
    child.expect(r"There is no [^\x1b]*")
    fail("203.0.113.7")
    child.expect_exact("203.0.113.7")
    child.send("q")
    end(child)


@pytest.mark.slow
@pytest.mark.parametrize("term", ["dumb", "", "nonsense"])
def test_a_terminal_that_cannot_be_drawn_on_is_told_so(fail, watch, term):
    fail("203.0.113.7")
    child = watch("--watch", term=term)
    child.expect(sys.modules["pexpect"].EOF)
    child.close()
    assert child.exitstatus == 2
    assert child.before == (
        f"maillogsentinel: This terminal (TERM='{term}') cannot be drawn on. Leave --watch out, or set TERM to what"
        " it is.\r\n"
    )
    child = watch(term=term)
    child.expect_exact("203.0.113.7")
    child.expect(sys.modules["pexpect"].EOF)
    assert "\x1b" not in child.before
