"""What syslog daemons say in a log of messages that they dropped."""

from collections.abc import Iterator
from typing import Any

from maillogsentinel.parse import session
from maillogsentinel.parse.session import Notice
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block, lines
from maillogsentinel.sources.loss import JOURNALD, RSYSLOG, Losses

_DROPS = 256
_SMALL = 32 * 1024
_SAMPLE = 4 * 1024
_HEAD = 2048
_OTHERS = (b" rsyslogd", b" systemd", b" kernel: ", b" CRON[")
"""Where one of them writes, a syslog daemon's own messages may stand. A log of mail alone never has them."""


class Notices:
    """Reads the notices of one stream of lines."""

    def __init__(self, memory: dict[str, Any] | None = None) -> None:
        """`memory` has what an earlier one's `memory` returned."""
        self._drops: dict[str, bool] = dict(memory["drops"]) if memory else {}
        """Whose messages are being dropped, and whether it matters."""
        self._mixed: bool = memory["mixed"] if memory else False
        """Whether the log is not of mail alone."""

    def memory(self) -> dict[str, Any]:
        """Return what a later one of the same stream needs, as JSON has it."""
        return {"mixed": self._mixed, "drops": list(self._drops.items())}

    def read(self, block: Block, clock: Clock, losses: Losses, begins: bool) -> None:
        """Add to `losses` what the block tells of; `begins`: it is the stream's first."""
        for notice in self._notices(block, clock, begins):
            self._dropped(notice, losses)

    def _notices(self, block: Block, clock: Clock, begins: bool) -> Iterator[Notice]:
        """What syslog daemons say in the block; of a large block of a log of mail alone, only its ends count."""
        data, end, begin = block
        if not self._mixed:
            head = end if begins else min(end, begin + _HEAD)
            self._mixed = any(data.find(word, begin, head) >= 0 for word in _OTHERS)
        whole = self._mixed or end - begin <= _SMALL or data[begin : begin + 1] == b"{"
        parts = [(begin, end)] if whole else [(begin, begin + _SAMPLE), (end - _SAMPLE, end)]
        for low, high in parts:
            for start, stop in lines(block, session.NOTICE, low, high):
                notice = session.notice(data[start:stop], clock)
                if notice:
                    yield notice

    def _dropped(self, notice: Notice, losses: Losses) -> None:
        stamp, daemon, whose, lost, mail = notice
        if daemon == "journald":
            if mail and lost is not None:
                losses.add(stamp, JOURNALD, 1, lost)
        elif lost is None:
            if len(self._drops) >= _DROPS:
                del self._drops[next(iter(self._drops))]
            self._drops[whose] = mail is not False
            if mail is not False:
                losses.add(stamp, RSYSLOG, 1, 0)
        else:
            matters = self._drops.pop(whose, None)
            if matters is not False:
                losses.add(stamp, RSYSLOG, matters is None, lost)
