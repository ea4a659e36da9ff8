"""Hosts of a Debian release to install the package on: an overlay over a system that has its dependencies."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from chroot import CHECKOUT, ENDS_WITH_US, Chroot, base, host_release, kept, run

from maillogsentinel.store.database import FORMAT

SUITES = ("bookworm", "trixie")
# Nothing below starts a service: the tests do what cron would do.
NO_DAEMONS = "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold install -y --no-install-recommends"


def needed() -> None:
    """Skip the test where no chroot can be made."""
    if os.geteuid() != 0:
        pytest.skip("making a chroot needs root")
    if host_release().get("ID") != "debian" or not shutil.which("debootstrap"):
        pytest.skip("needs a Debian machine with debootstrap; make test installs it")


def control() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the paragraphs of debian/control: source and binary."""
    deb822 = pytest.importorskip("debian.deb822", reason="install the Debian package python3-debian")
    source, binary = deb822.Deb822.iter_paragraphs((CHECKOUT / "debian/control").read_text(), use_apt_pkg=False)
    return source, binary


def dependencies() -> list[str]:
    """Return the packages that Depends names, of alternatives the first."""
    depends = control()[1]["Depends"]
    from debian.deb822 import PkgRelation

    relations = PkgRelation.parse_relations(depends.rstrip(", \n"))
    return sorted({group[0]["name"] for group in relations if not group[0]["name"].startswith("$")})


