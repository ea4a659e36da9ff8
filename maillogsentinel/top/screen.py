"""A terminal that is drawn on again and again, and is left as it was."""

import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from maillogsentinel.errors import UsageError

_NEEDED = ("home", "el", "ed")
_ENTER, _LEAVE = ("smcup", "civis"), ("cnorm", "rmcup")


class Screen:
    """The terminal behind standard input and output."""

    def __init__(self) -> None:
        """Look up what the terminal can do. Raises UsageError when it cannot be drawn on."""
        import curses

        try:
            curses.setupterm(fd=sys.stdout.fileno())
            names = (*_NEEDED, *_ENTER, *_LEAVE)
            self._codes = {name: _code(curses.tigetstr(name)) for name in names}
        except (curses.error, UnicodeDecodeError):
            self._codes = {}
        if not all(self._codes.get(name) for name in _NEEDED):
            name = os.environ.get("TERM", "")
            raise UsageError(
                f"This terminal (TERM={name!a}) cannot be drawn on. Leave --watch out, or set TERM to what it is."
            )

    @contextmanager
    def _open(self) -> Iterator[int]:
        """Give the end of a pipe that has something to read when a signal came; the terminal is put back at the end."""
        before = termios.tcgetattr(sys.stdin)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        handlers: dict[int, Any] = {
            number: signal.signal(number, handler)
            for number, handler in ((signal.SIGWINCH, _nothing), (signal.SIGTERM, _end), (signal.SIGHUP, _end))
        }
        try:
            tty.setcbreak(sys.stdin, termios.TCSADRAIN)
            # Without Ctrl-Z nothing has to be put back in the middle.
            mode = termios.tcgetattr(sys.stdin)
            mode[6][termios.VSUSP] = b"\0"
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, mode)
            self._write("".join(self._codes[name] for name in _ENTER))
            yield reader
        finally:
            self._write("".join(self._codes[name] for name in _LEAVE))
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            os.close(reader)
            os.close(writer)

    def watch(self, seconds: float, lines: Callable[[int, int], list[str]]) -> None:
        """Draw what `lines` gives for so many columns and rows each `seconds`, at a key and when the size changes,
        until somebody presses q or Ctrl-C."""
        try:
            with self._open() as signals:
                while True:
                    columns, rows = os.get_terminal_size(sys.stdout.fileno())
                    self._draw(lines(columns or 80, rows or 24)[: rows or 24])
                    ready, _, _ = select.select([sys.stdin, signals], [], [], seconds)
                    if signals in ready:
                        os.read(signals, 4096)
                    if sys.stdin in ready and os.read(sys.stdin.fileno(), 64)[:1] in (b"q", b"Q", b""):
                        return
        except KeyboardInterrupt:
            return

    def _draw(self, lines: list[str]) -> None:
        """Put `lines` over what is there, in one piece and without emptying the screen: so nothing flickers."""
        end = self._codes["el"]
        self._write(self._codes["home"] + "\n".join(line + end for line in lines) + self._codes["ed"])

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _code(capability: bytes | None) -> str:
    """A capability without the pauses that it may ask for (terminfo(5)): today's terminals need none."""
    return re.sub(r"\$<[^>]*>", "", (capability or b"").decode("ascii"))


def _nothing(number: int, frame: FrameType | None) -> None:
    """For a signal that only has to end the waiting."""


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
