"""Runs of the real program that strace ends, or hinders, at one chosen system call, and what must be right after."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from typing import NamedTuple

import world

from maillogsentinel import reading
from maillogsentinel.commands.extract import extract

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.py")
BATCH = 1300
"""Bytes of failure lines in a batch: some nine lines."""
CALLS = (
    "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir,mkdirat,fchmod,chmod,"
    "fchown,openat,utimensat"
)
ERRORS = {
    "openat": ("EIO", "ENOSPC", "EROFS", "EMFILE"),
    "fchmod": ("EROFS",),
    "chmod": ("EROFS",),
    "fchown": ("EROFS",),
}
"""What each call may fail with; the others with EIO, ENOSPC and EINTR."""


KILLED = (-9, 137)


class Site(NamedTuple):
    """One system call of a run: the `number`-th of its name, on a file whose path ends in `file`."""

    call: str
    number: int
    file: str


def command(directory, *arguments):
    """Return the command line that runs the program in the world at `directory`."""
    return [sys.executable, PROGRAM, ROOT, str(BATCH), "--config", f"{directory}/test.conf", *arguments]


def run(directory, *arguments, before=()):
    """Run the program, by means of the command `before` where there is one, and return how that ended."""
    return subprocess.run(
        [*before, *command(directory, *(arguments or ("extract", "--offline")))],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=120,
    )


def sites(directory, *arguments):
    """Run the program once and return its calls that change, or open for a change, anything below `directory`."""
    trace = f"{directory}.trace"
    done = run(directory, *arguments, before=["strace", "-f", "-qq", "-y", "-o", trace, "-e", f"trace={CALLS}"])
    assert done.returncode == 0, done.stderr
    counts = Counter()
    found = []
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            if not match:
                continue
            call, rest = match.groups()
            counts[call] += 1
            touched = re.search(re.escape(directory) + r"/([^\s\">]*)", rest)
            if touched and not (call == "openat" and not re.search("O_CREAT|O_RDWR|O_WRONLY", rest)):
                found.append(Site(call, counts[call], touched.group(1)))
    os.unlink(trace)
    return found


def faulted(directory, site, kind, *arguments):
    """Run the program with the fault `kind` at `site`: KILL or the name of an error."""
    how = "signal=KILL" if kind == "KILL" else f"error={kind}"
    # A full disk stays full; what else goes wrong does so once.
    when = f"{site.number}+" if kind == "ENOSPC" and site.call == "pwrite64" else site.number
    before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={site.call}"]
    return run(directory, *arguments, before=[*before, "-e", f"inject={site.call}:{how}:when={when}"])


class Bed:
    """A directory in which the same situation is made again and again."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.number = 0

    def lines(self, count):
        """The next lines of the log, every third of which is no failure."""
        made = []
        for _ in range(count):
            self.number += 1
            stamp = f"{world.yesterday()}T01:{self.number // 60:02d}:{self.number % 60:02d}.000001+00:00"
            text = f"{stamp} mx postfix/smtpd[1]: "
            if self.number % 3:
                text += (
                    f"warning: unknown[192.0.2.{self.number}]: SASL LOGIN authentication failed:"
                    f" (reason unavailable), sasl_username=u{self.number:06d}"
                )
            else:
                text += "connect from unknown[192.0.2.7]"
            made.append(text + "\n")
        return "".join(made)

    def first(self):
        """Two logs that nobody has read."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.number = 0
        self.config = world.settings(self.directory)
        self.live = world.live(self.directory)
        self.append(f"{self.live}.1", self.lines(20))
        self.append(self.live, self.lines(25))

    def later(self):
        """A log that was read in part, rotated and written on."""
        self.first()
        extract(self.config, None, offline=True, wait=False)
        self.append(self.live, self.lines(10))
        os.rename(f"{self.live}.1", f"{self.live}.2")
        os.rename(self.live, f"{self.live}.1")
        self.append(self.live, self.lines(20))

    def killed_after_append(self):
        """Let a run be killed when it has written its first batch into the CSV, and knows nothing of that."""
        length = os.path.getsize(self.config.csv_path)
        child = os.fork()
        if not child:
            reading.BATCH_BYTES = BATCH
            os.fdatasync = lambda _: os._exit(9)  # how the CSV is synced, but not state.db
            extract(self.config, None, offline=True, wait=False)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert os.path.getsize(self.config.csv_path) > length, "the run was killed too early"

    def pending(self):
        """The same, after a run that was killed when half of its first batch was in the CSV."""
        self.later()
        length = os.path.getsize(self.config.csv_path)
        self.killed_after_append()
        os.truncate(self.config.csv_path, (length + os.path.getsize(self.config.csv_path)) // 2)

    def append(self, path, text):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)

    def expected(self):
        return Counter(f"u{number:06d}" for number in range(1, self.number + 1) if number % 3)

    def right(self, events_lost=False):
        """Assert that the next run makes everything right, and the one after it has nothing to do."""
        outcome = extract(self.config, None, offline=True, wait=False)
        assert not outcome.failed
        assert not outcome.notices
        world.consistent(f"{self.directory}/state", self.config.csv_path, events_lost)
        assert world.users(self.config.csv_path) == self.expected()
        assert extract(self.config, None, offline=True, wait=False).records == 0


def plain(done):
    """Assert that a run that failed said so in one sentence."""
    assert done.returncode == 1, f"exit status {done.returncode}: {done.stderr}"
    assert re.fullmatch(r"maillogsentinel: [^\n]+\n", done.stderr), done.stderr
    assert "Internal error" not in done.stderr


def attempt(job):
    """Try one fault; return what went wrong, or nothing. For pools of processes: `job` is what `jobs` returns."""
    directory, situation, site, kind = job
    bed = Bed(f"{directory}/{os.getpid()}")
    try:
        getattr(bed, situation)()
        done = faulted(bed.directory, site, kind)
        if kind == "KILL":
            assert done.returncode in KILLED, f"not killed: {done.returncode}"
        elif done.returncode:
            plain(done)
        else:
            assert not done.stderr, done.stderr
        bed.right()
    except Exception as error:
        return f"{kind} at {site} in {situation}: {type(error).__name__}: {error}"
    return None


def jobs(directory, situation, every=False):
    """Return a job for every fault at every site of a run in `situation`.

    Of several calls in a row on the same file the first and the last stand for all, unless `every`.
    """
    bed = Bed(f"{directory}/{os.getpid()}")
    getattr(bed, situation)()
    found = sites(bed.directory)
    shutil.rmtree(bed.directory)
    ends = [
        site
        for before, site, after in zip([None, *found], found, [*found[1:], None], strict=False)
        if every or not (before and after and before[::2] == site[::2] == after[::2])
    ]
    return [
        (str(directory), situation, site, kind)
        for site in ends
        for kind in ("KILL", *ERRORS.get(site.call, ("EIO", "ENOSPC", "EINTR")))
    ]
