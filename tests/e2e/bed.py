"""A real Postfix to test against: private, seen by nobody, and gone when the test ends, however it ends."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

MARKS = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="a private mail server needs root: run make test as root"),
    pytest.mark.skipif(
        not all(shutil.which(tool) for tool in ("postfix", "dovecot", "rsyslogd", "saslpasswd2", "unshare")),
        reason="needs the packages postfix, dovecot-core, rsyslog and sasl2-bin; make test installs them",
    ),
]
"""Of each test module that starts a bed."""

HERE = Path(__file__).parent
NAMESPACES = ["unshare", "--mount", "--uts", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]


class Bed:
    """A mail server in its own namespaces; ``log`` is its mail.log, seen from outside too.

    A context manager. `hosts` are lines for its /etc/hosts: a client whose address has a name there is a client with
    a verified name to Postfix. `clock` sets the clock that rsyslog stamps with, in seconds from now.
    """

    def __init__(self, hosts: Iterable[str] = (), postlogd: bool = False, clock: float | None = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mls-bed-"))
        self.directory.chmod(0o755)  # Postfix's daemons give up root and must still get in
        self.log = self.directory / "log" / "mail.log"
        (self.directory / "hosts").write_text("".join(f"{line}\n" for line in hosts))
        if clock is not None:
            (self.directory / "clock").write_text(f"{clock:+f}\n")
        self.environment = {**os.environ, "POSTLOGD": "1" if postlogd else ""}

    def __enter__(self) -> "Bed":
        self.process = subprocess.Popen(
            [*NAMESPACES, "bash", str(HERE / "bed.sh"), str(self.directory)],
            stdin=subprocess.PIPE,
            env=self.environment,
        )
        deadline = time.monotonic() + 30
        while not (self.directory / "ready").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError("the mail server did not start; its complaint stands above")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()  # --kill-child takes the namespace with it
            self.process.wait()
        shutil.rmtree(self.directory)

    def command(self, *arguments: str) -> list[str]:
        """Return what runs `arguments` inside, as root."""
        inside = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        namespaces = ["--mount", "--uts", "--net", "--ipc", "--pid", "--root", "--wd"]
        return ["nsenter", "--target", inside, *namespaces, *arguments]

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Run `arguments` inside and return what they print. Raises CalledProcessError."""
        return subprocess.run(
            self.command(*arguments),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def talk(self, sessions: Iterable[dict[str, Any]]) -> list[list[str]]:
        """Hold these SMTP sessions, one after another, and return the server's replies (see smtp_client.py)."""
        lines = "".join(json.dumps(session) + "\n" for session in sessions)
        answers = self.run(sys.executable, str(HERE / "smtp_client.py"), given=lines)
        return [json.loads(line) for line in answers.splitlines()]
