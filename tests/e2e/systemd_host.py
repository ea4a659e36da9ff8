"""A mail host with systemd as its first process, as Debian installs it now: no rsyslog, so Postfix logs to the journal.

Its clock is the real one.
"""

import json
import shlex
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mailhost import CONFIGURATION, MailHost, children, wait_until

# What a host must not do that has no network and is there for a minute only.
PREPARATION = f"""
{CONFIGURATION}
ln -sf /var/lib/bed/dovecot.conf /etc/dovecot/dovecot.conf
postfix check # makes the directory of Dovecot's socket
DEBIAN_FRONTEND=noninteractive apt-get -y purge rsyslog
rm /usr/sbin/policy-rc.d
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    logrotate.timer e2scrub_reap.service getty@tty1.service console-getty.service systemd-modules-load.service
systemctl disable cron.service
"""


class SystemdHost(MailHost):
    """A host with systemd. Cron is installed and not started, so that nothing runs unasked."""

    FIRST_PROCESS = "systemd"
    START_SECONDS = 180.0

    def __init__(
        self, directory: Path, lower: Iterable[Path], shared: Iterable[Path] = (), prepared: bool | None = None
    ) -> None:
        """`prepared`: a layer below has been such a host; by default any layer above the release is taken for one."""
        super().__init__(directory, lower, shared)
        if not (len(self.lower) > 1 if prepared is None else prepared):
            (directory / "shared/prepare").write_text(PREPARATION)

    def _first_process(self) -> str:
        (outside,) = children(str(self.process.pid)) or [""]
        for child in children(outside):
            if Path(f"/proc/{child}/comm").read_text() == "unshare\n":
                return children(child)[0]
        raise AssertionError("the host did not start; its complaint stands above")

    def _start(self) -> None:
        wait_until(lambda: self.state() in ("running", "degraded"), "systemd to have started everything", 180)
        assert self.run("systemctl --failed --plain --no-legend") == ""

    def state(self) -> str:
        """Return systemd's word for how the host is."""
        return self.try_to("systemctl is-system-running").stdout.strip()

    def power_off(self) -> None:
        """End the host in good order, so that another may begin with its files."""
        self.try_to("systemctl --no-block poweroff")
        self.process.wait(self.START_SECONDS)

    def entries(self, *words: str) -> list[dict[str, Any]]:
        """Return what journalctl, run as the service user, prints with these arguments."""
        text = self.as_user(f"journalctl -q -o json {shlex.join(words)}")
        return [json.loads(line) for line in text.splitlines()]

    def fire(self, at: datetime, jobs: bool = False) -> None:
        """Start cron a little before it is `at` for cron, and return when cron has done what it had to do then.

        `jobs`: it is so late for cron's jobs, too.
        """
        for seconds in (4, 20, 60):  # the more, the slower the machine turns out to be
            before = self.started_jobs()
            self._start_cron(at - timedelta(seconds=seconds), jobs)
            deadline = time.monotonic() + seconds + 30
            try:
                while self.started_jobs() == before and time.monotonic() < deadline:
                    time.sleep(0.2)
                if self.started_jobs() > before:
                    wait_until(self._cron_is_idle, "cron's job to end", 180)
                    return
            finally:
                self.run("systemctl stop cron")
        raise AssertionError("cron did nothing")

    def _start_cron(self, at: datetime, jobs: bool) -> None:
        """Start cron with a clock that says `at`."""
        preload = self.run("dpkg -L libfaketime | grep 'MT\\.so\\.1$'").strip()
        offset = f"FAKETIME={(at - datetime.now(UTC)).total_seconds():+.3f}s"
        self.write("/etc/environment", f"LD_PRELOAD={preload}\n{offset}\nNO_FAKE_STAT=1\n" if jobs else "")
        clock = f"LD_PRELOAD={preload} {offset} FAKETIME_DONT_FAKE_MONOTONIC=1"
        self.run("mkdir -p /run/systemd/system/cron.service.d")
        self.write("/run/systemd/system/cron.service.d/clock.conf", f"[Service]\nEnvironment={clock}\n")
        self.run("systemctl daemon-reload && systemctl start cron")

    def started_jobs(self) -> int:
        """Return how many of our jobs cron has started so far."""
        return self.run("journalctl -q -o cat --identifier=CRON").count("(maillogsentinel) CMD")

    def _cron_is_idle(self) -> bool:
        return len(self.run("cat /sys/fs/cgroup/system.slice/cron.service/cgroup.procs").split()) == 1
