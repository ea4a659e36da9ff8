"""Real journals for tests: files that systemd-journal-remote writes, and a journald of our own in its own namespace."""

import calendar
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

from maillogsentinel import config
from maillogsentinel.commands.extract import extract
from maillogsentinel.committing import Committer
from maillogsentinel.store.database import Database

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

REMOTE = "/lib/systemd/systemd-journal-remote"
JOURNALD = "/lib/systemd/systemd-journald"
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
MISSING = not (os.path.exists(REMOTE) and shutil.which("journalctl"))
WHY_MISSING = "needs systemd-journal-remote: apt-get install systemd-journal-remote"
BOOT = "b0" * 16
MACHINE = "a1" * 16
DAY = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
START = calendar.timegm(time.strptime(DAY, "%Y-%m-%d")) * 1_000_000 + 12 * 3_600_000_000
"""UTC microseconds of the first entry, unless a test says otherwise: noon of DAY."""


def failure(number, pid=42):
    """The fields of a login that failed, whose user is the `number`."""
    text = f"warning: unknown[192.0.2.{number % 250}]: SASL LOGIN authentication failed: (reason unavailable)"
    return smtpd(f"{text}, sasl_username=u{number:06d}", pid)


def smtpd(message, pid=42, **others):
    """The fields of an entry of Postfix's smtpd."""
    return {
        "MESSAGE": message,
        "SYSLOG_FACILITY": "2",
        "SYSLOG_IDENTIFIER": "postfix/submission/smtpd",
        "SYSLOG_PID": str(pid),
        "_PID": str(pid),
        "_HOSTNAME": "mx1",
        "_TRANSPORT": "syslog",
        **others,
    }