def build_packages() -> list[str]:
    """Return what the Makefile installs to build the package."""
    found = re.search(r"^BUILD_PACKAGES = (.*)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return [*found.group(1).split(), "make"]


def test_packages() -> list[str]:
    """Return the packages that debian/tests/control adds to the package itself."""
    from debian.deb822 import Deb822, PkgRelation

    found = set()
    for paragraph in Deb822.iter_paragraphs((CHECKOUT / "debian/tests/control").read_text(), use_apt_pkg=False):
        found |= {group[0]["name"] for group in PkgRelation.parse_relations(paragraph["Depends"].rstrip(", \n"))}
    return sorted(found - {"@"})


def prepared(suite: str, purpose: str, packages: list[str]) -> Path:
    """Return a tarball of a minimal `suite` with `packages`; made anew when base or packages change."""
    start = base(suite)

    def make(new: Path) -> None:
        with Chroot(suite, start) as there:
            done = there.shell(f"{NO_DAEMONS} && apt-get update && {INSTALL} {' '.join(packages)} && apt-get clean")
            assert done.returncode == 0, done.stdout[-3000:]
            shutil.rmtree(there.root / "home/checkout")
            run("tar", "--directory", str(there.root), "--zstd", "-cf", str(new), ".")

    return kept(f"{purpose}-{suite}", f"{start.name} {packages}", make)


def another(package: Path, target: Path, version: str, conffile: str = "", newer_state: bool = False) -> None:
    """Make another version of the package; with `newer_state` one whose state.db this one cannot read."""
    tree = target.with_suffix("")
    run("dpkg-deb", "-R", str(package), str(tree))
    change(tree / "DEBIAN/control", r"(?m)^Version: .*", f"Version: {version}")
    home = tree / "usr/lib/python3/dist-packages/maillogsentinel"
    change(home / "__init__.py", '__version__ = ".*"', f'__version__ = "{version}"')
    if newer_state:
        change(home / "store/database.py", r"(?m)^FORMAT = \d+", f"FORMAT = {FORMAT + 1}")
        change(home / "store/database.py", r"(?m)^_SINCE = {", f'_SINCE = {{{FORMAT + 1}: "",')
    with open(tree / "etc/maillogsentinel.conf", "a", encoding="utf-8") as file:
        file.write(conffile)
    sums = subprocess.run(
        "find usr -type f -print0 | xargs -0 md5sum", shell=True, cwd=tree, stdout=subprocess.PIPE, check=True
    )
    (tree / "DEBIAN/md5sums").write_bytes(sums.stdout)
    run("dpkg-deb", "--root-owner-group", "-b", str(tree), str(target))
    shutil.rmtree(tree)


def change(path: Path, pattern: str, text: str) -> None:
    """Replace what matches `pattern`, which must be one place."""
    changed, count = re.subn(pattern, text, path.read_text())
    assert count == 1, path
    path.write_text(changed)


# -- hosts

_ENTER = """
mount -t overlay overlay -o "lowerdir=${4:+$4:}$1/lower,upperdir=$2/upper,workdir=$2/work" "$2/root" &&
    mount -t proc proc "$2/root/proc" && mount --bind "$1/packages" "$2/root/srv" &&
    mkdir -p "$2/root/dev/pts" && mount -t devpts -o newinstance,ptmxmode=666 devpts "$2/root/dev/pts" && cd "$2" &&
    exec chroot "$2/root" /bin/bash -c "cd / && $3"
"""


class Host:
    """A host whose files last from command to command; nothing stays mounted, and no process stays, in between."""

    def __init__(self, below: Path, directory: Path, like: "Host | None" = None) -> None:
        """`below` holds the system (lower) and the packages (packages, which the host sees as /srv).

        It begins where the host `like` is, which must not change any more.
        """
        self.below = below
        self.directory = directory
        self.like = str(like.directory / "upper") if like else ""
        for name in ("upper", "work", "root"):
            (directory / name).mkdir(parents=True)
        (directory / "upper").chmod(0o755)

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root."""
        return subprocess.run(
            [*ENDS_WITH_US, "sh", "-c", _ENTER, "sh", str(self.below), str(self.directory), command, self.like],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"},
        )

    def do(self, command: str) -> str:
        """Run a shell command that must succeed, and return what it says."""
        done = self.shell(command)
        assert done.returncode == 0, f"{command}\nended with {done.returncode} and said:\n{done.stdout}"
        return done.stdout

    def apt(self, *words: str) -> str:
        """Run apt-get without a question."""
        command = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends"
        return self.do(f"{command} {' '.join(words)}")

    def install(self, name: str = "maillogsentinel.deb") -> str:
        """Install one of the packages."""
        return self.apt("install --allow-downgrades", f"/srv/{name}")

    def as_user(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the service user, as cron does: with the user's groups and cron's environment."""
        environment = "env -i HOME=/var/lib/maillogsentinel LOGNAME=maillogsentinel PATH=/usr/bin:/bin"
        user = "setpriv --reuid maillogsentinel --regid maillogsentinel --init-groups"
        return self.shell(f"{user} {environment} /bin/sh -c {_quoted(command)}")

    def on_schedule(self, command: str) -> subprocess.CompletedProcess[str]:
        """Do what the installed cron line that ends with `command` does."""
        lines = self.do("cat /etc/cron.d/maillogsentinel").splitlines()
        (line,) = (line for line in lines if line.endswith(command) and line[0] != "#")
        *_, user, rest = line.split(maxsplit=6)
        assert user == "maillogsentinel"
        return self.as_user(rest)

    def extract(self) -> None:
        """Let the hourly line run; it must be silent."""
        done = self.on_schedule("maillogsentinel extract")
        assert (done.returncode, done.stdout) == (0, "")

    def write(self, path: str, text: str) -> None:
        """Write a file of the admin's."""
        new = self.below / "packages" / "new"
        new.write_text(text)
        self.do(f"cp /srv/new {path} && chmod 644 {path}")
        new.unlink()

    def log(self, name: str = "mail.log", first: int = 0, count: int = 100) -> None:
        """Append failures to a log of Debian's mode and owner, each with an address and a user of its own."""
        lines = (CHECKOUT / "demo/mail.log").read_text().splitlines()
        pattern = next(line for line in lines if "authentication failed" in line)
        head = pattern.split("warning: ")[0]
        text = "".join(
            f"{head}warning: unknown[198.51.{n >> 8 & 255}.{n & 255}]: SASL LOGIN authentication failed:"
            f" (reason unavailable), sasl_username=user{n}\n"
            for n in range(first, first + count)
        )
        new = self.below / "packages" / "new"
        new.write_text(text)
        self.do(f"cat /srv/new >>/var/log/{name} && chown root:adm /var/log/{name} && chmod 640 /var/log/{name}")
        new.unlink()

    def records(self) -> list[str]:
        """Return the users of the CSV's records."""
        lines = self.do("cat /var/lib/maillogsentinel/maillogsentinel.csv").splitlines()
        return [line.split(",")[3] for line in lines[1:]]


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\\''") + "'"
