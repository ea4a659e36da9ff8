"""A mail host without systemd: its clock is a file that rsyslog, cron and cron's jobs go by."""

import os
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mailhost import CONFIGURATION, MailHost

# Kernel messages are those of the machine outside.
RSYSLOG = "sed -i '/imklog/s/^module/#module/' /etc/rsyslog.conf\n"
# The stamp is rsyslog's, and so the clock's.
STAMP = """
sed -i 's/(load="imuxsock")/(load="imuxsock" SysSock.UseSysTimeStamp="off")/' /etc/rsyslog.conf
"""


class Machine(MailHost):
    """A host with a shell as its first process.

    It becomes `moment` when it starts. `small_var` gives /var a file system of its own of that size.
    """

    def __init__(
        self,
        directory: Path,
        lower: Iterable[Path],
        moment: datetime,
        shared: Iterable[Path] = (),
        small_var: str = "",
    ) -> None:
        super().__init__(directory, lower, shared)
        self.small_var = small_var
        self.users: set[str] = set()
        """Names of the users whose processes of ours were seen while cron's jobs ran."""
        self.listening: set[int] = set()
        """TCP ports that were seen open meanwhile."""
        self.set_clock(moment)

    def _start(self) -> None:
        """Start what a mail host has running, but for cron, which `fire` starts."""
        if self.small_var:
            self.run(
                f"mount -t tmpfs -o mode=755,size={self.small_var} none /mnt && cd /var &&"
                " tar -c --exclude=./cache/apt --exclude=./lib/apt . | tar -xpC /mnt && mount --bind /mnt /var"
            )
        if not (self.root / "var/lib/bed/dovecot.conf").exists():
            self.run(CONFIGURATION + RSYSLOG + STAMP)
        preload = self.run("dpkg -L libfaketime | grep 'MT\\.so\\.1$'").strip()
        # Cron's jobs find the clock where an admin puts what all sessions get: PAM reads it.
        clock = f"LD_PRELOAD={preload}\n{CLOCK}"
        self.write("/etc/environment", clock)
        self.clock_of_jobs = " ".join(clock.split())
        # Python 3.11 cannot sleep under this one, daemons cannot wait without it.
        self.clock = "env FAKETIME_DONT_FAKE_MONOTONIC=1 " + " ".join(clock.split())
        self.run(
            f"{{ {self.clock} rsyslogd && until [ -S /dev/log ]; do sleep 0.05; done &&"
            " postfix check && rm -rf /var/lib/bed/run && dovecot -c /var/lib/bed/dovecot.conf &&"
            " postfix start; } </dev/null >/srv/started 2>&1 || { cat /srv/started /var/log/mail.log >&2; exit 1; }"
        )

    # -- time

    def set_clock(self, moment: datetime) -> None:
        """Set the host's clock."""
        new = self.directory / "shared/clock.new"
        new.write_text(f"{(moment - datetime.now(UTC)).total_seconds():+f}\n")
        new.rename(self.directory / "shared/clock")

    def fire(self, at: datetime) -> None:
        """Let it become `at` for cron, and wait until cron has done what it had to do then."""
        self.set_clock(datetime.fromtimestamp(at.timestamp() - 1.2, UTC))
        self.run(f"{self.clock} cron </dev/null >/srv/cron 2>&1 || {{ cat /srv/cron; exit 1; }}")
        try:
            self._watch_jobs()
        finally:
            self.run("pid=$(cat /run/crond.pid); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done")

    def _watch_jobs(self) -> None:
        """Wait for a job of ours and until all jobs are done; note whose processes and which ports were seen."""
        namespace = os.readlink(f"/proc/{self.inside}/ns/pid")
        seen = False
        deadline = time.monotonic() + 60
        while True:
            words = dict(processes(namespace))
            # The shell, nice and the program itself; not PAM's helper, which looks the user up as root.
            ours = {pid for pid, line in words.items() if re.search("maillogsentinel (extract|report|ipinfo)", line)}
            self.users |= set(filter(None, map(owner, ours)))
            self.listening |= tcp_ports(self.inside)
            seen = seen or bool(ours)
            if seen and not any("CRON" in line or pid in ours for pid, line in words.items()):
                return
            assert time.monotonic() < deadline, f"cron did nothing, or is not done: {words}"
            time.sleep(0.02)


CLOCK = """\
FAKETIME_TIMESTAMP_FILE=/srv/clock
FAKETIME_NO_CACHE=1
FAKETIME_DISABLE_SHM=1
NO_FAKE_STAT=1
"""


def processes(namespace: str) -> Iterable[tuple[str, str]]:
    """Yield the number, as it is outside, and the command line of each process in a process namespace."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") == namespace:
                yield pid, Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # it has ended


def owner(pid: str) -> str:
    """Return the four user numbers of a process; empty when it has ended."""
    try:
        return re.search(r"(?m)^Uid:\s+(.*)$", Path(f"/proc/{pid}/status").read_text())[1]
    except OSError:
        return ""


def tcp_ports(pid: str) -> set[int]:
    """Return the TCP ports that are listened on in the network of a process."""
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        found |= {int(line.split()[1].rpartition(":")[2], 16) for line in lines if line.split()[3] == "0A"}
    return found
