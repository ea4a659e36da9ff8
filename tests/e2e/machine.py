"""A Debian mail host of its own to install the package on: processes, mounts and network that nobody outside sees.

Postfix, Dovecot, rsyslog and cron are the release's, configured as Debian leaves them but for what is said here. There
is no systemd. The host's clock is a file that rsyslog, cron and cron's jobs go by.
"""

import email.policy
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from bed import HERE, NAMESPACES
from chroot import CACHE, CHECKOUT, Chroot, base, run

SUITES = ("bookworm", "trixie")
PACKAGES = "postfix dovecot-core rsyslog cron logrotate systemd python3 libfaketime iproute2 procps"
ENTERED = ["--mount", "--uts", "--net", "--ipc", "--pid", "--root", "--wd"]
STATE = "/var/lib/maillogsentinel"
CSV = f"{STATE}/maillogsentinel.csv"

# The package's dependencies are fetched, so that installing it needs no network, and not installed.
RECIPE = f"""
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d &&
echo 'postfix postfix/main_mailer_type select Internet Site' | debconf-set-selections &&
echo 'postfix postfix/mailname string mx1.example.org' | debconf-set-selections &&
apt-get update && apt-get install -y --no-install-recommends {PACKAGES} && apt-get clean &&
echo 'Binary::apt::APT::Keep-Downloaded-Packages "1";' >/etc/apt/apt.conf.d/99keep &&
apt-get satisfy -y --download-only DEPENDENCIES
"""
# What this host's network and clock need; the rest is Debian's.
CONFIGURATION = """
echo mx1 >/etc/hostname
printf '127.0.0.1 localhost\\n::1 localhost\\n192.0.2.25 mx1.example.org mx1\\n198.51.100.17 vps17.example.com\\n' \
    >/etc/hosts
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
# Kernel messages are those of the machine outside; the stamp is rsyslog's, and so the clock's.
sed -i -e '/imklog/s/^module/#module/' -e 's/(load="imuxsock")/(load="imuxsock" SysSock.UseSysTimeStamp="off")/' \
    /etc/rsyslog.conf
postconf -e myhostname=mx1.example.org 'mydestination=mx1.example.org, mx1, localhost' inet_interfaces=all \
    smtpd_sasl_auth_enable=yes smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth smtpd_tls_security_level=may
postconf -M 'submission/inet=submission inet n - y - - smtpd -o syslog_name=postfix/submission' \
    'submissions/inet=submissions inet n - y - - smtpd -o syslog_name=postfix/submissions -o smtpd_tls_wrappermode=yes'
sh /srv/dovecot.sh /var/lib/bed /var/spool/postfix/private/auth
"""


def fields() -> tuple[str, str]:
    """Return what debian/control says of Depends and Recommends, without what debhelper fills in."""
    control = (CHECKOUT / "debian/control").read_text().split("\n\n")[1]
    found = []
    for name in ("Depends", "Recommends"):
        match = re.search(rf"(?m)^{name}:((?:.*\n)(?: .*\n)*)", control + "\n")
        items = [item.strip() for item in match[1].split(",")] if match else []
        found.append(", ".join(item for item in items if item and "$" not in item))
    return found[0], found[1]


def system(suite: str) -> Path:
    """Return a tarball of a mail host of `suite` on which nothing runs; made once, until base or recipe change."""
    start = base(suite)
    recipe = RECIPE.replace("DEPENDENCIES", " ".join(map(shlex.quote, filter(None, fields()))))
    key = hashlib.sha256(f"{start.name} {recipe}".encode()).hexdigest()[:16]
    tarball = CACHE / f"machine-{suite}-{key}.tar.zst"
    if tarball.exists():
        return tarball
    new = tarball.with_name(f"{tarball.name}.{os.getpid()}")
    with Chroot(suite, start) as there:
        (there.root / "recipe").write_text(recipe)
        done = there.shell("sh -e /recipe && rm -r /recipe /home/checkout")
        assert done.returncode == 0, done.stdout[-3000:]
        run("tar", "--directory", str(there.root), "--zstd", "-cf", str(new), ".")
    for old in CACHE.glob(f"machine-{suite}-*"):
        if old != new:
            old.unlink(missing_ok=True)
    return new.rename(tarball)


