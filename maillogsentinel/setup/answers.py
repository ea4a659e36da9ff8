"""The file of the wizard's answers, FILE.d/50-setup.conf: what it says, what it would say, and how it is written."""

import errno
import fcntl
import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from maillogsentinel.config import Config, ConfigError, Entry, Fault, check, examine, read_entries, read_lines
from maillogsentinel.errors import SetupError
from maillogsentinel.options import OPTIONS, Option
from maillogsentinel.setup.finding import shown

NAME = "50-setup.conf"
_HEAD = """\
# Written by "maillogsentinel setup", which finds its earlier answers here and writes the file anew.
# Values of your own belong into another file of this directory; one whose name sorts behind this one's wins.
"""


class Answers:
    """The answers beside one configuration, and the other files around them.

    Raises UsageError where another file cannot be read or has an error: no answer would mend that.
    """

    def __init__(self, config_path: str) -> None:
        self.config_path = config_path
        self.path = os.path.join(config_path + ".d", NAME)
        self.text = _text(self.path)
        """What the file holds now; empty where there is none."""
        self._others, faults = examine(config_path, {self.path: ""})
        errors = [fault for fault in faults if fault.error]
        if errors:
            raise ConfigError(errors)
        self.earlier, self.faults = _values(self.path, self.text)
        """The values that it sets, by option; and what is wrong with it, which a new one has not."""

    def render(self, values: Mapping[Option[Any], str]) -> str:
        """Return the text of a file with `values`; the one that is there, where they are its own."""
        if not self.faults and dict(values) == self.earlier:
            return self.text
        lines = [_HEAD]
        for section, options in groupby((option for option in OPTIONS if option in values), lambda one: one.section):
            lines.append(f"\n[{section}]\n")
            lines += [f"{option.key} = {values[option]}".rstrip() + "\n" for option in options]
        return "".join(lines)

    def config(self, values: Mapping[Option[Any], str]) -> Config:
        """Return the configuration as it is with `values`."""
        return examine(self.config_path, {self.path: self.render(values)})[0]

    def overriding(self, option: Option[Any]) -> Entry | None:
        """Return the line of a later file that wins over an answer for `option`; None where there is none."""
        entry = self._others.entries.get(option)
        return entry if entry and entry.file != self.config_path and entry.file > self.path else None

    def diff(self, text: str) -> str:
        """Return what changes when the file holds `text`, as a unified diff that a terminal may be shown."""
        from difflib import unified_diff

        before, after = (
            [shown(line) for line in whole.removesuffix("\n").split("\n")] if whole else []
            for whole in (self.text, text)
        )
        old = self.path if self.text else "/dev/null"
        return "\n".join(unified_diff(before, after, old, self.path, lineterm=""))

    def refuse_unwritable(self) -> None:
        """Raise SetupError where it can be told beforehand that the file cannot be written."""
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            directory = os.path.dirname(directory) or "."
        if os.access(directory, os.W_OK | os.X_OK):
            return
        try:
            read_only = os.statvfs(directory).f_flag & os.ST_RDONLY
        except OSError:
            read_only = 0
        raise _unwritable(self.path, errno.EROFS if read_only else errno.EACCES)

    def write(self, text: str) -> None:
        """Put `text` into the file, whole or not at all. Raises SetupError; then the file is as it was."""
        directory, name = os.path.split(self.path)
        try:
            os.makedirs(directory, 0o755, exist_ok=True)
            with _locked(directory) as place:
                if _text(self.path) != self.text:
                    raise SetupError(f"{self.path} was changed meanwhile and is left as it is. Run setup again.")
                for left in glob.glob(os.path.join(glob.escape(directory), f".{NAME}.*.new")):
                    os.unlink(left)  # of one that was killed: who holds the lock is alone
                _replace(place, name, text)
        except OSError as error:
            raise _unwritable(self.path, error.errno or 0) from error


def _text(path: str) -> str:
    return "\n".join(read_lines(path)) if os.path.lexists(path) else ""


def _values(path: str, text: str) -> tuple[dict[Option[Any], str], list[Fault]]:
    entries, faults = read_entries(path, text.split("\n"))
    values: dict[Option[Any], str] = {}
    for entry in entries:
        option, _, fault = check(entry)
        if option in values:
            fault = Fault(*entry[:4], "stands a second time", True)
        if fault:
            faults.append(fault)
        elif option is not None:
            values[option] = entry.value
    return values, faults


@contextmanager
def _locked(directory: str) -> Iterator[int]:
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        yield place
    finally:
        os.close(place)


def _replace(place: int, name: str, text: str) -> None:
    """Put `text` into the file `name` of the directory that `place` is open on."""
    temporary = f".{NAME}.{os.getpid()}.new"  # no drop-in: its name begins with a dot
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=place)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # whatever the umask is: the service user reads it
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
    except BaseException:
        os.unlink(temporary, dir_fd=place)
        raise
    os.fsync(place)


def _unwritable(path: str, number: int) -> SetupError:
    why = os.strerror(number)
    if number in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free some space and run setup again"
    elif number == errno.EROFS:
        remedy = "Make that file system writable (mount -o remount,rw) and run setup again"
    elif number in (errno.EACCES, errno.EPERM) and os.geteuid() != 0:
        remedy = "Run it as root: sudo maillogsentinel setup; or see what it would write, with --dry-run"
    else:
        remedy = "Put that right and run setup again"
    return SetupError(f"Cannot write {path}: {why}. Nothing was changed. {remedy}.")
