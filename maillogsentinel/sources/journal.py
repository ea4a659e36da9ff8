"""systemd's journal as a source of lines: what ``journalctl -o json`` prints of Postfix and its companions.

journalctl is run rather than libsystemd loaded: it comes with every systemd, knows every form of its files, and a
journal file that is damaged ends a child and not the run.
"""

import contextlib
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from maillogsentinel.errors import SourceError
from maillogsentinel.model import safe_text
from maillogsentinel.sources.block import Block

_BLOCK = 256 << 10
_ROOM = 1 << 20
_LONGEST = 1 << 20
"""Bytes of an entry above which it is passed over; Postfix's have some 500."""
_COMPLAINTS = 16 << 10
_IDENTIFIERS_MOST = 64
"""Any user of the machine can log under any name: with more of them than this, nothing is selected any more."""
_IDENTIFIER = re.compile(rb"[!-~\x80-\xff]{1,249}/smtpd\Z")
_POSTFIX = re.compile(rb"postfix[!-~\x80-\xff]{0,240}/[!-~\x80-\xff]{1,240}\Z|[!-~\x80-\xff]{1,249}/smtpd\Z")
"""Identifiers of Postfix's programs: its syslog_name is ``postfix`` with something behind it, or whatever somebody
chose."""
_POSTFIX_MOST = 256
_COMPANIONS = ("auth", "auth-worker", "dovecot", "dovecot-auth", "saslauthd")
_MAIL = "2"
_SUPPRESSED = "a596d6fe7bfa4994828e72309e95d61e"
"""SD_MESSAGE_JOURNAL_DROPPED: journald's word that it dropped messages."""
_FIELDS = "MESSAGE,MESSAGE_ID,SYSLOG_RAW,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_HOSTNAME"
_DAMAGED = re.compile(r"Journal file (.{1,4096}?)(?: is truncated| corrupted| uses an unsupported).{0,40}, ignoring")
_PLACES = ("/var/log/journal", "/run/log/journal")


class Entry(NamedTuple):
    """Where an entry stands."""

    cursor: str
    stamp: int
    """UTC microseconds."""

    def same(self, cursor: str) -> bool:
        """Whether this is the entry that had `cursor` when it was read.

        Only boot, times and content count: an entry gets another number when journald moves it from /run to /var.
        """
        return _content(self.cursor) == _content(cursor)


def _content(cursor: str) -> list[str]:
    return sorted(part for part in cursor.split(";") if part[:2] in ("b=", "m=", "t=", "x="))


def entry(fields: dict[str, Any]) -> Entry | None:
    """Return where the entry with these `fields` stands; None when it is none."""
    cursor, stamp = fields.get("__CURSOR"), str(fields.get("__REALTIME_TIMESTAMP"))
    if not isinstance(cursor, str) or not re.fullmatch("[0-9]{1,18}", stamp):
        return None
    return Entry(cursor, int(stamp))


def parsed(line: bytes) -> dict[str, Any]:
    """Return the fields of an entry; none where `line` is none."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


class Selection(NamedTuple):
    """Which entries are read: those of facility mail, and of the programs that log to another one."""

    identifiers: tuple[str, ...] | None
    """The smtpds that have logged, whatever facility they log to; None for all entries of all programs."""

    def matches(self) -> list[str]:
        """Return journalctl's arguments."""
        if self.identifiers is None:
            return []
        names = [f"SYSLOG_IDENTIFIER={name}" for name in (*_COMPANIONS, *self.identifiers)]
        return [f"SYSLOG_FACILITY={_MAIL}", "+", *names, "+", f"MESSAGE_ID={_SUPPRESSED}"]

    def includes(self, other: "Selection") -> bool:
        """Whether all that `other` selects is selected here."""
        if self.identifiers is None or other.identifiers is None:
            return self.identifiers is None
        return set(other.identifiers) <= set(self.identifiers)

    def has(self, fields: dict[str, Any]) -> bool:
        """Whether the entry with these `fields` is selected."""
        if self.identifiers is None:
            return True
        return (
            _MAIL in _values(fields, "SYSLOG_FACILITY")
            or _SUPPRESSED in _values(fields, "MESSAGE_ID")
            or any(name in _COMPANIONS or name in self.identifiers for name in _values(fields, "SYSLOG_IDENTIFIER"))
        )


def _values(fields: dict[str, Any], name: str) -> list[Any]:
    """A field's values; journald takes a field several times."""
    value = fields.get(name)
    return value if isinstance(value, list) else [value]


