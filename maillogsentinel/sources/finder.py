"""From a block of lines to what it has: looks only at lines that can matter, and at the line behind a failure."""

from typing import NamedTuple

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse import repeats
from maillogsentinel.parse.companion import AUTH_ENDS, BEGINNINGS, Companion
from maillogsentinel.parse.login import WORD as METHOD
from maillogsentinel.parse.postfix import ABORTED, JOURNAL, LOOK_BACK, NEEDLES, NO_SERVER, as_trouble, read
from maillogsentinel.parse.session import COUNTER
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.companions import nameable, read_companions

_REPEATED = b"ast message "
_HEADER = 600
"""Bytes from a line's start within which a repeated-message line says so."""
_LINE_BEGIN = 3
_LINE_END = 8
"""Bytes at a line's begin and end in which nothing stands that is looked for."""
WARNINGS = 20
"""Warnings that are kept; they are alike."""


Heard = list[tuple[int, int, Failure | Trouble | None]]
"""Where a line begins, how many logins it stands for, and what it is: None for a login that the client gave up."""


class Found(NamedTuple):
    """What a block has, in the order of its lines; places and starts are offsets into its data."""

    failures: list[Failure]
    """A failure's ``repeat`` is the number of records."""
    starts: list[int]
    """Where the lines of the failures begin."""
    troubles: list[Trouble]
    heard: Heard
    counters: list[int]
    """Where `session.COUNTER` stands."""
    methods: list[int]
    """Where `login.WORD` stands; not in the journal's JSON."""
    auths: list[int]
    """Where one of `companion.BEGINNINGS` stands; not in the journal's JSON."""
    companions: list[tuple[int, Companion]] | None
    """What other daemons say, and where those lines begin; None where all failures have names, and nobody may ask."""
    size: int
    """Bytes of the lines that were failures."""
    adjacent: Failure | None
    """The failure that the last line was: a repeated-message line right behind it repeats it."""
    warnings: list[str]


