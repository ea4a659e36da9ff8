"""A minimal Debian of another release, to be a new user in.

The mirror, apt's configuration and the certificates are this machine's, read when the test runs.
"""

import fcntl
import hashlib
import inspect
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or CHECKOUT / ".cache") / "maillogsentinel-tests"
PREINSTALLED = "make"
ENDS_WITH_US = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]


def mirror() -> str:
    """Return the address that this machine's apt gets its own release from."""
    codename = host_release()["VERSION_CODENAME"]
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {codename}"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0]


def host_release() -> dict[str, str]:
    """Return what /etc/os-release says of this machine."""
    pairs = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    return {key: value.strip('"') for key, _, value in pairs}


def kept(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """Return the tarball that `make` writes to the path it is given; made once, until `recipe` changes, however many
    tests ask for it at the same time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    tarball = CACHE / f"{name}-{key}.tar.zst"
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tarball.exists():
            new = CACHE / f"{name}.new"
            make(new)
            for old in CACHE.glob(f"{name}-*"):
                old.unlink()
            new.rename(tarball)
    return tarball


def base(suite: str) -> Path:
    """Return a tarball of a minimal `suite` with apt ready to work; made anew when mirror or recipe change."""
    address = mirror()

    def make(new: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="mls-base-") as name:
            root = Path(name) / "root"
            run("debootstrap", "--variant=minbase", f"--include={PREINSTALLED}", suite, str(root), address)
            configure_apt(root, suite)
            run(
                "tar",
                "--directory",
                str(root),
                "--exclude=./var/cache/apt/archives/*.deb",
                "--zstd",
                "-cf",
                str(new),
                ".",
            )

    return kept(suite, f"{address} {inspect.getsource(base)} {inspect.getsource(configure_apt)}", make)


def configure_apt(root: Path, suite: str) -> None:
    """Let apt inside reach what apt outside reaches."""
    ours = host_release()["VERSION_CODENAME"]
    for sources in ("sources.list", "sources.list.d/debian.sources"):
        (root / "etc/apt" / sources).unlink(missing_ok=True)
        if (outside := Path("/etc/apt") / sources).exists():
            (root / "etc/apt" / sources).write_text(outside.read_text().replace(ours, suite))
    for pattern in ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*", "/usr/local/share/ca-certificates/*"):
        for outside in Path("/").glob(pattern.lstrip("/")):
            if outside.is_file():
                inside = root / outside.relative_to("/")
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(outside, inside)
    # Until ca-certificates comes along with a library, for a mirror that is reached by https.
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    if authorities.exists():
        (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(authorities, root / authorities.relative_to("/"))


def run(*command: str) -> None:
    """Run `command`; raises AssertionError with the end of what it said."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout[-3000:]}"


def environment() -> dict[str, str]:
    """Return ours without what the make that runs the tests tells its children, and with Debian's own PATH."""
    ours = {key: value for key, value in os.environ.items() if "MAKE" not in key and key not in ("MFLAGS", "PYTHON")}
    return ours | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"}


def copy_checkout(target: Path) -> None:
    """Copy the files that git knows of, as they are now."""
    command = ["git", "-c", "safe.directory=*", "-C", str(CHECKOUT), "ls-files", "-z"]
    names = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split(b"\0")
    for name in map(os.fsdecode, filter(None, names)):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)


class Chroot:
    """A machine of `suite` with the checkout in /home/checkout; a context manager, gone afterwards."""

    def __init__(self, suite: str, tarball: Path | None = None) -> None:
        """`tarball`: what to unpack in place of the minimal system."""
        self.suite = suite
        self.tarball = tarball

    def __enter__(self) -> "Chroot":
        tarball = self.tarball or base(self.suite)
        self.root = Path(tempfile.mkdtemp(prefix=f"mls-{self.suite}-"))
        self.root.chmod(0o755)
        run("tar", "--directory", str(self.root), "-xpf", str(tarball))
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", self.root / "etc" / name)
        copy_checkout(self.root / "home/checkout")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root)

    def shell(self, command: str, user: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a shell command there, in the checkout; its processes end with it."""
        enter = (
            'mount --bind "$1" "$1" && mount -t proc proc "$1/proc" &&'
            ' exec chroot --userspec "$2:$2" "$1" sh -c "cd /home/checkout && $3"'
        )
        return subprocess.run(
            [*ENDS_WITH_US, "sh", "-c", enter, "sh", str(self.root), str(user), command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
