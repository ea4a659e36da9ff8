"""What other daemons say of failed logins in a block, and which failures need it."""

from maillogsentinel.model import Failure
from maillogsentinel.parse import dovecot, saslauthd
from maillogsentinel.parse.companion import AUTH, BEGINNINGS, Companion
from maillogsentinel.parse.postfix import NOT_SENT
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.block import places as all_places

_BYTES = b"97,117,116,104,"
"""`companion.AUTH` in a text that the journal's JSON writes as a list."""


def companion(line: bytes, clock: Clock) -> Companion | None:
    """Return what another daemon says in `line` of a failed login, or None."""
    return dovecot.companion(line, clock) or saslauthd.companion(line, clock)


def nameable(failure: Failure) -> bool:
    """Whether a user was sent, but not logged by Postfix."""
    reason = failure.reason
    return failure.user is None and failure.ip is not None and not (reason[:7] == "Invalid" and NOT_SENT.match(reason))


def read_companions(block: Block, clock: Clock, places: list[int]) -> list[tuple[int, Companion]]:
    """The block's companions, and where their lines begin; `places` are those of `AUTH` in the block, in
    order; not needed of the journal's JSON."""
    data = block.data
    is_json = data[block.begin : block.begin + 1] == b"{"
    places = all_places(block, AUTH) if is_json else places
    heard = _at(block, clock, [hit for hit in places if data.startswith(BEGINNINGS, hit)])
    if is_json:
        heard = sorted({*heard, *_at(block, clock, all_places(block, _BYTES))}, key=_offset)
    return heard


def _at(block: Block, clock: Clock, places: list[int]) -> list[tuple[int, Companion]]:
    """The companions among the lines in which something stands at `places`."""
    data, end, begin = block
    heard: list[tuple[int, Companion]] = []
    stop = begin - 1
    for hit in places:
        if hit < stop:
            continue  # a second one in a line that was one
        start = max(begin, data.rfind(b"\n", begin, hit) + 1)
        stop = data.find(b"\n", hit, end)
        stop = end if stop < 0 else stop
        said = companion(data[start:stop], clock)
        if said:
            heard.append((start, said))
        else:
            stop = begin - 1
    return heard


def _offset(found: tuple[int, Companion]) -> int:
    return found[0]