def write(path, entries, start=START, step=1_000_000, boot=BOOT, monotonic=None):
    """Append `entries` to the journal file at `path`: dicts of fields, whose values are text, bytes or lists of them.

    The first has the stamp `start`, each later one a stamp `step` microseconds later; ``at`` in one says otherwise.
    """
    data = bytearray()
    for number, fields in enumerate(entries):
        fields = dict(fields)
        stamp = fields.pop("at", start + number * step)
        since_boot = stamp - START + 1_000_000_000 if monotonic is None else monotonic + number * step
        head = {"__REALTIME_TIMESTAMP": stamp, "__MONOTONIC_TIMESTAMP": since_boot, "_BOOT_ID": boot}
        for name, value in {**head, "_MACHINE_ID": MACHINE, **fields}.items():
            for one in value if isinstance(value, list) else [value]:
                data += _field(name, one)
        data += b"\n"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    done = subprocess.run([REMOTE, "-o", path, "-"], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def _field(name, value):
    raw = value if isinstance(value, bytes) else str(value).encode()
    if any(byte < 32 for byte in raw):
        return name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
    return name.encode() + b"=" + raw + b"\n"


class Host:
    """A journal of files in a directory, and runs of the program that read it."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.journal = f"{directory}/journal"
        os.mkdir(self.journal)
        self.name = f"journal:{self.journal}"
        self.config_path = f"{directory}/test.conf"
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(f"[paths]\nworking_dir = {directory}/state\nstate_dir = {directory}/state\n")
            file.write(f"mail_log = {self.name}\n[geolocation]\ncountry_db_path =\n")
            file.write("[general]\ntime_zone = UTC\nlog_file =\n[alerts]\nenabled = no\n")
        self.config = config.load(self.config_path)
        self.end = START
        self.rotated = 0

    def append(self, entries, **where):
        """Append entries to the journal, each a second after the one before."""
        where.setdefault("start", self.end)
        write(f"{self.journal}/system.journal", entries, **where)
        self.end = where["start"] + len(entries) * 1_000_000

    def rotate(self):
        """Archive the journal file; the next entries begin a new one."""
        self.rotated += 1
        name = f"system@{self.rotated:032x}-{self.rotated:016x}-{self.rotated:016x}.journal"
        os.rename(f"{self.journal}/system.journal", f"{self.journal}/{name}")

    def archived(self):
        """The names of the archived files, oldest first."""
        return sorted(name for name in os.listdir(self.journal) if "@" in name)

    def vacuum(self):
        """Delete the archived files."""
        for name in self.archived():
            os.unlink(f"{self.journal}/{name}")

    def run(self):
        """Read what is new."""
        return extract(self.config, None, offline=True, wait=False)

    def commits(self, monkeypatch, found):
        """Note the position of every commit in `found`."""
        commit = Committer.commit

        def noted(committer, batch, standing, marks):
            found.append(standing.position)
            commit(committer, batch, standing, marks)

        monkeypatch.setattr(Committer, "commit", noted)
        return commit

    def rows(self):
        """The CSV's records, as lists of cells."""
        with open(self.config.csv_path, encoding="utf-8") as file:
            return [line.rstrip("\n").split(",") for line in file][1:]

    def users(self):
        """The records' users."""
        return [row[3] for row in self.rows()]

    def database(self):
        """The state, to be read."""
        return Database(f"{self.directory}/state")

    def query(self, sql):
        """What a query of the state gives."""
        with contextlib.closing(self.database()) as database:
            return database.rows(sql)

    def change(self, sql):
        """Change the state behind the program's back."""
        with contextlib.closing(sqlite3.connect(f"{self.directory}/state/state.db")) as connection, connection:
            connection.execute(sql)


def as_nobody(code, readable):
    """Return what Python says that runs `code` as nobody, who may list the directory `readable`."""
    while readable != "/":
        os.chmod(readable, 0o755)
        readable = os.path.dirname(readable)
    return subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": CHECKOUT, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    ).stderr


class Journald:
    """A journald of our own, with a /run and a /var/log/journal that nobody else sees; needs root."""

    SCRIPT = """
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
    mount --bind "$1/run" /run/systemd/journal
    mount -t tmpfs tmpfs /var/log && mkdir /var/log/journal && mount --bind "$1/journal" /var/log/journal
    printf '[Journal]\\nStorage=persistent\\nRateLimitBurst=0\\n%s\\n' "$2" > /run/systemd/journald.conf.d/test.conf
    test -z "$4" || touch /run/systemd/journal/flushed  # straight to /var
    exec "$3"
    """

    def __init__(self, options="", flushed=True):
        """Write to /var from the beginning, or to /run until `flush`."""
        self.directory = tempfile.mkdtemp(prefix="jd")  # short: names of sockets are
        for name in ("run", "journal"):
            os.mkdir(f"{self.directory}/{name}")
        self.options = options
        self.flushed = flushed
        self.start()
        self.number = 0

    @property
    def journal(self):
        """The directory of the journal files."""
        (machine,) = os.listdir(f"{self.directory}/journal")
        return f"{self.directory}/journal/{machine}"

    def start(self):
        """Start journald, as after a boot (of the same kernel)."""
        self.process = subprocess.Popen(
            [*NAMESPACE, "sh", "-euc", self.SCRIPT, "sh", self.directory, self.options, JOURNALD, "x" * self.flushed],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(f"{self.directory}/said", "ab"),  # noqa: SIM115
        )
        self._wait(lambda: os.path.exists(f"{self.directory}/run/dev-log"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._wait(self._connected)
        if self.flushed:
            self._wait_for_var()

    def _wait_for_var(self):
        directory = f"{self.directory}/journal"
        self._wait(lambda: os.listdir(directory) and os.path.exists(f"{self.journal}/system.journal"))

    def flush(self):
        """Let journald move what it has from /run to /var."""
        self.process.send_signal(signal.SIGUSR1)
        self.flushed = True
        self._wait_for_var()

    def _connected(self):
        try:
            self.socket.connect(f"{self.directory}/run/dev-log")
        except OSError:
            return False
        return True

    def _wait(self, condition):
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, "journald does not do it"
            if self.process.poll() is not None:
                with open(f"{self.directory}/said", encoding="utf-8") as file:
                    raise AssertionError(f"journald has ended ({self.process.returncode}): {file.read()}")
            time.sleep(0.01)

    def log(self, message, tag="postfix/smtpd", pid=42, priority=20):
        """Log as syslog(3) does."""
        raw = message if isinstance(message, bytes) else message.encode()
        self.socket.send(f"<{priority}>Nov 23 20:00:00 {tag}[{pid}]: ".encode() + raw)

    def settle(self):
        """Wait until what was logged can be read."""
        self.number += 1
        mark = f"settled {self.number}"
        self.log(mark, "settle", priority=14)
        self._wait(lambda: mark in self.journalctl("-n", "3", "-o", "cat", "-t", "settle"))

    def journalctl(self, *arguments):
        """Return what journalctl says of this journal."""
        return self.inside("journalctl", "-q", *arguments).stdout.decode("utf-8", "surrogateescape")

    def inside(self, *command, **options):
        """Run a command where this journal is the machine's."""
        return subprocess.run(
            ["nsenter", f"--target={self.process.pid}", "--mount", *command],
            capture_output=True,
            check=False,
            **options,
        )

    def files(self):
        """The journal files' names, the archived ones first."""
        return sorted(os.listdir(self.journal), reverse=True)

    def rotate(self):
        """Let journald begin a new file."""
        before = self.files()
        self.process.send_signal(signal.SIGUSR2)
        self._wait(lambda: len(self.files()) > len(before))
        self.settle()

    def vacuum(self, files=1):
        """Delete all but so many archived files."""
        self.journalctl(f"--vacuum-files={files}")

    def stop(self):
        """End journald in an orderly way."""
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        os.unlink(f"{self.directory}/run/dev-log")

    def remove(self):
        """End journald, and remove all that it wrote."""
        self.stop()
        shutil.rmtree(self.directory)
