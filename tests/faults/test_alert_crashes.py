"""Runs that are killed or hindered around detection and alerts: nothing is lost, and nothing is found twice."""

import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import crash
import pytest
import world

from maillogsentinel.commands.extract import extract

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace"),
]

ADDRESSES = ("192.0.2.7", "198.51.100.7")


class Host:
    """A host whose log has been read, and now has an attack of two addresses in it that no run has seen."""

    def __init__(self, directory):
        self.directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(f"{directory}.kept", exist_ok=True)
        for name in os.listdir(f"{directory}.kept"):
            os.unlink(f"{directory}.kept/{name}")
        os.makedirs(directory)
        sendmail = self.script(
            "sendmail", f"cat > {directory}.kept/$$ && mv {directory}.kept/$$ {directory}.kept/$$.mail"
        )
        command = self.script("command", f"cat >> {directory}.kept/commanded")
        self.config = world.settings(
            directory,
            report={"sendmail_path": sendmail},
            reverse_dns={"enabled": "no"},
            detection={"address_users": 3, "warning_factor": 1},
            alerts={"minimum_severity": "warning", "log_file": f"{directory}/state/alerts.log", "command": command},
        )
        Path(world.live(directory)).touch()
        extract(self.config, None, offline=True, wait=False)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        with open(world.live(directory), "a", encoding="utf-8") as file:
            for number in range(3 * len(ADDRESSES)):
                file.write(
                    f"{stamp}.{number:06d}+00:00 mx postfix/smtpd[1]: warning: unknown[{ADDRESSES[number % 2]}]: SASL"
                    f" LOGIN authentication failed: (reason unavailable), sasl_username=u{number}\n"
                )

    def script(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
        return path

    def findings(self):
        with sqlite3.connect(f"{self.directory}/state/state.db") as connection:
            return connection.execute("SELECT subject, attempts FROM finding ORDER BY subject").fetchall()

    def mails(self):
        kept = f"{self.directory}.kept"
        return [Path(kept, name).read_bytes() for name in os.listdir(kept) if name.endswith(".mail")]

    def lines(self, path):
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def told(self):
        """How often each address was told by each way."""
        logged = [line["subject"] for line in self.lines(f"{self.directory}/state/alerts.log")]
        commanded = [line["subject"] for line in self.lines(f"{self.directory}.kept/commanded")]
        mails = self.mails()
        return {
            address: (
                logged.count(address),
                commanded.count(address),
                sum(f"The address {address} tried".encode() in mail for mail in mails),
            )
            for address in ADDRESSES
        }


def attempt(job):
    directory, site, kind = job
    host = Host(f"{directory}/{os.getpid()}")
    try:
        done = crash.faulted(host.directory, site, kind)
        assert "Traceback" not in done.stderr, done.stderr
        assert "Internal error" not in done.stderr, done.stderr
        extract(host.config, None, offline=True, wait=False)
        assert host.findings() == [(address, 3) for address in ADDRESSES]
        told = host.told()
        for address in ADDRESSES:
            logged, commanded, mailed = told[address]
            assert logged == 1, told
            # Who takes a mail or runs a command cannot be made to do so in one step with the database.
            # strace lets the first write of every process fail, that of the command too; and that is not run again.
            assert (kind != "KILL" and site.call == "write") or 1 <= commanded <= 2, told
            assert 1 <= mailed <= 2, told
            if kind != "KILL":
                assert commanded < 2 or done.returncode, told
                assert mailed == 1 or done.returncode, told
        extract(host.config, None, offline=True, wait=False)
        assert host.told() == told
        world.consistent(f"{host.directory}/state", host.config.csv_path)
    except Exception as error:
        return f"{kind} at {site}: {type(error).__name__}: {error}"
    return None


def test_whatever_ends_a_run_each_alert_is_found_once_and_told(tmp_path):
    host = Host(f"{tmp_path}/first")
    found = crash.sites(host.directory)
    assert host.told() == dict.fromkeys(ADDRESSES, (1, 1, 1))
    files = {site.file for site in found}
    assert {"state/state.db", "state/alerts.log", "state/lock-alerting"} <= files
    # The last transactions are those of the detection and of what was told: everything before has tests of its own.
    ends = [
        site
        for before, site, after in zip([None, *found], found, [*found[1:], None], strict=False)
        if not (before and after and before[::2] == site[::2] == after[::2])
    ]
    commits = [number for number, site in enumerate(ends) if site.call == "unlink" and site.file.endswith("-journal")]
    ends = ends[commits[-5] - 4 :]
    jobs = [(str(tmp_path), site, "KILL") for site in ends] + [(str(tmp_path), site, "EIO") for site in ends[::3]]
    with multiprocessing.get_context("fork").Pool(max(2, os.cpu_count() or 1)) as pool:
        wrong = [result for result in pool.imap_unordered(attempt, jobs, chunksize=4) if result]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(jobs)}", *wrong[:10]])


@pytest.mark.parametrize("victim", ["sendmail", "command"])
def test_a_run_that_is_killed_while_it_tells_tells_it_the_next_time(victim, tmp_path):
    host = Host(f"{tmp_path}/host")
    script = f"{host.directory}/{victim}"
    with open(script, encoding="utf-8") as file:
        kept = file.read()
    host.script(victim, "kill -9 $PPID; exit 1")
    done = crash.run(host.directory)
    assert done.returncode in crash.KILLED
    with open(script, "w", encoding="utf-8") as file:
        file.write(kept)
    extract(host.config, None, offline=True, wait=False)
    assert host.told() == dict.fromkeys(ADDRESSES, (1, 1, 1))


def test_a_sendmail_that_leaves_a_child_behind_holds_no_lock(tmp_path):
    host = Host(f"{tmp_path}/host")
    child = f"{host.directory}/child"
    host.script("sendmail", f"sleep 300 >/dev/null 2>&1 & echo $! > {child}; cat > /dev/null")
    assert crash.run(host.directory).returncode == 0
    with open(child, encoding="utf-8") as file:
        pid = file.read().strip()
    try:
        assert crash.run(host.directory).returncode == 0
        held = subprocess.run(["fuser", f"{host.directory}/state/lock"], capture_output=True, check=False)
        assert not held.stdout.strip()
    finally:
        os.kill(int(pid), 9)