class Journal:
    """A journal that journalctl can read. Its methods raise SourceError where that cannot be."""

    def __init__(self, name: str) -> None:
        self.name = name
        directory = name.partition(":")[2]
        self._where = [f"--directory={directory}"] if directory else []

    def available(self) -> bool:
        """Return whether there is a journalctl, and a journal for it; costs next to nothing."""
        if not any(os.access(os.path.join(place, "journalctl"), os.X_OK) for place in os.get_exec_path()):
            return False
        directory = self.name.partition(":")[2]
        return _has_files(directory) if directory else any(map(_has_files, _PLACES))

    def selection(self) -> Selection:
        """Return what to select, by the names under which programs have logged up to now."""
        names = self._logged_as(_IDENTIFIER, _IDENTIFIERS_MOST)
        return Selection(None if names is None else tuple(sorted(names)))

    def _logged_as(self, form: re.Pattern[bytes], most: int) -> list[str] | None:
        """The names of that form under which programs have logged; None where they are more than `most`."""
        found: list[str] = []
        with Output([*self._where, "--field=SYSLOG_IDENTIFIER"]) as output:
            for data, end, begin in output.blocks():
                found += [os.fsdecode(name) for name in data[begin:end].split(b"\n") if form.match(name)]
                if len(found) > most:
                    return None
        return found

    def newest_of_postfix(self) -> Entry | None:
        """Return the newest entry that one of Postfix's programs wrote; None when there is none.

        With too many names of such programs it is the newest of facility mail.
        """
        names = self._logged_as(_POSTFIX, _POSTFIX_MOST)
        if names is None:
            return self._newest([f"SYSLOG_FACILITY={_MAIL}"])
        return self._newest([f"SYSLOG_IDENTIFIER={name}" for name in names]) if names else None

    def newest(self, selection: Selection | None = None) -> Entry | None:
        """Return the newest entry of all, or of those selected; None when there is none."""
        return self._newest(selection.matches() if selection else [])

    def _newest(self, matches: list[str]) -> Entry | None:
        return self._one(["--reverse", "--lines=1", *matches])

    def at(self, cursor: str) -> Entry | None:
        """Return the entry at `cursor`, or what stands in its place."""
        if not cursor:
            return None
        return self._one([f"--cursor={cursor}"])

    def _one(self, arguments: list[str]) -> Entry | None:
        with Output([*self._where, *_JSON, "--output-fields=MESSAGE_ID", *arguments]) as output:
            for data, end, begin in output.blocks():
                return entry(parsed(data[begin : data.find(b"\n", begin, end)]))
        return None

    def read(self, selection: Selection, cursor: str = "", since: int = 0, facility: bool = False) -> "Output":
        """Return the entries selected: from `cursor` on, or from the second of `since` (UTC microseconds), or all.

        `facility`: with what `Selection.has` needs.
        """
        begin = [f"--cursor={cursor}"] if cursor else [f"--since=@{since // 1_000_000}"] if since else []
        fields = f"--output-fields={_FIELDS}{',SYSLOG_FACILITY' if facility else ''}"
        return Output([*self._where, *_JSON, fields, *begin, *selection.matches()])


_JSON = ("--output=json", "--all", "--quiet")


def _has_files(directory: str) -> bool:
    """Whether `directory` or one below it holds a journal file, or may not be looked into."""
    errors: list[OSError] = []
    for _, names, files in os.walk(directory, onerror=errors.append):
        if any(name.endswith((".journal", ".journal~")) for name in files):
            return True
        names[:] = names[:100]
    return any(isinstance(error, PermissionError) for error in errors)


class Output:
    """What one journalctl prints; to be used in a ``with``, which leaves no child behind."""

    def __init__(self, arguments: list[str]) -> None:
        self.problems: list[str] = []
        """Sentences about journal files that journalctl cannot read; known when the last block was."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # room, so that journalctl goes on while a block is looked at
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _ROOM)
        self._stdout = os.fdopen(reading, "rb")
        self._complaints = os.fdopen(os.memfd_create("journalctl", os.MFD_CLOEXEC), "rb")
        try:
            # No shell; what others chose, the names of programs, stands behind FIELD=.
            self._child = subprocess.Popen(  # noqa: S603
                ["journalctl", "--no-pager", *arguments],  # noqa: S607
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=self._complaints,
                env={"LC_ALL": "C", "PATH": os.pathsep.join(os.get_exec_path())},
                cwd="/",
            )
        except OSError as error:
            self._close()
            if isinstance(error, FileNotFoundError):
                raise SourceError(
                    "There is no journalctl to read the journal with. Install systemd, or name a file as mail_log."
                ) from error
            raise SourceError(
                f"journalctl cannot be run: {error.strerror or error}. The next run tries again."
            ) from error
        finally:
            os.close(writing)

    def __enter__(self) -> "Output":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()  # does nothing to one that has ended and was waited for
        self._child.wait()
        self._close()

    def _close(self) -> None:
        self._stdout.close()
        self._complaints.close()

    def blocks(self) -> Iterator[Block]:
        """Yield the lines. Raises SourceError where journalctl says that they are not all."""
        carry, too_long = b"", False
        while chunk := self._stdout.read(_BLOCK):
            begin = 0
            if too_long:
                begin = chunk.find(b"\n") + 1
                if not begin:
                    continue
                too_long = False
            data = carry + chunk
            end = data.rfind(b"\n") + 1
            carry = data[end:] if end else data
            if len(carry) > _LONGEST:
                carry, too_long = b"", True
            if end > begin:
                yield Block(data, end, begin)
        self._end()

    def _end(self) -> None:
        status = self._child.wait()
        said = os.pread(self._complaints.fileno(), _COMPLAINTS, 0).decode("utf-8", "replace")
        for path in dict.fromkeys(_DAMAGED.findall(said)):
            shown = safe_text(path.encode("utf-8", "surrogatepass"))
            self.problems.append(
                f"The journal file {shown} is damaged, its entries cannot be read. journalctl --verify tells more;"
                " moving the file away ends this message."
            )
        if "insufficient permissions" in said or "not seeing messages from" in said:
            raise SourceError(
                "The journal may not be read by this user. Add the user to the group systemd-journal:"
                " usermod -aG systemd-journal maillogsentinel"
            )
        if status and "Failed to seek to cursor" not in said:  # there is no such entry, then
            last = said.strip().rpartition("\n")[2] or "nothing said"
            shown = safe_text(last[:300].encode("utf-8", "surrogatepass"))
            raise SourceError(f"journalctl ended with status {status}: {shown}. The next run tries again.")
