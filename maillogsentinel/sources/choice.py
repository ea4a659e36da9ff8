"""Which sources a run reads: the files that ``mail_log`` names, the journal, or what ``auto`` finds."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from maillogsentinel.errors import SourceError, UsageError
from maillogsentinel.localtime import MINUTE, now
from maillogsentinel.sources import rotation
from maillogsentinel.sources.names import AUTO, JOURNAL, is_journal, refuse_parts

AUTO_FILE = "/var/log/mail.log"
"""The file that ``auto`` takes where one is fed: Debian's rsyslog writes facility mail there."""

_STALE = 60 * MINUTE
_MAGIC = frozenset("*?[")


class Choice(NamedTuple):
    """What is read, and why that."""

    names: tuple[str, ...]
    """Absolute paths of live logs; or the journal's name alone."""
    why: str
    """For ``auto`` what decided, a few words; else empty."""

    @property
    def journal(self) -> bool:
        """Whether it is the journal."""
        return is_journal(self.names[0])


def choose(
    mail_log: Sequence[str],
    has_journal: Callable[[], bool],
    newest_entry: Callable[[], int | None],
    file: str = AUTO_FILE,
) -> Choice:
    """Return what to read. `newest_entry` gives the stamp of the journal's newest line of Postfix, None for no line.

    It is asked only when it decides, since it takes a process. `file` is what ``auto`` takes where it is fed. Raises
    SourceError when there is nothing to read, UsageError where the patterns name the same lines twice.
    """
    if tuple(mail_log) != (AUTO,):
        return Choice(tuple(mail_log) if is_journal(mail_log[0]) else _files(mail_log), "")
    from maillogsentinel.sources.timeline import newest_line  # with all that reads lines, which other runs may not need

    fed = newest_line(file)
    if fed is not None and fed >= now() - _STALE:
        return Choice((file,), "it is fed")
    if not has_journal():
        return Choice((file,), "there is no journal")
    if fed is None:
        return Choice((JOURNAL,), f"there is no {file}")
    try:
        entry = newest_entry()
    except SourceError:
        return Choice((file,), "the journal cannot be read")
    if entry is not None and fed < entry - _STALE:
        return Choice((JOURNAL,), f"{file} is not fed any more")
    return Choice((file,), "it is fed")


def _files(patterns: Sequence[str]) -> tuple[str, ...]:
    """The live logs that `patterns` name, each once, without the rotated siblings of others."""
    found: dict[str, str | None] = {}  # a path, and the pattern that matched it
    for pattern in patterns:
        if _MAGIC.isdisjoint(pattern):
            found[pattern] = None
            continue
        import glob

        for path in sorted(glob.glob(pattern)):
            if os.path.isfile(path):
                found.setdefault(path, pattern)
    if not found:
        raise SourceError(f"No log matches {', '.join(patterns)}. Name the logs that Postfix writes to with mail_log.")
    paths = _without_siblings(found)
    try:
        refuse_parts(paths)
    except ValueError as error:
        raise UsageError(f"[paths] mail_log: {error}.") from None
    return tuple(_each_once(paths))


def _without_siblings(found: dict[str, str | None]) -> list[str]:
    """Rotated siblings give way to their live log, even where that was just moved away and is not there yet."""
    from fnmatch import fnmatchcase

    paths: dict[str, None] = {}
    for path, pattern in found.items():
        live = rotation.live_name(path)
        while live and live not in found and not (pattern and fnmatchcase(live, pattern)):
            live = rotation.live_name(live)
        paths[live or path] = None
    return list(paths)


def _each_once(paths: Sequence[str]) -> list[str]:
    """A file under two names, by a link, is one source: that of the first name."""
    seen: set[tuple[int, int]] = set()
    once = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            once.append(path)  # to be complained about when it is read
            continue
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            once.append(path)
    return once