class Machine:
    """A running host; a context manager, all of whose processes and mounts end with it.

    `directory` is where it keeps what it writes (upper) and what it shares with us (shared, its /srv); `lower` are
    the layers below, the topmost first. It becomes `moment` when it starts. `small_var` gives /var a file system of its
    own of that size.
    """

    def __init__(
        self,
        directory: Path,
        lower: Iterable[Path],
        moment: datetime,
        shared: Iterable[Path] = (),
        small_var: str = "",
    ) -> None:
        self.directory = directory
        self.lower = list(lower)
        self.small_var = small_var
        self.users: set[str] = set()
        """Names of the users whose processes of ours were seen while cron's jobs ran."""
        self.listening: set[int] = set()
        """TCP ports that were seen open meanwhile."""
        for name in ("upper", "work", "root", "shared"):
            (directory / name).mkdir(parents=True)
            (directory / name).chmod(0o755)
        for file in (HERE / "dovecot.sh", *shared):
            run("cp", str(file), str(directory / "shared"))
        self.set_clock(moment)

    def __enter__(self) -> "Machine":
        layers = ":".join(map(str, self.lower))
        self.process = subprocess.Popen(
            [*NAMESPACES, "bash", str(HERE / "machine.sh"), str(self.directory), layers], stdin=subprocess.PIPE
        )
        try:
            ready = self.directory / "shared/ready"
            wait_until(lambda: ready.exists() or self.process.poll() is not None, "the host")
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            assert children, "the host did not start; its complaint stands above"
            self.inside = children[0]
            self.root = Path(f"/proc/{self.inside}/root")
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()  # --kill-child takes the namespace with it
            self.process.wait()

    def _start(self) -> None:
        """Start what a mail host has running, but for cron, which `fire` starts."""
        if self.small_var:
            self.run(
                f"mount -t tmpfs -o mode=755,size={self.small_var} none /mnt && cd /var &&"
                " tar -c --exclude=./cache/apt --exclude=./lib/apt . | tar -xpC /mnt && mount --bind /mnt /var"
            )
        if not (self.root / "var/lib/bed/dovecot.conf").exists():
            self.run(CONFIGURATION)
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

    # -- from outside

    def run(self, command: str, given: str | None = None) -> str:
        """Run a shell command inside, as root, and return what it prints."""
        done = self.try_to(command, given)
        assert done.returncode == 0, f"{command}\nended with {done.returncode} and said:\n{done.stdout}"
        return done.stdout

    def try_to(self, command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """The same for a command that may fail."""
        return subprocess.run(
            ["nsenter", "--target", self.inside, *ENTERED, "/bin/sh", "-c", command],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"},
        )

    def client(self) -> subprocess.Popen[str]:
        """Start smtp_client.py in the host's network."""
        return subprocess.Popen(
            ["nsenter", "--target", self.inside, "--net", sys.executable, str(HERE / "smtp_client.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def talk(self, sessions: list[dict[str, Any]]) -> None:
        """Hold these SMTP sessions, several at once: Dovecot takes its time over each failure."""
        clients = [self.client() for _ in range(8)]
        for number, client in enumerate(clients):
            client.stdin.write("".join(json.dumps(session) + "\n" for session in sessions[number :: len(clients)]))
            client.stdin.close()
        for client in clients:
            client.stdout.read()
            client.stdout.close()
            assert client.wait() == 0

    def write(self, path: str, text: str) -> None:
        """Write a file of the admin's."""
        self.run(f"cat >{path}", text)

    def as_scheduled(self, command: str) -> None:
        """Do at once what the installed cron line that ends with `command` does; it must have nothing to say."""
        lines = self.run("cat /etc/cron.d/maillogsentinel").splitlines()
        (line,) = (line for line in lines if line.endswith(command) and line[0] != "#")
        *_, user, rest = line.split(maxsplit=6)
        environment = f"env -i {self.clock_of_jobs} HOME={STATE} LOGNAME={user} PATH=/usr/bin:/bin"
        user = f"setpriv --reuid {user} --regid {user} --init-groups"
        assert self.run(f"{user} {environment} /bin/sh -c {shlex.quote(rest)}") == ""

    def mails(self) -> list[EmailMessage]:
        """Return what lies in root's mailbox, once Postfix has nothing left to deliver."""
        wait_until(lambda: "empty" in self.run("postqueue -p"), "the queue to become empty")
        box = self.root / "var/mail/root"
        parts = re.split(rb"(?m)^From \S+ .*\n", box.read_bytes())[1:] if box.exists() else []
        return [BytesParser(policy=email.policy.default).parsebytes(part.removesuffix(b"\n")) for part in parts]

    def logged(self) -> bytes:
        """Return what stands in the mail log."""
        log = self.root / "var/log/mail.log"
        return log.read_bytes() if log.exists() else b""

    def ports(self) -> list[str]:
        """Return the addresses that somebody listens on."""
        return sorted({line.split()[4] for line in self.run("ss -Hlntu").splitlines()})

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
            self.run("kill $(cat /run/crond.pid)")

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


def wait_until(happened: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait until `happened()` is true; raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


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
