"""Reading what is new of a source and committing it as records, in batches that memory can hold."""

import contextlib
import gc
import logging
import os
from collections.abc import Sequence

from maillogsentinel import overlap
from maillogsentinel.committing import Committer, Standing
from maillogsentinel.errors import SourceError
from maillogsentinel.extraction import Progress, Read
from maillogsentinel.localtime import now
from maillogsentinel.overlap import Overlap
from maillogsentinel.parse.stamp import Clock, latest
from maillogsentinel.sources import rotation, scout
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.position import Mark
from maillogsentinel.sources.rotation import LogFile, MovedError
from maillogsentinel.sources.scan import Batch, Scanner
from maillogsentinel.sources.scout import Scout
from maillogsentinel.sources.segment import Known, Placed, Segment, is_copy, open_segment
from maillogsentinel.sources.source import Seen, SourceState, Task, tasks, unread
from maillogsentinel.sources.stream import DamagedError
from maillogsentinel.sources.timeline import first_stamp, last_stamp
from maillogsentinel.store import history, positions
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import Span

log = logging.getLogger("maillogsentinel")

BATCH_BYTES = 1 << 20
"""Bytes of failure lines that make a batch."""
QUIET_BYTES = 512 << 20
"""Bytes read without a full batch after which the position is committed all the same."""
_ATTEMPTS = 100
_GARBAGE = 500_000
"""Objects of a batch are no cycles, and are gone with it: looking for cycles among them took a fifth of the time."""
_FILES_AT_ONCE = 300
"""Files that are open together, well below the usual limit of 1024 descriptors."""


