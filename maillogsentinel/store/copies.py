"""Copies of other hosts' CSVs on the machine that collects them: slices of ``export csv --since`` become whole copies.

Below the directory of the collection each host has one of its own:

- ``SINCE_TOKEN.slice``: what ``export csv --since SINCE --gzip`` gave, together with TOKEN; SINCE is ``start`` where
  there was none. Whoever fetches it need not do so atomically: a slice that is cut off is known as such.
- ``GENERATION.csv.gz``: the copy, the slices one behind another, which gzip allows. A CSV that was begun anew on its
  host has another generation and gets a copy of its own: the older one may hold records that the host has lost.
- ``position``: ``TOKEN FILE LENGTH``, the token to go on from and how much of which copy belongs to it.

A slice counts once `position` names it. What an interrupted append left behind that length is cut off before anything
else is done, and the slice, which is still there, is appended again.
"""

import filecmp
import os
import re
import zlib
from typing import NamedTuple

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import StoreError
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import os_sentence

TOKEN = re.compile(r"[0-9]{1,18}-[0-9]{1,18}-[0-9a-f]{16}")
"""What ``export csv`` gives as a token: generation, offset, and a mark of what stands before it."""
START = "start"
_SLICE = re.compile(rf"({START}|{TOKEN.pattern})_({TOKEN.pattern})\.slice")
_POSITION = re.compile(rf"({TOKEN.pattern}) (\d{{1,18}}(?:\.\d{{1,9}})?\.csv\.gz) (\d{{1,18}})\n")
_BLOCK = 256 * 1024


class Position(NamedTuple):
    """How far a host's CSV has been collected."""

    token: str
    file: str
    length: int


class Copies:
    """What was collected from one host, in its `directory`. Needs the lock of the collection; raises StoreError."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.host = os.path.basename(directory)
        self.notices: list[str] = []
        """Sentences on what an admin should know."""

    def bring_up_to_date(self) -> None:
        """Put right what was interrupted, and append the slices that have come."""
        try:
            self._mend()
            for name in sorted(os.listdir(self._directory)):
                match = _SLICE.fullmatch(name)
                if match:
                    self._take(name, match[1], match[2])
        except OSError as error:
            raise StoreError(f"{self.host}: {os_sentence(error, error.filename or self._directory)}") from error

    # -- the position

    def _position(self) -> Position | None:
        try:
            with open(self._path("position"), encoding="ascii", errors="replace") as file:
                text = file.read(200)
        except FileNotFoundError:
            return None
        match = _POSITION.fullmatch(text)
        return Position(match[1], match[2], int(match[3])) if match else None

    def _mend(self) -> None:
        """Cut off what no position names; forget a position whose copy is not what it was."""
        for name in os.listdir(self._directory):
            if name.endswith(".new"):
                os.unlink(self._path(name))
        position = self._position()
        if not position:
            self._forget("has a position that cannot be read")
            return
        try:
            size = os.stat(self._path(position.file)).st_size
        except FileNotFoundError:
            self._forget(f"has lost its copy {self._path(position.file)}")
            return
        if size < position.length:
            aside = self._path(f"{position.file}.damaged")
            os.rename(self._path(position.file), aside)
            self._forget(f"has a copy that was cut short, now {aside}")
        elif size > position.length:
            os.truncate(self._path(position.file), position.length)

    def _forget(self, why: str) -> None:
        """Let the next collection bring the whole CSV, and say why; nothing happens where there was no position."""
        if os.path.lexists(self._path("position")):
            os.unlink(self._path("position"))
            sync_directory(self._directory)
            self.notices.append(f"{self.host} {why}: the next collection brings its CSV whole.")

    # -- a slice

    def _take(self, name: str, since: str, token: str) -> None:
        """Append one slice, or drop it when it goes on from elsewhere: its rows were appended, or will come again."""
        position = self._position()
        if since == (position.token if position else START):
            self._append(name, since, token, position)
        os.unlink(self._path(name))

    def _append(self, name: str, since: str, token: str, position: Position | None) -> None:
        kind = _kind(self._path(name))
        if kind == "damaged":
            self.notices.append(f"{self.host}: {name} is cut off or damaged; the next collection brings it again.")
        elif kind == "whole":
            file = self._new_copy(name, token.partition("-")[0])
            if position:
                self.notices.append(
                    f"{self.host}: its CSV was reset, restored or edited, and collected whole. What was collected"
                    f" before stays in {self._path(position.file)} and is merged with it."
                )
            self._record(Position(token, file, os.stat(self._path(file)).st_size))
        elif kind == "more" and position:
            self._record(Position(token, position.file, self._add(name, position)))
        elif kind == "more":
            self.notices.append(f"{self.host}: {name} lacks its beginning; the next collection brings it again.")

    def _add(self, name: str, position: Position) -> int:
        """Write a slice behind the copy, and return the copy's length then."""
        with open(self._path(name), "rb") as source, open(self._path(position.file), "r+b") as target:
            target.seek(position.length)
            while data := source.read(_BLOCK):
                target.write(data)
            target.flush()
            os.fdatasync(target.fileno())
            return target.tell()

    def _new_copy(self, name: str, generation: str) -> str:
        """Make a slice that is a whole CSV a copy of its own, and return that copy's name."""
        number = 1
        while True:
            file = f"{generation}{f'.{number}' if number > 1 else ''}.csv.gz"
            if not os.path.lexists(self._path(file)):
                break
            if filecmp.cmp(self._path(name), self._path(file), shallow=False):
                return file  # which an interrupted append made of it
            number += 1
        with open(self._path(name), "rb") as source, open(self._path(f"{file}.new"), "xb") as target:
            os.fchmod(target.fileno(), 0o640)
            while data := source.read(_BLOCK):
                target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.rename(self._path(f"{file}.new"), self._path(file))
        return file

    def _record(self, position: Position) -> None:
        with open(self._path("position.new"), "x", encoding="ascii") as file:
            file.write(f"{position.token} {position.file} {position.length}\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(self._path("position.new"), self._path("position"))
        sync_directory(self._directory)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)


def _kind(path: str) -> str:
    """What a slice is: a CSV from its header line on (whole), rows behind others (more), nothing, or damaged."""
    packed = zlib.decompressobj(31)
    first = last = b""
    with open(path, "rb") as file:
        while not packed.eof:
            data = packed.unconsumed_tail or file.read(_BLOCK)
            if not data:
                return "damaged"
            try:
                text = packed.decompress(data, _BLOCK)
            except zlib.error:
                return "damaged"
            first = first if len(first) >= 256 else first + text[:256]
            last = text[-1:] or last
        if packed.unused_data or file.read(1) or last not in (b"\n", b""):
            return "damaged"
    if not first:
        return "nothing"
    return "whole" if csvfile.delimiter_of(first) else "more"
