"""Run a command and say how long it took, or how much memory it and its children had of their own at most."""

import os
import time
from pathlib import Path
from typing import NamedTuple

PYTHON = "/usr/bin/python3"
REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "HOME": os.environ.get("HOME", "/"),
}
SAMPLE_PAUSE = 0.002
"""Seconds between two looks at the memory: with the look itself some 400 a second."""


class CommandError(Exception):
    """A command of the benchmark did not do what it should; the text says which and what it wrote."""


class Run(NamedTuple):
    """What one command did."""

    seconds: float
    """Wall time from before its start to after its end."""
    cpu: float = 0.0
    """Seconds that it and its children computed, user and system: without the wait for others on a busy machine."""
    output: str = ""
    peak_anonymous: int = 0
    """Bytes; 0 unless it was asked for."""


def execute(command: list[str], output: Path, *, sample_memory: bool = False, allowed: tuple[int, ...] = (0,)) -> Run:
    """Run `command` in the repository, its standard output and errors going to the file `output`.

    Raises CommandError when its exit status is none of the `allowed`. posix_spawn in place of subprocess, for a
    process of ten milliseconds should not be measured with two of our own.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    os.chdir(REPOSITORY)
    begin = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, ENVIRONMENT, file_actions=actions)
    peak = _sample(pid) if sample_memory else 0
    _, wait_status, used = os.wait4(pid, 0)
    status = os.waitstatus_to_exitcode(wait_status)
    seconds = time.perf_counter() - begin
    text = output.read_text(errors="replace")
    if status not in allowed:
        raise CommandError(f"{' '.join(command)}: exit status {status}: {text[-2000:].strip() or 'nothing said'}")
    return Run(seconds, used.ru_utime + used.ru_stime, text, peak)


def _sample(pid: int) -> int:
    """Return the peak of the RssAnon of `pid` and its descendants together, in bytes; returns when `pid` has ended."""
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        peak = max(peak, sum(_anonymous(member) for member in _tree(pid)))
        time.sleep(SAMPLE_PAUSE)
    return peak


def _tree(pid: int) -> list[int]:
    members = [pid]
    for member in members:
        try:
            tasks = os.listdir(f"/proc/{member}/task")
            for task in tasks:
                with open(f"/proc/{member}/task/{task}/children") as file:
                    members += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return members


def _anonymous(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def load_into_page_cache(path: Path) -> None:
    """Read the file once, so that no run waits for the disk."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
