"""One file of a log while it is read: where to begin, its blocks of whole lines, and the mark where reading stopped."""

import os
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from maillogsentinel.sources.block import Block
from maillogsentinel.sources.position import HEAD, TAIL, Mark, digest, first_line, fits, make_mark, with_head
from maillogsentinel.sources.rotation import LogFile, MovedError
from maillogsentinel.sources.stream import BLOCK, Stream, open_compressed


class Known(Enum):
    """What is known of a file when it is met."""

    NEW = "never seen"
    CONTINUED = "read before, and unchanged up to there"
    SHORTER = "begins like a file that has been read further than this one goes"
    COPY = "the beginning of a file that stands elsewhere and has been read further"
    CHANGED = "begins like a file that has been read, but goes on otherwise"


class Placed(NamedTuple):
    """The ids of marks whose files are known to stand under other names."""

    here: set[int]
    """In the same rotation set."""
    elsewhere: frozenset[int] = frozenset()
    """In other sources of the run."""


class Segment(Protocol):
    """A file being read; made by `open_segment`."""

    file: LogFile
    offset: int
    """Decompressed bytes read so far, always at a line's end."""
    known: Known
    mark_id: int
    behind: frozenset[int]
    """The ids of other marks, less far on, that the file has as well: a copy of it, which is whole now, left them."""
    stamp: int
    """The latest stamp among the lines read so far; of a file that has changed, what was known before."""

    def blocks(self, final: bool) -> Iterator[Block]:
        """Yield the lines that have not been read. `final`: the file's last line is complete even without its LF."""

    def waiting(self) -> bool:
        """Whether an incomplete last line was left for later."""

    def mark(self) -> Mark:
        """Return the position; raises MovedError when the file is no longer what was opened (copytruncate)."""

    def close(self) -> None:
        """Release what decompressing holds; the descriptor is the caller's."""


def open_segment(descriptor: int, path: str, file: LogFile, marks: list[Mark], placed: Placed) -> Segment:
    """Return the file behind `descriptor`, placed where `marks` say that reading stopped.

    `placed` tells which of them are those of other files. Raises SourceError when the file cannot be
    decompressed.
    """
    if file.compressed:
        return _Compressed(descriptor, path, file, marks, placed)
    return _Plain(descriptor, file, marks, placed)


def is_copy(descriptor: int, live: int) -> bool:
    """Return whether a plain file is the live log's beginning: a copy that was not followed by a truncation (yet)."""
    size = os.fstat(descriptor).st_size
    if not 0 < size <= os.fstat(live).st_size:
        return False
    end = max(0, size - TAIL)
    return all(
        os.pread(descriptor, count, at) == os.pread(live, count, at)
        for count, at in ((min(HEAD, size), 0), (size - end, end))
    )


def _edited(marks: list[Mark], head: bytes, placed: Placed) -> list[Mark]:
    """The marks of files that begin with this line, go on otherwise, and stand nowhere else: this is one of them."""
    line = first_line(head)
    alike = [mark for mark in marks if line and mark.line == line and mark.id not in placed.here]
    return sorted(alike, key=lambda mark: mark.offset, reverse=True)


def _changed(shorter: bool, mark: Mark, placed: Placed) -> Known:
    """What a file is that begins like that of `mark`, but is not it."""
    if not shorter:
        return Known.CHANGED
    return Known.COPY if mark.id in placed.elsewhere else Known.SHORTER


def _continued(mark: Mark, further: list[Mark]) -> tuple[Known, int]:
    """What a file is that was read up to `mark`, and its latest stamp, where longer ones that begin like it stand
    elsewhere, read up to `further`: a copy of them that grows, too, but is behind."""
    return (Known.COPY if further else Known.CONTINUED), max(one.stamp for one in (mark, *further))


class _Plain:
    """A file that is not compressed, read by position: nothing of it is mapped, since copytruncate would kill us."""

    def __init__(self, descriptor: int, file: LogFile, marks: list[Mark], placed: Placed) -> None:
        self.file = file
        self.offset = 0
        self.known = Known.NEW
        self.mark_id = self.stamp = 0
        self.behind: frozenset[int] = frozenset()
        self._descriptor = descriptor
        self._waiting = False
        self._head = os.pread(descriptor, HEAD, 0)
        if os.fstat(descriptor).st_size < file.size:
            raise MovedError  # truncated since it was listed: a copy may hold what stood there
        self._head_digest = digest(self._head)
        self._find(marks, placed)
        self._tail = self._before(self.offset)

    def _find(self, marks: list[Mark], placed: Placed) -> None:
        size = os.fstat(self._descriptor).st_size
        alike = with_head(marks, self._head)
        further = [mark for mark in alike if mark.offset > size and mark.id in placed.elsewhere]
        for mark in alike:
            if mark.offset <= size and fits(mark, self._before(mark.offset)):
                self.offset, self.mark_id = mark.offset, mark.id
                self.known, self.stamp = _continued(mark, further)
                others = [other for other in alike if other.id != mark.id and other.offset <= mark.offset]
                self.behind = frozenset(other.id for other in others if fits(other, self._before(other.offset)))
                return
        alike = alike or _edited(marks, self._head, placed)
        if alike:
            self.known = _changed(size < alike[0].offset, alike[0], placed)
            self.stamp = max(mark.stamp for mark in alike)

    def blocks(self, final: bool) -> Iterator[Block]:
        while True:
            data = os.pread(self._descriptor, BLOCK, self.offset)
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) == BLOCK:
                    if self._skip_long_line(final):
                        continue
                elif data and final:
                    end = len(data)
                else:
                    self._waiting = bool(data)
            if not end:
                return
            self.offset += end
            self._tail = data[end - TAIL : end] if end >= TAIL else self._before(self.offset)
            yield Block(data, end)

    def _before(self, offset: int) -> bytes:
        start = max(0, offset - TAIL)
        return os.pread(self._descriptor, offset - start, start)

    def _skip_long_line(self, final: bool) -> bool:
        """Pass over a line of more than a block, which no line of Postfix is; False while its end is not written."""
        at = self.offset + BLOCK
        while True:
            data = os.pread(self._descriptor, BLOCK, at)
            newline = data.find(b"\n")
            if newline >= 0 or (not data and final):
                self.offset = at + newline + 1
                self._tail = self._before(self.offset)
                return True
            if not data:
                self._waiting = True
                return False
            at += len(data)

    def waiting(self) -> bool:
        return self._waiting

    def mark(self) -> Mark:
        head = os.pread(self._descriptor, max(HEAD, len(self._head)), 0)
        if digest(head[: len(self._head)]) != self._head_digest or self._before(self.offset) != self._tail:
            raise MovedError
        return make_mark(self.mark_id, head, self.offset, self._tail, self.stamp)

    def close(self) -> None:
        pass


