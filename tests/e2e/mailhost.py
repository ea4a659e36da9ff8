"""A Debian mail host of its own: processes, mounts and network that nobody outside sees.

Postfix, Dovecot, rsyslog and cron are the release's, configured as Debian leaves them but for what is said here.
Machine (machine.py) is one without systemd whose clock can be set, SystemdHost (systemd_host.py) one with it.
"""

import email.policy
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Self

from bed import HERE, NAMESPACES
from chroot import CHECKOUT, Chroot, base, kept, run

SUITES = ("bookworm", "trixie")
PACKAGES = "postfix dovecot-core rsyslog cron logrotate systemd python3 libfaketime iproute2 procps"
ENTERED = ["--mount", "--uts", "--net", "--ipc", "--pid", "--root", "--wd"]
USER = "maillogsentinel"
STATE = "/var/lib/maillogsentinel"
CSV = f"{STATE}/maillogsentinel.csv"

# The package's dependencies, and rsyslog for a host that begins without it, are fetched, so that installing them needs
# no network, and not installed.
RECIPE = f"""
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d &&
echo 'postfix postfix/main_mailer_type select Internet Site' | debconf-set-selections &&
echo 'postfix postfix/mailname string mx1.example.org' | debconf-set-selections &&
apt-get update && apt-get install -y --no-install-recommends {PACKAGES} && apt-get clean &&
echo 'Binary::apt::APT::Keep-Downloaded-Packages "1";' >/etc/apt/apt.conf.d/99keep &&
apt-get satisfy -y --download-only DEPENDENCIES &&
apt-get install -y --reinstall --download-only rsyslog
"""
# What this host's network and clock need; the rest is Debian's.
CONFIGURATION = """
name=$(uname -n)
echo $name >/etc/hostname
printf "127.0.0.1 localhost\\n::1 localhost\\n192.0.2.25 $name.example.org $name\\n198.51.100.17 vps17.example.com\\n" \
    >/etc/hosts
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
postconf -e myhostname=$name.example.org "mydestination=$name.example.org, $name, localhost" inet_interfaces=all \
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
    """Return a tarball of a mail host of `suite` on which nothing runs; made anew when base or recipe change."""
    start = base(suite)
    recipe = RECIPE.replace("DEPENDENCIES", " ".join(map(shlex.quote, filter(None, fields()))))

    def make(new: Path) -> None:
        with Chroot(suite, start) as there:
            (there.root / "recipe").write_text(recipe)
            done = there.shell("sh -e /recipe && rm -r /recipe /home/checkout")
            assert done.returncode == 0, done.stdout[-3000:]
            run("tar", "--directory", str(there.root), "--zstd", "-cf", str(new), ".")

    return kept(f"machine-{suite}", f"{start.name} {recipe}", make)


class MailHost:
    """A host; a context manager, all of whose processes and mounts end with it.

    `directory` is where it keeps what it writes (upper) and what it shares with us (shared, its /srv); `lower` are
    the layers below, the topmost first.
    """

    FIRST_PROCESS = "shell"
    """What mailhost.sh starts as process 1."""
    START_SECONDS = 30.0
    clock_of_jobs = ""
    """What the environment of cron's jobs says of the time."""
    name = "mx1"
    """The host name; the full one is in example.org."""

    def __init__(self, directory: Path, lower: Iterable[Path], shared: Iterable[Path] = ()) -> None:
        self.directory = directory
        self.lower = list(lower)
        for name in ("upper", "work", "root", "shared"):
            (directory / name).mkdir(parents=True)
            (directory / name).chmod(0o755)
        for file in (HERE / "dovecot.sh", *shared):
            run("cp", str(file), str(directory / "shared"))

    def __enter__(self) -> Self:
        layers = ":".join(map(str, self.lower))
        script = ["bash", str(HERE / "mailhost.sh"), str(self.directory), layers, self.FIRST_PROCESS, self.name]
        self.process = subprocess.Popen([*NAMESPACES, *script], stdin=subprocess.PIPE)
        try:
            ready = self.directory / "shared/ready"
            wait_until(lambda: ready.exists() or self.process.poll() is not None, "the host", self.START_SECONDS)
            self.inside = self._first_process()
            self.root = Path(f"/proc/{self.inside}/root")
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()  # --kill-child takes the namespace with it
            self.process.wait()

    def _first_process(self) -> str:
        """Return the number, as it is outside, of the process that is number 1 in the host."""
        found = children(str(self.process.pid))
        assert found, "the host did not start; its complaint stands above"
        return found[0]

    def _start(self) -> None:
        """Wait until the host does what a mail host does."""
        raise NotImplementedError

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

    def as_user(self, command: str) -> str:
        """Run a shell command as the service user, as cron does, and return what it prints."""
        environment = f"env -i {self.clock_of_jobs} HOME={STATE} LOGNAME={USER} PATH=/usr/bin:/bin"
        user = f"setpriv --reuid {USER} --regid {USER} --init-groups"
        return self.run(f"{user} {environment} /bin/sh -c {shlex.quote(command)}")

    def scheduled(self, command: str) -> str:
        """Do at once what the installed cron line that ends with `command` does, and return what it says."""
        lines = self.run("cat /etc/cron.d/maillogsentinel").splitlines()
        (line,) = (line for line in lines if line.endswith(command) and line[0] != "#")
        *_, user, rest = line.split(maxsplit=6)
        assert user == USER
        return self.as_user(rest)

    def as_scheduled(self, command: str) -> None:
        """The same for what must have nothing to say."""
        assert self.scheduled(command) == ""

    def install(self, name: str = "./maillogsentinel.deb") -> None:
        """Install a package with apt, as an admin does: one of /srv, or of the release and fetched already."""
        options = "-y -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confdef"
        command = f"cd /srv && DEBIAN_FRONTEND=noninteractive apt {options} install {name} </dev/null 2>&1"
        self.run(command)
        package = name.removeprefix("./").removesuffix(".deb")
        assert self.run(f"dpkg-query -W -f '${{Status}}' {package}") == "install ok installed"

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


def wait_until(happened: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait until `happened()` is true; raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def children(pid: str) -> list[str]:
    """Return the processes that a process has started; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
