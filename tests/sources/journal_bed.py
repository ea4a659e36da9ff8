"""Real journals for tests: files that systemd-journal-remote writes, and a journald of our own in its own namespace."""

import calendar
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

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


class Journald:
    """A journald of our own, with a /run and a /var/log/journal that nobody else sees; needs root."""

    SCRIPT = """
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
    mount --bind "$1/run" /run/systemd/journal
    mount -t tmpfs tmpfs /var/log && mkdir /var/log/journal && mount --bind "$1/journal" /var/log/journal
    printf '[Journal]\\nStorage=persistent\\nRateLimitBurst=0\\n%s\\n' "$2" > /run/systemd/journald.conf.d/test.conf
    exec "$3"
    """

    def __init__(self, options=""):
        self.directory = tempfile.mkdtemp(prefix="jd")  # short: names of sockets are
        for name in ("run", "journal"):
            os.mkdir(f"{self.directory}/{name}")
        self.options = options
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
            [*NAMESPACE, "sh", "-euc", self.SCRIPT, "sh", self.directory, self.options, JOURNALD],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait(lambda: os.path.exists(f"{self.directory}/run/dev-log"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._wait(self._connected)
        self.process.send_signal(signal.SIGUSR1)  # from /run to /var
        self._wait(lambda: os.listdir(f"{self.directory}/journal") and os.path.exists(f"{self.journal}/system.journal"))

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
            assert self.process.poll() is None, "journald has ended"
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
        return subprocess.run(
            ["journalctl", "-q", "-D", self.journal, *arguments], capture_output=True, text=True, check=False
        ).stdout

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

    def remove(self):
        """End journald, and remove all that it wrote."""
        self.stop()
        shutil.rmtree(self.directory)
