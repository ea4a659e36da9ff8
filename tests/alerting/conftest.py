"""A mail host whose log grows now, with a sendmail and a command that keep what they are handed."""

import email
import email.policy
import json
import sqlite3
import time

import pytest

from maillogsentinel import config
from maillogsentinel.commands.extract import extract

FEW = "[detection]\naddress_users = 3\nwarning_factor = 1\n"
"""Three users that one address tries are a warning."""


class Host:
    def __init__(self, installation):
        self.installation = installation
        self.directory = installation.directory
        self.log = installation.log
        self.mails_dir, self.handed = self.directory / "mails", self.directory / "handed"
        self.alert_log = self.directory / "alerts.log"
        self.mails_dir.mkdir()
        self.sendmail = self.script(
            "sendmail", f"cat > {self.mails_dir}/$$ && mv {self.mails_dir}/$$ {self.mails_dir}/$$.mail"
        )
        self.command = self.script("command", f'echo "$#" "$@" >> {self.directory}/words; cat >> {self.handed}')
        self.number = 0
        self.configure()

    def script(self, name, text):
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def configure(self, alerts="", more="", report="", minimum="warning", command=None, detection=FEW):
        self.installation.configure(
            f"[report]\nemail = reports@example.org\nsendmail_path = {self.sendmail}\n{report}"
            "[reverse_dns]\nenabled = no\n"
            f"[alerts]\nminimum_severity = {minimum}\n"
            f"command = {self.command if command is None else command}\n{alerts}{detection}{more}"
        )

    def begun(self):
        """The host after a first run that found nothing."""
        self.log.touch()
        self.extract()
        return self

    def write(self, text, ago=0.0, host="mx"):
        """Write lines into the log that are `ago` seconds old."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - ago))
        with open(self.log, "a", encoding="utf-8") as file:
            for line in text.splitlines():
                self.number += 1
                file.write(f"{stamp}.{self.number:06d}+00:00 {host} postfix/smtpd[7]: {line}\n")

    def attack(self, ip="192.0.2.7", users=3, ago=0.0, name="user", host="mx"):
        """Let an address fail for so many users, which nobody has tried before."""
        line = f"warning: unknown[{ip}]: SASL LOGIN authentication failed: x, sasl_username={name}"
        self.write("".join(f"{line}{self.number + number}\n" for number in range(users)), ago, host)

    def login(self, user="alice", ip="203.0.113.9", ago=0.0):
        self.write(f"4A1B2C3D4E: client=unknown[{ip}], sasl_method=LOGIN, sasl_username={user}\n", ago)

    def run(self, *arguments):
        return self.installation.run(*(arguments or ("extract", "--offline")))

    def extract(self):
        """Extract, in this process; there must be nothing to say."""
        outcome = extract(config.load(str(self.installation.config)), None, offline=True, wait=False)
        assert (outcome.notices, outcome.problems, outcome.failed) == ([], [], False)

    def complaint(self, status=0):
        """Extract, and return the one sentence that it says."""
        done = self.run()
        lines = done.stderr.decode().splitlines()
        assert (done.returncode, done.stdout, len(lines)) == (status, b"", 1), done
        return lines[0]

    def mails(self):
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.mails_dir.glob("*.mail"), key=lambda path: path.stat().st_mtime_ns)
        ]

    def subjects(self):
        return [mail["Subject"].removeprefix("[MailLogSentinel] ") for mail in self.mails()]

    def commanded(self):
        return lines_of(self.handed)

    def logged(self):
        return lines_of(self.alert_log)

    def database(self):
        return sqlite3.connect(self.installation.state / "state.db")

    def change(self, sql, *values):
        with self.database() as connection:
            connection.execute(sql, values)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)["alerts"]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def host(installation):
    return Host(installation)
