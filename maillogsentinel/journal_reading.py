"""Reading what is new of a journal and committing it as records; what `reading` is for files."""

import gc
import logging
from collections.abc import Iterator

from maillogsentinel import overlap, reading
from maillogsentinel.committing import Committer, Standing
from maillogsentinel.errors import SourceError
from maillogsentinel.extraction import Progress, Read
from maillogsentinel.localtime import now
from maillogsentinel.overlap import Overlap
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.journal import Entry, Journal, Output, Selection, entry, parsed
from maillogsentinel.sources.scan import Batch, Scanner
from maillogsentinel.store import history, journal_positions
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import Span
from maillogsentinel.store.journal_positions import JournalPosition

log = logging.getLogger("maillogsentinel")

_GARBAGE = 500_000
_VACUUMED = "the journal was vacuumed"


class JournalReading:
    """One run over one journal; needs the lock."""

    def __init__(self, committer: Committer, database: Database, progress: Progress | None = None) -> None:
        self._database = database
        self._committer = committer
        self._progress = progress
        self._begin(JournalPosition("", "", 0, "", 0, False, (), None, ""), None)

    def _begin(self, before: JournalPosition, overlap: Overlap | None) -> None:
        self._started = now()
        self._before = self._position = before
        self._overlap = overlap
        self._scanner = Scanner(before.adjacent, before.memory, self._committer.remembers_logins)
        self._clock = Clock(self._started)
        self._batch = Batch()
        self._last_line = b""
        self._since = 0
        """Entries that are older do not count; 0: all do."""
        self._bytes = self._quiet = 0
        self._covered = history.covered_until(self._database, before.name) if before.name else 0
        self._oldest = self._started
        self._gaps: list[Span] = []
        self._notices: list[str] = []
        self._problems: list[str] = []

    def run(self, name: str) -> Read:
        """Read what is new of the journal `name`; where it follows another source, what that has not had.

        Raises SourceError and StoreError; what was committed before stays.
        """
        gc.set_threshold(_GARBAGE)
        self._begin(journal_positions.load(self._database, name), overlap.load(self._database, name))
        journal = Journal(name)
        # In this order: who logs under a new name after the selection was made stands behind the newest entry.
        newest = journal.newest() or Entry("", 0)
        selection = journal.selection()
        self._position = self._before._replace(
            newest=newest.cursor, newest_stamp=newest.stamp, identifiers=selection.identifiers
        )
        try:
            self._read(journal, selection)
        except SourceError:
            if self._bytes:
                self._commit(last=False)
            raise
        self._commit(last=True)
        for warning in self._scanner.warnings:
            log.warning("%s: %s", name, warning)
        return Read(self._notices, self._problems, False)

    def _read(self, journal: Journal, selection: Selection) -> None:
        """Find out where to begin, and read from there."""
        before = self._before
        if self._overlap and (not before.cursor or before.stamp < self._overlap.since):
            self._position = self._position._replace(stamp=self._overlap.since - 1)
            self._covered = self._overlap.since  # the time before it is the other source's
            self._behind(journal, selection)
        elif before.cursor:
            self._new_names(journal, selection)
            if not self._from(journal, selection, before.cursor):
                self._anchored(journal, selection)
        elif before.newest and before.whole:
            self._anchored(journal, selection)
        else:
            self._behind(journal, selection)

    def _from(self, journal: Journal, selection: Selection, cursor: str) -> bool:
        """Read what stands behind the entry at `cursor`; False when that is not there any more."""
        with journal.read(selection, cursor=cursor) as output:
            blocks = output.blocks()
            first = next(blocks, None)
            if first is None or not _begins_with(first, cursor):
                return False
            self._rest(output, blocks, first._replace(begin=first.data.index(b"\n", first.begin) + 1))
        return True

    def _behind(self, journal: Journal, selection: Selection) -> None:
        """Read by time what stands behind the position, or all where there is none."""
        self._scanner.interrupted()
        stamp = min(self._position.stamp, self._started)
        self._position = self._position._replace(cursor="", stamp=stamp)
        self._since = stamp + 1 if stamp else 0
        with journal.read(selection, since=self._since) as output:
            self._rest(output, output.blocks())

    def _anchored(self, journal: Journal, selection: Selection) -> None:
        """Read on without the last entry's cursor: from the entry on that was the newest when the last run began.

        All that was selected before it has been read. When that is gone, too, entries may be missing.
        """
        before = self._before
        there = journal.at(before.newest)
        is_there = there is not None and there.same(before.newest)
        if not is_there or not before.whole or (before.cursor and before.stamp > before.newest_stamp):
            self._tell_gap(there)
            self._behind(journal, selection)
            return
        if before.cursor:
            log.info("%s: the last entry that was read has been vacuumed; nothing is missing", before.name)
            self._scanner.interrupted()
        self._position = self._position._replace(cursor="", stamp=max(before.stamp, before.newest_stamp))
        self._since = before.stamp + 1 if before.stamp > before.newest_stamp else 0
        with journal.read(selection, cursor=before.newest) as output:
            blocks = output.blocks()
            first = next(blocks, None)
            if first and _begins_with(first, before.newest):
                first = first._replace(begin=first.data.index(b"\n", first.begin) + 1)
            self._rest(output, blocks, first)

    def _tell_gap(self, there: Entry | None) -> None:
        """Say that entries may be missing, up to the one that is `there`."""
        before = self._before
        start = max(before.stamp, before.newest_stamp) if before.whole else before.stamp
        end = there.stamp if there and there.stamp > start else self._started
        self._gaps.append(Span(min(start, end), end, _VACUUMED))
        times = self._committer.times
        self._notices.append(
            f"{before.name}: what was read last is gone (vacuumed, or another journal). Reading went on by time;"
            f" entries between {times.text(start)} and {times.text(end)} may be missing."
        )

    def _new_names(self, journal: Journal, selection: Selection) -> None:
        """Read what programs logged under a new name while the last run read, and did not select them.

        That is between the entry that was the newest when that run began, and the last that it read.
        """
        before, known = self._before, Selection(self._before.identifiers)
        if known.includes(selection) or not before.newest or before.stamp < before.newest_stamp:
            return
        scanner, batch = Scanner(None, logins=self._committer.remembers_logins), Batch()
        with journal.read(selection, cursor=before.newest, facility=True) as output:
            for data, end, begin in output.blocks():
                for line in data[begin:end].splitlines(keepends=True):
                    fields = parsed(line)
                    found = entry(fields)
                    if found and found.same(before.cursor):
                        self._batch = batch
                        return
                    if not known.has(fields):
                        scanner.scan(Block(line, len(line)), self._clock, batch)

    # -- blocks and commits

    def _rest(self, output: Output, blocks: Iterator[Block], first: Block | None = None) -> None:
        """Read the block `first`, of which nothing may be left, and all others."""
        if first and first.begin < first.end:
            self._block(first)
        for block in blocks:
            self._block(block)
        self._problems += output.problems

    def _block(self, block: Block) -> None:
        data, end, begin = block
        if not self._covered:
            oldest = entry(parsed(data[begin : data.index(b"\n", begin)]))
            self._oldest = min(self._oldest, oldest.stamp) if oldest else self._oldest
        batch = self._batch
        known = len(batch.failures), len(batch.troubles)
        batch.take_since(max(self._since, self._overlap.last + 1 if self._overlap else 0))
        self._scanner.scan(block, self._clock, batch)
        if self._since:
            batch.drop_older(*known, self._since)
        if self._overlap:
            self._overlap.drop(batch, *known)
        self._last_line = data[data.rfind(b"\n", begin, end - 1) + 1 or begin : end]
        self._bytes += end - begin
        self._quiet += end - begin
        if self._progress:
            self._note_place()
            self._progress(self._bytes, self._total(), self._position.name)
        if self._scanner.lines_bytes >= reading.BATCH_BYTES or self._quiet >= reading.QUIET_BYTES:
            self._note_place()
            # A position among entries that count no more would let the next run count them.
            if self._position.stamp >= self._since:
                self._commit(last=False)

    def _note_place(self) -> None:
        """Note how far the reading has come."""
        last = entry(parsed(self._last_line))
        if last:
            self._position = self._position._replace(cursor=last.cursor, stamp=last.stamp)
        self._last_line = b""

    def _total(self) -> int:
        """How many bytes there are to read, guessed by the time that is left."""
        begin = self._covered or self._oldest
        share = (self._position.stamp - begin) / max(self._started - begin, 1)
        return int(self._bytes / min(max(share, 0.001), 1))

    def _commit(self, last: bool) -> None:
        """Commit the batch and the position; `last` of the run, or on the way."""
        if self._last_line:
            self._note_place()
        self._position = position = self._position._replace(
            whole=last, adjacent=self._scanner.adjacent, memory=self._scanner.memory()
        )
        covered = (self._covered or self._oldest, self._started if last else min(position.stamp, self._started))
        progress = None if last else (self._bytes, self._total())
        standing = Standing(position.name, position, [covered], self._gaps, progress, self._problems)
        self._committer.commit(self._batch, standing, list)
        self._batch = Batch()
        self._scanner.lines_bytes = self._quiet = 0


def _begins_with(block: Block, cursor: str) -> bool:
    """Whether the first entry of `block` is the one at `cursor`."""
    found = entry(parsed(block.data[block.begin : block.data.index(b"\n", block.begin)]))
    return found is not None and found.same(cursor)
