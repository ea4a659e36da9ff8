"""A second process that finds what the blocks of a large plain file have, ahead of the run that reads them.

It reads the same descriptor, block by block as `segment` does, and sends a `Found` for each. It ends where the next
block is not a usual one, or its reader goes away; whoever reads goes on without it then. Nothing depends on it.
"""

import contextlib
import fcntl
import marshal
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from maillogsentinel import __version__
from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse.companion import Companion
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.finder import Finder, Found, Heard
from maillogsentinel.sources.stream import BLOCK

WORTHWHILE = 64 << 20
"""Bytes of a file that are worth a second process: it needs as long to begin as a tenth of them to be read."""
_AHEAD = 1 << 20
"""Bytes that it may be ahead, the most that a pipe takes without being root."""
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from maillogsentinel.sources import scout; scout.main()"
_LOG = 3
"""The log's descriptor in the second process."""

_NUMBER = 4
"""Bytes of each of the two numbers in front of what is sent of a block: the block's size, and that of what is sent."""
_new: Callable[[type[Failure], tuple[Any, ...]], Failure] = tuple.__new__  # half the time of calling the class

Plain = tuple[Any, ...]
"""As `marshal` takes it."""


class Scout:
    """The reader's side."""

    def __init__(self, pid: int, pipe: BinaryIO) -> None:
        self._pid = pid
        self._pipe = pipe

    def found(self, size: int) -> Found | None:
        """Return what the next block has, when it is one of `size` bytes; None when there is no more to come."""
        if self._pipe.closed:
            return None
        head = self._pipe.read(2 * _NUMBER)
        if len(head) == 2 * _NUMBER and int.from_bytes(head[:_NUMBER], "little") == size:
            length = int.from_bytes(head[_NUMBER:], "little")
            packed = self._pipe.read(length)
            if len(packed) == length:
                return _unpacked(marshal.loads(packed))  # noqa: S302 - our own process wrote it
        self.close()
        return None

    def close(self) -> None:
        """End the process."""
        if not self._pipe.closed:
            self._pipe.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def start(descriptor: int, offset: int, size: int, clock: Clock, finder: Finder) -> Scout | None:
    """Return a scout for the file from `offset` up to `size`, which goes on where `finder` stands; None where it is not
    worth it, or there is only one processor."""
    if size - offset < WORTHWHILE or not sys.executable or len(os.sched_getaffinity(0)) < 2:
        return None
    order = (__version__, BLOCK, offset, size, clock.reference, _packed_failure(finder.adjacent), finder.before)
    try:
        read_end, write_end = os.pipe()
    except OSError:
        return None
    pipe = open(read_end, "rb", 1 << 16)  # noqa: SIM115 - the Scout closes it
    try:
        with open(write_end, "wb", 0), open(os.memfd_create("order"), "w+b", 0) as orders:
            with contextlib.suppress(OSError):
                fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, _AHEAD)
            orders.write(marshal.dumps(order))
            orders.seek(0)
            return Scout(_spawn(orders.fileno(), write_end, descriptor), pipe)
    except OSError:
        pipe.close()
        return None


def _spawn(order: int, output: int, log: int) -> int:
    """Start the second process with these descriptors, and return its pid. Raises OSError."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
    command = [sys.executable, *flags, "-c", _BOOT, package]
    with contextlib.ExitStack() as stack:

        def above(number: int) -> int:
            """A copy of the descriptor that is not in the way of those that the process gets."""
            copy = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)
            stack.callback(os.close, copy)
            return copy

        actions = [
            (os.POSIX_SPAWN_DUP2, above(order), 0),
            (os.POSIX_SPAWN_DUP2, above(output), 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, above(log), _LOG),
        ]
        return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)


def main() -> None:
    """What the second process does: its standard input is an order, its standard output goes to the `Scout`."""
    import gc

    gc.disable()  # what a block has is gone with it, and has no cycles
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    version, most, offset, size, reference, adjacent, before = marshal.load(sys.stdin.buffer)  # noqa: S302
    if version != __version__:  # the package was upgraded while the run was under way
        return
    write = open(1, "wb", 1 << 16).write  # noqa: SIM115 - it goes with the process
    finder, clock = Finder(_unpacked_failure(adjacent), before), Clock(reference)
    while offset < size:
        data = os.pread(_LOG, most, offset)
        end = data.rfind(b"\n") + 1
        if not end:
            return
        found = finder.find(Block(data, end), clock)
        packed = marshal.dumps(_packed(found))
        write(end.to_bytes(_NUMBER, "little") + len(packed).to_bytes(_NUMBER, "little") + packed)
        offset += end


def _packed(found: Found) -> Plain:
    failures = [tuple(failure) for failure in found.failures]
    heard = (
        None
        if found.heard == _usual(found.starts, found.failures)
        else [(start, times, None if said is None else tuple(said)) for start, times, said in found.heard]
    )
    troubles = [tuple(trouble) for trouble in found.troubles]
    adjacent = _packed_failure(found.adjacent)
    companions = None if found.companions is None else [(start, tuple(said)) for start, said in found.companions]
    return failures, found.starts, troubles, heard, *found[4:7], companions, found.size, adjacent, found.warnings


def _unpacked(packed: Plain) -> Found:
    failures = [_new(Failure, failure) for failure in packed[0]]
    heard = _usual(packed[1], failures) if packed[3] is None else [_heard(*one) for one in packed[3]]
    troubles = [Trouble(*trouble) for trouble in packed[2]]
    companions = None if packed[7] is None else [(start, Companion(*said)) for start, said in packed[7]]
    adjacent = _unpacked_failure(packed[9])
    return Found._make(
        (failures, packed[1], troubles, heard, *packed[4:7], companions, packed[8], adjacent, packed[10])
    )


def _usual(starts: list[int], failures: list[Failure]) -> Heard:
    """What is heard in a block that has nothing but failures, each in a line of its own."""
    return [(start, failure.repeat, failure) for start, failure in zip(starts, failures, strict=True)]


def _heard(start: int, times: int, packed: Plain | None) -> tuple[int, int, Failure | Trouble | None]:
    if packed is None:
        return start, times, None
    return start, times, Failure(*packed) if len(packed) == len(Failure._fields) else Trouble(*packed)


def _packed_failure(failure: Failure | None) -> Plain | None:
    return None if failure is None else tuple(failure)


def _unpacked_failure(packed: Plain | None) -> Failure | None:
    return None if packed is None else Failure(*packed)
