"""A log and its rotated siblings, oldest first, as logrotate and its like name them."""

import os
import re
import stat
from typing import NamedTuple

from maillogsentinel.errors import SourceError

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class LogFile(NamedTuple):
    """One file of a rotation set, as the listing showed it."""

    name: str
    inode: int
    size: int
    mtime: int
    """Nanoseconds since 1970."""

    @property
    def compressed(self) -> bool:
        """Whether the file must be decompressed to be read."""
        return self.name.endswith(COMPRESSED)


_SUFFIX = re.compile(
    r"(?:\.(?P<number>\d{1,5})|[.-](?P<date>\d{4}-?\d\d-?\d\d(?:[-_T.]?\d{1,10}(?:[:-]?\d\d){0,2})?))"
    r"(?P<compression>\.(?:gz|bz2|xz|zst))?"
)


_SIBLING = re.compile(rf"(.+?){_SUFFIX.pattern}", re.S)


def live_name(path: str) -> str | None:
    """Return the path of the log of which the file at `path` is a rotated sibling by its name; None for other names."""
    match = _SIBLING.fullmatch(os.path.basename(path))
    return os.path.join(os.path.dirname(path), match[1]) if match else None


def list_set(path: str) -> list[LogFile]:
    """Return the non-empty files of the log at `path`, oldest first, the live log last.

    Numbered and dated names are each in their own order; the scheme with the newest file is the younger one. Where a
    file and its compressed copy are both there, the compression is still going on: the plain one stands for both.
    Raises SourceError when the directory cannot be read, or `path` is no log.
    """
    directory, base = os.path.split(path)
    numbered: list[tuple[int, LogFile]] = []
    dated: list[tuple[str, LogFile]] = []
    live: list[LogFile] = []
    names: set[str] = set()
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not entry.name.startswith(base):
                    continue
                match = _SUFFIX.fullmatch(entry.name, len(base))
                if entry.name != base and not match:
                    continue
                found = _entry(entry, entry.name == base)
                if found is None:
                    continue
                names.add(entry.name)
                if match is None:
                    live.append(found)
                elif match["number"]:
                    numbered.append((-int(match["number"]), found))
                else:
                    dated.append((match["date"].replace("-", "").replace(".", ""), found))
    except OSError as error:
        raise SourceError(f"Cannot read the directory {directory}: {error.strerror}. {_RIGHTS}") from error
    if not names:
        raise SourceError(missing(path))
    schemes = [
        [file for _, file in sorted(scheme) if not (file.compressed and file.name.rsplit(".", 1)[0] in names)]
        for scheme in (numbered, dated)
    ]
    schemes.sort(key=lambda files: max((file.mtime for file in files), default=0))
    return [file for file in [*schemes[0], *schemes[1], *live] if file.size]


_RIGHTS = "Run as a user of the group adm, or name another log with [paths] mail_log."


def missing(path: str) -> str:
    """Return the sentence for a log that is not there."""
    return (
        f"There is no log {path}. Name the log that Postfix writes to with [paths] mail_log; where it logs to the"
        " journal alone: mail_log = journal."
    )


def _entry(entry: os.DirEntry[str], live: bool) -> LogFile | None:
    """The file as it stands, links followed; None for what is no file, unless it stands in the live log's place."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        if live:
            raise SourceError(f"{entry.path} is not a file. Name the log that Postfix writes to with [paths] mail_log.")
        return None
    return LogFile(entry.name, status.st_ino, status.st_size, status.st_mtime_ns)


def single(path: str) -> list[LogFile]:
    """Return the file at `path` alone, without siblings; empty when it has no bytes. Raises SourceError."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise SourceError(missing(path)) from None
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}. {_RIGHTS}") from error
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path} is not a file. Name a log file.")
    found = LogFile(os.path.basename(path), status.st_ino, status.st_size, status.st_mtime_ns)
    return [found] if found.size else []


def moved(before: list[LogFile], after: list[LogFile]) -> bool:
    """Return whether files were rotated, replaced or cut between two listings, not just written to."""
    sizes = {(file.name, file.inode): file.size for file in after}
    return len(before) != len(after) or any(sizes.get((file.name, file.inode), -1) < file.size for file in before)


def open_file(directory: str, file: LogFile) -> int:
    """Return a descriptor of `file`, or raise MovedError when its name belongs to another file by now."""
    path = os.path.join(directory, file.name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise MovedError from None
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}. {_RIGHTS}") from error
    if os.fstat(descriptor).st_ino != file.inode:
        os.close(descriptor)
        raise MovedError
    return descriptor


class MovedError(Exception):
    """The set changed while it was read: list it again."""
