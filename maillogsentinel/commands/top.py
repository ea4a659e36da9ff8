"""``maillogsentinel top``: a table of who is at it now, once or again and again."""

import argparse
import os
import sys

from maillogsentinel import options, privileges
from maillogsentinel.config import Config, load
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.errors import StoreError
from maillogsentinel.localtime import MINUTE, LocalTime, now
from maillogsentinel.report.columns import clip
from maillogsentinel.store import addresses, history
from maillogsentinel.store.database import Database
from maillogsentinel.top import table

_ROWS = 20
"""Addresses in a table that is printed once."""
_MOST_ROWS = 500
_WIDE = 240
"""Columns where no terminal says how many there are."""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    show = _Show(config, args.minutes)
    on_terminal = sys.stdout.isatty()
    if args.watch and on_terminal and sys.stdin.isatty():
        from maillogsentinel.top.screen import Screen

        Screen().watch(args.watch, lambda columns, rows: show.page(columns, rows, args.watch))
        return 0
    columns = os.get_terminal_size(sys.stdout.fileno()).columns if on_terminal else _WIDE
    print("\n".join(show.lines(columns or _WIDE, _ROWS)))
    return 0


class _Show:
    """What is shown, of the state as it is at each call."""

    def __init__(self, config: Config, minutes: int) -> None:
        self._config = config
        self._minutes = minutes
        self._geo = Geo.open(config)
        self._times = LocalTime(config[options.TIME_ZONE])

    def lines(self, columns: int, rows: int) -> list[str]:
        """Return the heading and at most `rows` addresses. Raises StoreError."""
        moment = now()
        database = Database(self._config[options.STATE_DIR])
        try:
            until = min(history.read_until(database), moment)
            if not until:
                raise StoreError("No log was read yet. Run: maillogsentinel extract")
            found = addresses.activity(database, until - self._minutes * MINUTE, min(rows, _MOST_ROWS))
        finally:
            database.close()
        lines = table.heading(found, self._minutes, until, moment, self._times)
        lines += ["", *table.table(found, self._geo.lookup, self._times, columns, _shown)]
        return [clip(line, columns) for line in lines]

    def page(self, columns: int, rows: int, seconds: int) -> list[str]:
        """Return what fills a terminal of that size; what cannot be read is said there."""
        columns -= 1  # behind a full line some terminals erase its last character
        try:
            lines = self.lines(columns, rows)
        except StoreError as error:
            from textwrap import wrap

            lines = wrap(str(error), columns)
        last = clip(f"Every {seconds} s. Press q to end.", columns)
        return [*lines[: rows - 1], last]


def _shown(text: str) -> str:
    """What the terminal's encoding has, and escapes for the rest, so that columns line up."""
    encoding = sys.stdout.encoding
    return text.encode(encoding, "backslashreplace").decode(encoding)