class _Compressed:
    """A compressed file: read from its start each time, and passed over up to the position."""

    def __init__(self, descriptor: int, path: str, file: LogFile, marks: list[Mark], placed: Placed) -> None:
        self.file = file
        self.offset = 0
        self.known = Known.NEW
        self.mark_id = self.stamp = 0
        self.behind: frozenset[int] = frozenset()
        self._path = path
        self._descriptor = descriptor
        self._stream: Stream | None = None
        self._tail = b""
        self._carry = b""
        try:
            self._head = self._read_head()
            self._find(marks, placed)
        except BaseException:
            self.close()
            raise

    def _rewind(self) -> Stream:
        if self._stream:
            self._stream.close()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._stream = open_compressed(self._descriptor, self._path)
        self._carry = self._tail = b""
        self.offset = 0
        return self._stream

    def _read_head(self) -> bytes:
        stream = self._rewind()
        head = b""
        while len(head) < HEAD and (data := stream.read(HEAD - len(head))):
            head += data
        return head

    def _find(self, marks: list[Mark], placed: Placed) -> None:
        alike = with_head(marks, self._head)
        further: list[Mark] = []
        for mark in alike:
            tail = self._pass_over(mark.offset)
            if tail is not None and fits(mark, tail):
                self.offset, self.mark_id, self._tail = mark.offset, mark.id, tail
                self.known, self.stamp = _continued(mark, further)
                return
            if tail is None and mark.id in placed.elsewhere:
                further.append(mark)
        alike = alike or _edited(marks, self._head, placed)
        if alike:
            self.known = _changed(self._pass_over(alike[0].offset) is None, alike[0], placed)
            self.stamp = max(mark.stamp for mark in alike)
        self._rewind()

    def _pass_over(self, offset: int) -> bytes | None:
        """Go to `offset` and return what stands before it; None when the file ends, or is damaged, before."""
        stream = self._rewind()
        tail, at = b"", 0
        while at < offset:
            try:
                data = stream.read(min(BLOCK, offset - at))
            except Exception:
                return None
            if not data:
                return None
            at += len(data)
            tail = (tail + data)[-TAIL:] if len(data) < TAIL else data[-TAIL:]
        return tail

    def blocks(self, final: bool) -> Iterator[Block]:
        stream = self._stream or self._rewind()
        long_line, long_end = 0, b""
        while data := stream.read(BLOCK):
            begin = data.find(b"\n") + 1
            if not begin:
                if long_line or len(self._carry) + len(data) > BLOCK:
                    long_line += len(self._carry) + len(data)
                    long_end = (long_end + self._carry + data)[-TAIL:]
                    self._carry = b""
                else:
                    self._carry += data
                continue
            if long_line:
                self._advance(long_line + begin, (long_end + data[:begin])[-TAIL:])
                long_line, long_end = 0, b""
            else:
                # The line that two blocks share is put together by itself, so that the rest need not be copied.
                line = self._carry + data[:begin]
                self._advance(len(line), line[-TAIL:])
                yield Block(line, len(line))
            end = data.rfind(b"\n") + 1
            self._carry = data[end:]
            if end > begin:
                self._advance(end - begin, data[max(begin, end - TAIL) : end])
                yield Block(data, end, begin)
        if self._carry and not long_line:
            rest, self._carry = self._carry, b""
            self._advance(len(rest), rest)
            yield Block(rest, len(rest))

    def _advance(self, count: int, end: bytes) -> None:
        self.offset += count
        self._tail = (self._tail + end)[-TAIL:]

    def waiting(self) -> bool:
        return False

    def mark(self) -> Mark:
        return make_mark(self.mark_id, self._head, self.offset, self._tail, self.stamp)

    def close(self) -> None:
        if self._stream:
            self._stream.close()
            self._stream = None
