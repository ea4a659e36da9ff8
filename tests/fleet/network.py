"""The hosts of a fleet: real ones of both releases, each with sshd and Postfix, on a bridge that nobody else sees.

``mx1`` is a bookworm and ``mx2`` a trixie with a shell as process 1 and rsyslog, ``mx3`` a bookworm with systemd and
the journal alone. What apt asks for comes from a repository at the bridge's own address, which holds what the package
depends on.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from chroot import kept, run
from host import Host, another
from machine import RSYSLOG
from mailhost import CONFIGURATION, MailHost, system
from systemd_host import SystemdHost

from maillogsentinel import __version__

VERSION = __version__
NEWER = f"{VERSION}.1"
NET = "10.77.0"
SERVER = f"http://{NET}.1:8000"
# Of what Ansible needs on a host, and is no part of a mail server.
RECIPE = """
export DEBIAN_FRONTEND=noninteractive
apt-get update && apt-get install -y --no-install-recommends openssh-server python3-apt sudo && apt-get clean &&
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf /etc/apt/apt.conf.d/*roxy* &&
printf 'UseDNS no\\nPermitRootLogin prohibit-password\\n' >/etc/ssh/sshd_config.d/fleet.conf &&
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fleet &&
useradd -m -s /bin/bash admin && echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
"""
ATTRIBUTES = ["--xattrs", "--xattrs-include=trusted.overlay.*"]
START = """
mkdir -p /dev/pts /run/sshd && mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts /dev/pts &&
ln -sf pts/ptmx /dev/ptmx &&
{ rsyslogd && until [ -S /dev/log ]; do sleep 0.05; done && postfix check && rm -rf /var/lib/bed/run &&
    dovecot -c /var/lib/bed/dovecot.conf && postfix start && /usr/sbin/sshd; } </dev/null >/srv/started 2>&1 ||
{ cat /srv/started; exit 1; }
"""


def layer(suite: str, below: Path) -> Path:
    """Return a tarball of what `RECIPE` adds to the mail host in `below`/lower; made anew when either changes."""

    def make(new: Path) -> None:
        (below / "packages").mkdir(exist_ok=True)
        host = Host(below, below / "prepared")
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", below / "packages" / name)
        (below / "packages/recipe").write_text(RECIPE)
        host.do("cp /srv/resolv.conf /srv/hosts /etc && sh -e /srv/recipe")
        run("tar", *ATTRIBUTES, "--directory", str(below / "prepared/upper"), "--zstd", "-cf", str(new), ".")

    return kept(f"fleet-{suite}", f"{system(suite).name} {RECIPE}", make)


class ShellHost(MailHost):
    """A host with a shell as its first process, whose clock is the real one."""

    def _start(self) -> None:
        if not (self.root / "var/lib/bed/dovecot.conf").exists():
            self.run(CONFIGURATION + RSYSLOG)
        self.run(START)


class Member:
    """A host of the fleet, and its place in the network."""

    def __init__(self, fleet: "Fleet", number: int, suite: str, systemd: bool, user: str) -> None:
        self.fleet = fleet
        self.name = f"mx{number}"
        self.suite = suite
        self.user = user
        """Whom Ansible logs in as; not root is one who may become root with sudo."""
        self.address = f"{NET}.{10 + number}"
        self.link = f"v{number}"
        below = fleet.below(suite)
        lower = [below / "layer", below / "lower"]
        directory = fleet.directory / self.name
        self.host: MailHost
        self.host = SystemdHost(directory, lower, prepared=False) if systemd else ShellHost(directory, lower)
        self.host.name = self.name

    def power_on(self) -> None:
        """Start the host, and connect it."""
        shared = self.host.directory / "shared"
        (shared / "ready").unlink(missing_ok=True)
        self.host.__enter__()
        (shared / "prepare").unlink(missing_ok=True)
        # Always with the same address, which the others remember.
        there = ["peer", "name", "eth0", "address", f"02:00:00:00:00:{self.address[-2:]}", "netns", self.host.inside]
        self.fleet.inside("ip", "link", "add", self.link, "type", "veth", *there)
        self.fleet.inside("ip", "link", "set", self.link, "master", "fleet", "up")
        self.host.run(f"ip addr add {self.address}/24 dev eth0 && ip link set eth0 up")
        home = "/root" if self.user == "root" else f"/home/{self.user}"
        self.host.run(f"install -d -m 700 -o {self.user} -g {self.user} {home}/.ssh")
        self.host.write(f"{home}/.ssh/authorized_keys", self.fleet.public_key)
        self.host.run(f"chown {self.user}: {home}/.ssh/authorized_keys")
        proxy = 'Acquire::http::Proxy "DIRECT";\nAcquire::Retries "0";\n'
        self.host.write("/etc/apt/apt.conf.d/97fleet", proxy)
        source = f"Types: deb\nURIs: {SERVER}/{self.suite}\nSuites: ./\nTrusted: yes\n"
        self.host.write("/etc/apt/sources.list.d/fleet.sources", source)

    def version(self) -> str:
        """Return the version of the package that is installed; empty for none."""
        command = "dpkg-query -W -f '${db:Status-Status} ${Version}' maillogsentinel 2>/dev/null || :"
        status, _, number = self.host.run(command).partition(" ")
        return number if status == "installed" else ""

    def power_cut(self) -> None:
        """End the host as a power cut does."""
        self.host.process.kill()  # --kill-child takes all of it along
        self.host.process.wait()
        self.host.process.stdin.close()

    def moved(self) -> tuple[int, int]:
        """Return the bytes that went over the host's link so far, both ways, and those of them that TCP carried."""
        (line,) = (line for line in self.host.run("cat /proc/net/dev").splitlines() if line.startswith("  eth0:"))
        _, received, packets_in, *_, sent, packets_out = line.split()[:11]
        total = int(received) + int(sent)
        # Each with the headers of Ethernet, IPv4, and TCP with time stamps.
        return total, total - 66 * (int(packets_in) + int(packets_out))


class Fleet:
    """Three hosts and their network; a context manager, which takes all away again."""

    def __init__(self, deb: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mls-fleet-", dir="/var/tmp"))
        self.directory.chmod(0o755)
        self.packages = self.directory / "packages"
        self.packages.mkdir()
        shutil.copy(deb, self.packages)
        another(deb, self.packages / "newer.deb", NEWER)
        (self.packages / "wrong.deb").write_text("I am no package.\n")
        self.processes: list[subprocess.Popen[Any]] = []
        self.members: list[Member] = []

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / "key"))
        self.public_key = (self.directory / "key.pub").read_text()
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.processes.append(holder)
        holder.stdout.readline()
        self.network = str(holder.pid)
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "link", "add", "fleet", "type", "bridge")
        self.inside("ip", "addr", "add", f"{NET}.1/24", "dev", "fleet")
        self.inside("ip", "link", "set", "fleet", "up")
        for number, (suite, systemd, user) in enumerate(
            [("bookworm", False, "root"), ("trixie", False, "admin"), ("bookworm", True, "root")], 1
        ):
            self.members.append(Member(self, number, suite, systemd, user))
        self._serve()
        for member in self.members:
            member.power_on()

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            if hasattr(member.host, "process") and member.host.process.poll() is None:
                member.host.__exit__()
        for process in self.processes:
            process.kill()
            process.wait()
        run("rm", "-rf", str(self.directory))

    def __getitem__(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def inside(self, *command: str) -> str:
        """Run a command in the fleet's network, and return what it prints."""
        done = subprocess.run(self.enter(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def enter(self, *command: str) -> list[str]:
        """Return what runs `command` in the fleet's network."""
        return ["nsenter", "--target", self.network, "--net", *command]

    def below(self, suite: str) -> Path:
        """Return a directory with the layers of a release, unpacked: lower and layer."""
        place = self.directory / suite
        if not place.exists():
            for name in ("lower", "layer"):
                (place / name).mkdir(parents=True)
            run("tar", "--directory", str(place / "lower"), "-xpf", str(system(suite)))
            run("tar", *ATTRIBUTES, "--directory", str(place / "layer"), "-xpf", str(layer(suite, place)))
        return place

    def _serve(self) -> None:
        """Be the apt repository of both releases: what the mail host's image has fetched."""
        for suite in {member.suite for member in self.members}:
            place = self.directory / "repository" / suite
            place.mkdir(parents=True)
            for file in (self.below(suite) / "lower/var/cache/apt/archives").glob("*.deb"):
                os.link(file, place / file.name)
            self.index(suite)
        server = [*self.enter("/usr/bin/python3", "-m", "http.server", "--bind", f"{NET}.1", "8000")]
        self.processes.append(
            subprocess.Popen(
                server, cwd=self.directory / "repository", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )

    def index(self, suite: str) -> None:
        """Write the repository's list of packages anew."""
        place = self.directory / "repository" / suite
        command = (
            f"cd {place} && dpkg-scanpackages --multiversion . >Packages.new 2>/dev/null && mv Packages.new Packages"
        )
        run("sh", "-c", command)
