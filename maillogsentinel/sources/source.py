"""A source of log lines between runs: what was listed, what each file's mark is, and what is left to read."""

from typing import NamedTuple

from maillogsentinel.model import Failure
from maillogsentinel.sources.rotation import LogFile


class Seen(NamedTuple):
    """A file as the last finished run found it."""

    inode: int
    size: int
    mtime: int
    waiting: bool
    """Whether its last line was incomplete and left for later."""
    mark: int
    """The id of its mark; 0 when nothing of it was read."""
    trouble: str
    """The sentence that says why it could not be read whole; empty when it could."""


def unread(file: LogFile, trouble: str = "") -> Seen:
    """Return what to remember of a file of which nothing was read."""
    return Seen(file.inode, file.size, file.mtime, False, 0, trouble)


class SourceState(NamedTuple):
    """The position of one source, as state.db keeps it."""

    path: str
    listing: dict[str, Seen]
    """By name; as it was before the files were read."""
    stamp: int
    """The latest stamp of any line read, UTC microseconds; 0 before the first."""
    current: int
    """The mark of the file that was the newest with bytes; 0 before the first."""
    adjacent: Failure | None
    """The failure that the very last line read was."""
    memory: str
    """What else the lines to come may be about, as the Scanner wrote it down; empty for nothing."""


class Task(NamedTuple):
    """A file that may hold lines that were not read."""

    file: LogFile
    final: bool
    """Whether a younger file has bytes, so that nothing will complete its last line."""
    live: bool


def tasks(listing: list[LogFile], state: SourceState) -> tuple[list[Task], dict[str, Seen]]:
    """Return the files of `listing` that must be opened, oldest first, and those known to be unchanged since.

    Where any must be, the live log is among them: it tells which other file is a copy of it.
    """
    by_inode = {(seen.inode, seen.size, seen.mtime): seen for seen in state.listing.values()}
    todo: list[Task] = []
    unchanged: dict[str, Seen] = {}
    for number, file in enumerate(listing):
        final = number + 1 < len(listing)
        seen = by_inode.get((file.inode, file.size, file.mtime))
        if seen and not (seen.waiting and final) and (final or not todo):
            unchanged[file.name] = seen
        else:
            todo.append(Task(file, final, not final))
    return todo, unchanged