class Reading:
    """One run over one source that has something new; needs the lock."""

    def __init__(self, committer: Committer, database: Database, progress: Progress | None = None) -> None:
        self._database = database
        self._committer = committer
        self._times = committer.times
        self._progress = progress
        self._quiet = 0
        self._problems: list[str] = []
        self._failed = False
        # What follows belongs to one pass over the listing; `_begin` resets it.
        self._beside: list[str] = []
        self._siblings = True
        self._listing: list[LogFile] = []
        self._before = self._state = SourceState("", {}, 0, 0, None, "")
        self._marks: dict[int, Mark] = {}
        self._scanner = Scanner(None)
        self._overlap: Overlap | None = None
        self._streamed = 0
        self._batch = Batch()
        self._segments: list[Segment] = []
        self._touched: list[Segment] = []
        self._placed = Placed(set())
        self._covered: list[tuple[int, int]] = []
        self._gaps: list[Span] = []
        self._notices: list[str] = []
        self._bytes = self._total = 0

    def run(self, path: str, siblings: bool, beside: Sequence[str] = ()) -> Read:
        """Read what is new of the log at `path`, with its rotated siblings or alone; `beside` are all logs of the run.

        Raises SourceError and StoreError; what was committed before stays.
        """
        said: list[str] = []
        self._beside = [name for name in beside if name != path]
        gc.set_threshold(_GARBAGE)
        for _ in range(_ATTEMPTS):
            try:
                complete = self._pass(path, siblings)
            except MovedError:
                log.debug("%s changed while it was read: listing it again", path)
                continue
            said += self._notices
            if complete:
                break
        else:
            raise SourceError(f"{path} is rotated faster than it can be read. The next run tries again.")
        return Read(said, self._problems, self._failed)

    # -- one pass over the listing

    def _pass(self, path: str, siblings: bool) -> bool:
        """Read the files of one listing; False when another pass must follow: there are more files, or other ones."""
        before = self._begin(path)
        self._siblings = siblings
        listed_at = now()
        self._listing = self._list(path)
        listing = list(self._listing)
        todo, seen = tasks(listing, before)
        self._placed = Placed({entry.mark for entry in seen.values()}, self._elsewhere())
        self._problems = [entry.trouble for entry in seen.values() if entry.trouble]
        self._total = sum(task.file.size for task in todo)
        log.info("Source %s: %d files, %d to read", path, len(listing), len(todo))
        with contextlib.ExitStack() as stack:
            part = todo if len(todo) <= _FILES_AT_ONCE + 1 else todo[:_FILES_AT_ONCE]
            opened = self._open_all(path, part, stack)
            for task, descriptor in opened:
                if task.final and opened[-1][0].live and is_copy(descriptor, opened[-1][1]):
                    # copytruncate has not truncated yet: the live log holds it all, and is not done with its last line.
                    listing.remove(task.file)
                    continue
                place = listing.index(task.file)
                earlier = seen.get(listing[place - 1].name) if place else None
                entry = self._file(task, descriptor, earlier.mark if earlier else 0, stack)
                if entry:
                    seen[task.file.name] = entry
            self._look_for_gap(seen, len(opened) == len(todo))
            current = next(
                (seen[file.name].mark for file in listing[::-1] if file.name in seen and seen[file.name].mark), 0
            )
            self._state = self._state._replace(
                listing={file.name: seen[file.name] for file in listing if file.name in seen},
                current=current,
                adjacent=self._scanner.adjacent if current == self._streamed else None,
                memory=self._scanner.memory() if current == self._streamed else "",
            )
            if siblings:
                self._cover_until(path, listed_at)
            # A file read alone is known by its mark; it is no source that a later run would look for.
            self._commit(changed=siblings and self._state != before, last=True)
        for warning in self._scanner.warnings:
            log.warning("%s: %s", path, warning)
        return len(part) == len(todo) and not rotation.moved(self._listing, self._list(path))

    def _elsewhere(self) -> frozenset[int]:
        """The marks of the other sources' files."""
        others = (positions.load_source(self._database, name) for name in self._beside)
        return frozenset(entry.mark for other in others for entry in other.listing.values() if entry.mark)

    def _list(self, path: str) -> list[LogFile]:
        return rotation.list_set(path) if self._siblings else rotation.single(path)

    def _still(self) -> None:
        """Before something is said to be missing: raise MovedError when it may be in files that were not listed."""
        if rotation.moved(self._listing, self._list(self._state.path)):
            raise MovedError

    def _begin(self, path: str) -> SourceState:
        """Go back to what is committed."""
        self._before = self._state = positions.load_source(self._database, path)
        self._marks = positions.load_marks(self._database)
        self._scanner = Scanner(self._before.adjacent, self._before.memory, self._committer.remembers_logins)
        self._overlap = overlap.load(self._database, path)
        self._streamed = self._before.current
        self._batch = Batch()
        self._segments, self._touched = [], []
        self._covered, self._gaps, self._notices = [], [], []
        self._bytes = 0
        return self._before

    def _open_all(self, path: str, todo: list[Task], stack: contextlib.ExitStack) -> list[tuple[Task, int]]:
        """Open the files at once: a descriptor stays the same file however often its name moves on."""
        directory = os.path.dirname(path)
        opened = []
        for task in todo:
            try:
                descriptor = rotation.open_file(directory, task.file)
            except SourceError as error:
                self._unreadable(str(error))
                continue
            stack.callback(os.close, descriptor)
            opened.append((task, descriptor))
        return opened

    def _file(self, task: Task, descriptor: int, earlier: int, stack: contextlib.ExitStack) -> Seen | None:
        """Read what is new of one file, and return what to remember of it; None when it must be tried again.

        `earlier` is the mark of the file before it.
        """
        file = task.file
        full = os.path.join(os.path.dirname(self._state.path), file.name)
        try:
            segment = open_segment(descriptor, full, file, list(self._marks.values()), self._placed)
        except DamagedError as error:
            return unread(file, trouble=self._unreadable(str(error)))
        except SourceError as error:
            self._unreadable(str(error))
            return None
        stack.callback(segment.close)
        self._segments.append(segment)
        self._placed.here.add(segment.mark_id)
        since = self._since(segment, full)
        before_it = earlier if segment.known is Known.NEW else segment.mark_id
        kind = "compressed" if file.compressed else "plain"
        log.info("Processing %s (%s) from offset %d", full, kind, segment.offset)
        self._touched.append(segment)
        trouble, start = "", segment.offset
        try:
            self._blocks(segment, task, descriptor, since, before_it)
        except SourceError as error:
            trouble = self._unreadable(str(error))
            self._scanner.interrupted()
        self._bytes += file.size
        mark = self._remember(segment)
        if mark and mark.offset != start:
            self._streamed = mark.id
        return Seen(file.inode, file.size, file.mtime, segment.waiting(), mark.id if mark else 0, trouble)

    def _since(self, segment: Segment, full: str) -> int:
        """From which stamp on the file's lines count; 0: all of them."""
        if segment.known in (Known.NEW, Known.CONTINUED):
            return 0
        last = segment.stamp
        if segment.known is Known.COPY:
            return last + 1
        self._still()
        self._notices.append(
            f"{full} is not what it was when it was last read (restored or edited):"
            f" only lines younger than {self._times.text(last)} are taken, others may be missing."
        )
        self._gaps.append(Span(last, now(), "the log was restored or edited"))
        return last + 1

    def _blocks(self, segment: Segment, task: Task, descriptor: int, since: int, before_it: int) -> None:
        clock = Clock(latest(task.file.mtime // 1000, now()))
        begin = start = segment.offset
        ahead: Scout | None = None
        try:
            for block in segment.blocks(task.final):
                if before_it != self._streamed:  # the line before is not the one that was read last
                    self._scanner.interrupted()
                before_it = self._streamed
                if not start and (stamp := first_stamp(block, clock)):
                    self._covered.append((stamp, stamp))
                batch = self._batch
                known = len(batch.failures), len(batch.troubles)
                batch.take_since(max(since, self._overlap.last + 1 if self._overlap else 0))
                self._scanner.scan(block, clock, batch, ahead.found(block.end) if ahead else None)
                if start == begin and not task.file.compressed:
                    ahead = scout.start(descriptor, segment.offset, task.file.size, clock, self._scanner.finder)
                if since:
                    batch.drop_older(*known, since)
                if self._overlap:
                    self._overlap.drop(batch, *known)
                self._quiet += segment.offset - start
                start = segment.offset
                if self._progress:
                    self._progress(self._bytes + min(start, task.file.size), self._total, task.file.name)
                if self._scanner.lines_bytes < BATCH_BYTES and self._quiet < QUIET_BYTES:
                    continue
                self._note_time(block, clock, segment)
                if segment.stamp < since:
                    continue  # a position among lines that count no more would let the next run count them again
                mark = self._remember(segment)
                self._state = self._state._replace(
                    listing={},
                    current=mark.id if mark else 0,
                    adjacent=self._scanner.adjacent,
                    memory=self._scanner.memory(),
                )
                self._commit(changed=self._siblings, last=False)
        finally:
            if ahead:
                ahead.close()
            if start != begin:
                self._note_time(block, clock, segment)

    def _note_time(self, block: Block, clock: Clock, segment: Segment) -> None:
        """Note how far in time the reading has come."""
        stamp = last_stamp(block, clock)
        if stamp:
            segment.stamp = max(stamp, segment.stamp)
            self._state = self._state._replace(stamp=max(stamp, self._state.stamp))
            if self._covered:
                self._covered[-1] = (self._covered[-1][0], max(stamp, self._covered[-1][1]))

    def _remember(self, segment: Segment) -> Mark | None:
        """Take the segment's position over into the marks, so that other names for the same content are known."""
        mark = segment.mark()
        if not mark.offset:
            return None
        if not mark.id:
            segment.mark_id = max(self._marks, default=0) + 1
            mark = mark._replace(id=segment.mark_id)
        self._marks[mark.id] = mark
        return mark

    def _unreadable(self, sentence: str) -> str:
        self._problems.append(sentence)
        self._failed = True
        return sentence

    # -- what is said of time

    def _look_for_gap(self, seen: dict[str, Seen], all_opened: bool) -> None:
        """Say so when the file that was read last time is gone, since nobody knows what else stood in it."""
        current, last = self._before.current, self._before.stamp
        if self._overlap or not current or not all_opened or any(entry.mark == current for entry in seen.values()):
            return
        if current in self._placed.elsewhere:
            return
        if any(
            segment.mark_id == current or current in segment.behind or segment.known in (Known.SHORTER, Known.CHANGED)
            for segment in self._segments
        ):
            return
        self._still()
        begin = min((start for start, _ in self._covered), default=now())
        self._gaps.append(Span(last, max(begin, last), "the log file that was read last is gone"))
        self._notices.append(
            f"The log file that was read last is gone from beside {self._before.path}: lines after"
            f" {self._times.text(last)} may be missing."
        )

    def _cover_until(self, path: str, listed_at: int) -> None:
        """The source has been read up to the listing, from where the last run ended or from its oldest line on."""
        since = history.covered_until(self._database, path)
        if not since:
            since = min((start for start, _ in self._covered), default=listed_at)
        if self._overlap:
            since = max(since, self._overlap.since)
            self._covered.clear()  # what is older was read of another source, or of none
        self._covered.append((since, listed_at))

    def _commit(self, changed: bool, last: bool) -> None:
        """Commit the batch, and the position where it has changed; `last` in a pass or on the way."""
        standing = Standing(
            self._state.path,
            self._state if changed else None,
            self._covered if last or not self._overlap else [],
            self._gaps,
            None if last else (self._bytes, self._total),
            self._problems,
        )
        self._committer.commit(self._batch, standing, lambda: [seg.mark() for seg in self._touched if seg.offset])
        self._batch = Batch()
        self._scanner.lines_bytes = self._quiet = 0
        self._touched = self._touched[-1:]
