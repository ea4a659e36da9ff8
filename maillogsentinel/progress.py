"""A progress bar on stderr, for runs that take a while."""

import os
import sys
import time


def terminal_width() -> int:
    """Return the columns of the terminal behind stderr; 80 where there is none."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


class Bar:
    """Shows how much of a first run or of a download is done; nothing for runs of less than half a second."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._drawn = False

    def show(self, done: int, total: int | None, name: str) -> None:
        """Draw the bar, at most ten times a second; `done` and `total` in bytes, None where nobody knows the end."""
        moment = time.monotonic()
        if moment - self._began < 0.5 or moment - self._shown < 0.1:
            return
        self._shown = moment
        self._drawn = True
        if total is None:
            print(f"\r{done / 1_000_000:8.1f} MB {name[:24]:<24}", end="", file=sys.stderr, flush=True)
            return
        share = min(1.0, done / total) if total else 1.0
        width = max(10, min(40, terminal_width() - 40))
        filled = "#" * int(share * width)
        print(f"\r{share:5.0%} [{filled:<{width}}] {name[:24]:<24}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn:
            print("\r" + " " * (terminal_width() - 1) + "\r", end="", file=sys.stderr, flush=True)