class Finder:
    """Reads the blocks of one stream of lines, which may run on through several files."""

    def __init__(self, adjacent: Failure | None, before: bytes = b"") -> None:
        """`before` are the last lines in front of the first block, as far as they are known."""
        self.adjacent = adjacent
        self.before = before

    def find(self, block: Block, clock: Clock) -> Found:
        """Return what the block has."""
        found = Found([], [], [], [], [], [], [], None, 0, None, [])
        size = self._failures(block, clock, found)
        self.passed(block, self.adjacent)
        companions = None
        if any(failure.user is None and nameable(failure) for failure in found.failures):
            companions = read_companions(block, clock, found.auths)
        return found._replace(companions=companions, size=size, adjacent=self.adjacent)

    def passed(self, block: Block, adjacent: Failure | None) -> None:
        """Go on behind `block`, whose last line is the failure `adjacent`, or none."""
        self.adjacent = adjacent
        self.before = block.data[max(0, block.end - LOOK_BACK) : block.end]

    def _failures(self, block: Block, clock: Clock, found: Found) -> int:
        """Put the block's failures and troubles into `found`, and return the size of the failures' lines."""
        data, end, begin = block
        search, back, begins = data.find, data.rfind, data.startswith
        failures, starts, heard = found.failures, found.starts, found.heard.append
        size, at = 0, begin
        down: bool | None = None
        behind = begin if self.adjacent is not None else -1  # where the line behind a failure begins
        for hit in _places(block, found):
            if hit < at:
                continue  # a second one in the same line
            start = back(b"\n", at, hit) + 1 or at
            if 0 <= behind < start:
                if search(_REPEATED, behind, behind + _HEADER) >= 0:
                    self._repeated(block, behind, start, clock, found)
                else:
                    self.adjacent = None
            stop = search(b"\n", hit, end)
            stop = end if stop < 0 else stop
            said = read(data[start:stop], clock)
            at = stop + 1
            behind = -1
            if type(said) is Failure and said.user is None:
                down = self._is_down(block) if down is None else down
                said = (as_trouble(said, self._lines_before(data, start)) if down else None) or said
            if type(said) is Failure:
                heard((start, said.repeat, said))
                if said.repeat != 1:
                    count, warning = repeats.records(said, self.adjacent is not None)
                    _warn(found, warning)
                    said = said._replace(repeat=count)
                size += stop - start
                self.adjacent = said
                behind = at
                failures.append(said)
                starts.append(start)
            else:
                self.adjacent = None
                if type(said) is Trouble:
                    heard((start, 1, said))
                    found.troubles.append(said)
                elif begins(ABORTED, hit):
                    heard((start, 1, None))
        if 0 <= behind < end:
            self._repeated(block, behind, end, clock, found)
        return size

    def _is_down(self, block: Block) -> bool:
        """Whether a line of the block, or one shortly before it, may say that smtpd has no authentication server."""
        data, end, begin = block
        return data[begin] == 123 or data.find(NO_SERVER, begin, end) >= 0 or NO_SERVER in self.before  # {, of JSON

    def _repeated(self, block: Block, behind: int, start: int, clock: Clock, found: Found) -> None:
        """Take the repeated-message lines that begin at `behind`, right after a failure, and end before `start`."""
        data, end, _ = block
        while behind < start and self.adjacent is not None:
            again = None
            if data.find(_REPEATED, behind, min(behind + _HEADER, end)) >= 0:
                stop = data.find(b"\n", behind, end)
                stop = end if stop < 0 else stop
                again = repeats.last_message(data[behind:stop], self.adjacent, clock)
            if again is None:
                self.adjacent = None
                return
            failure, count, warning = again
            _warn(found, warning)
            found.heard.append((behind, failure.repeat, failure))
            found.failures.append(failure if failure.repeat == count else failure._replace(repeat=count))
            found.starts.append(behind)
            behind = stop + 1

    def _lines_before(self, data: bytes, start: int) -> bytes:
        """The lines in front of the one that begins at `start`, also those of the block before."""
        if start >= LOOK_BACK:
            return data[start - LOOK_BACK : start]
        return self.before + data[:start]


def _places(block: Block, found: Found) -> list[int]:
    """Return where the lines that may be failures have what gives them away, in order; put the others' into `found`.

    Looking for two letters that all have in common takes little more than looking for one of the words.
    """
    data, end, begin = block
    if data[begin : begin + 1] == b"{":
        return _places_json(block, found)
    search, begins = data.find, data.startswith
    failures: list[int] = []
    counters, methods, auths = found.counters.append, found.methods.append, found.auths.append
    end -= _LINE_END
    hit = search(b"th", begin + _LINE_BEGIN, end)
    while hit >= 0:
        letter = data[hit + 2]
        if letter == 111:  # o, as in method=
            if begins(METHOD, hit + 1):
                methods(hit + 1)
        elif data[hit - 1] != 117:  # u, as in all others
            pass
        elif letter == 61:  # =, as in auth=
            if data[hit - 3] == 32:
                counters(hit - 3)
        elif letter == 101:  # e, as in authentication
            if begins(NEEDLES, hit - 3):
                failures.append(hit - 3)
        elif letter in AUTH_ENDS and begins(BEGINNINGS, hit - 2):  # as Dovecot's lines have it
            auths(hit - 2)
        hit = search(b"th", hit + 2, end)
    return failures


def _places_json(block: Block, found: Found) -> list[int]:
    """The same for lines of the journal's JSON, save those on logins."""
    failures: list[int] = []
    for match in JOURNAL.finditer(block.data, block.begin, block.end):
        (found.counters if match.group() == COUNTER else failures).append(match.start())
    return failures


def _warn(found: Found, warning: str | None) -> None:
    if warning and len(found.warnings) < WARNINGS:
        found.warnings.append(warning)
