"""``report --due``: what cron runs shortly after midnight."""

import glob
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from maillogsentinel.store.lock import locked

pytestmark = pytest.mark.slow

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Host:
    """A host with a log of past days, whose sendmail keeps what it is handed."""

    def __init__(self, directory):
        self.directory = directory
        for name in ("log", "mails", "state"):
            (directory / name).mkdir()
        self.sendmail("cat > $0.$$.new && mv $0.$$.new $(dirname $0)/mails/$(date +%s%N).mail")
        (directory / "test.conf").write_text(
            f"[paths]\nworking_dir = {directory}/state\nstate_dir = {directory}/state\n"
            f"mail_log = {directory}/log/mail.log\n[general]\nlog_file =\ntime_zone = UTC\n"
            f"[reverse_dns]\nenabled = no\n[report]\nsendmail_path = {directory}/sendmail\n",
            encoding="utf-8",
        )
        self.number = 0

    def sendmail(self, text):
        path = self.directory / "sendmail"
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def log(self, days_ago, failures, hour=1):
        """Write the failures of a day into the log."""
        day = self.day(days_ago)
        with open(self.directory / "log/mail.log", "a", encoding="utf-8") as file:
            file.write(f"{day}T{hour:02d}:00:00.000000+00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n")
            for _ in range(failures):
                self.number += 1
                file.write(
                    f"{day}T{hour:02d}:00:00.000001+00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN"
                    f" authentication failed: (reason unavailable), sasl_username=u{self.number:06d}\n"
                )

    def day(self, days_ago):
        return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days_ago * 86_400))

    def due(self):
        command = [sys.executable, "-m", "maillogsentinel", "--config", f"{self.directory}/test.conf"]
        return subprocess.run(
            [*command, "report", "--due"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )

    def mails(self):
        """The days named in the subjects, in the order in which the mails went, and the mails."""
        found = []
        for path in sorted(glob.glob(f"{self.directory}/mails/*.mail")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            subject = re.search(r"^Subject: (.*(?:\n .*)*)", text, re.M)[1]
            found.append((re.findall(r"\d{4}-\d\d-\d\d", subject), text))
        return found

    def days(self):
        return [days for days, _ in self.mails()]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def silent(done):
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_completed_day_is_one_mail_the_oldest_first_and_quiet_days_too(host):
    host.log(3, 2)
    host.log(1, 1)
    host.log(0, 5, hour=0)
    silent(host.due())
    assert host.days() == [[host.day(3)], [host.day(2)], [host.day(1)]]


def test_no_day_is_mailed_twice(host):
    host.log(2, 1)
    silent(host.due())
    silent(host.due())
    assert host.days() == [[host.day(2)], [host.day(1)]]


def test_more_than_seven_days_are_one_mail_over_the_span(host):
    host.log(8, 1)
    silent(host.due())
    assert host.days() == [[host.day(8), host.day(1)]]
    silent(host.due())
    assert len(host.days()) == 1


def test_seven_days_are_seven_mails(host):
    host.log(7, 1)
    silent(host.due())
    assert host.days() == [[host.day(number)] for number in range(7, 0, -1)]


def test_a_mail_that_could_not_be_handed_over_stays_due(host):
    host.log(2, 1)
    host.sendmail("cat > /dev/null; exit 75")
    done = host.due()
    assert done.returncode == 1
    assert re.fullmatch(r"maillogsentinel: [^\n]+\n", done.stderr), done.stderr
    host.sendmail("cat > $0.$$.new && mv $0.$$.new $(dirname $0)/mails/$(date +%s%N).mail")
    silent(host.due())
    assert host.days() == [[host.day(2)], [host.day(1)]]


def test_days_that_were_handed_over_before_the_failure_are_not_due_any_more(host):
    host.log(3, 1)
    host.sendmail(
        f"test $(ls {host.directory}/mails | wc -l) -lt 2 || exit 1\n"
        "cat > $0.$$.new && mv $0.$$.new $(dirname $0)/mails/$(date +%s%N).mail"
    )
    assert host.due().returncode == 1
    host.sendmail("cat > $0.$$.new && mv $0.$$.new $(dirname $0)/mails/$(date +%s%N).mail")
    silent(host.due())
    assert host.days() == [[host.day(3)], [host.day(2)], [host.day(1)]]


def test_a_missing_sendmail_is_said_in_a_sentence(host):
    host.log(1, 1)
    os.unlink(host.directory / "sendmail")
    done = host.due()
    assert done.returncode == 1
    assert re.fullmatch(r"maillogsentinel: [^\n]*sendmail[^\n]+\n", done.stderr), done.stderr


def test_it_waits_for_the_lock(host):
    host.log(1, 1)
    done = []
    with locked(str(host.directory / "state")):
        thread = threading.Thread(target=lambda: done.append(host.due()))
        thread.start()
        time.sleep(1.5)
        assert not done
        assert not host.mails()
    thread.join()
    silent(done[0])
    assert host.days() == [[host.day(1)]]


def test_two_at_once_mail_each_day_once(host):
    host.log(3, 1)
    threads = [threading.Thread(target=host.due) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert host.days() == [[host.day(3)], [host.day(2)], [host.day(1)]]


def test_hours_before_the_log_began_are_named_and_not_shown_as_quiet(host):
    host.log(1, 1, hour=7)
    silent(host.due())
    ((_, text),) = host.mails()
    assert re.search(r"00:00.{0,20}07:00", text), text


def test_a_log_that_is_gone_does_not_keep_the_report_back_but_fails_the_run(host):
    host.log(2, 1)
    silent(host.due())
    os.unlink(host.directory / "log/mail.log")
    with sqlite3.connect(host.directory / "state/state.db") as connection:
        connection.execute("DELETE FROM mailed WHERE day = ?", (host.day(1),))
    done = host.due()
    assert done.returncode == 1
    assert "There is no log" in done.stderr
    assert host.days() == [[host.day(2)], [host.day(1)], [host.day(1)]]
    assert "There is no log" in host.mails()[-1][1]
