"""``maillogsentinel merge``: several servers' CSVs into one, each record once."""

import argparse
import os
import stat
import sys
from collections.abc import Callable

from maillogsentinel.commands import outfile, session
from maillogsentinel.config import settings
from maillogsentinel.errors import UsageError
from maillogsentinel.merge.job import merge
from maillogsentinel.model import safe_text
from maillogsentinel.options import CSV_DELIMITER
from maillogsentinel.progress import Bar
from maillogsentinel.store import csvfile

_REJECTED = ".rejected"


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    delimiter = settings(args.config)[CSV_DELIMITER]
    _check(args.output, args.file)
    bar = Bar() if sys.stderr.isatty() and not args.quiet else None
    out, rejects = outfile.Large(args.output), Rejects(args.output + _REJECTED)
    try:
        merged = merge(
            args.file,
            os.path.dirname(args.output) or ".",
            delimiter,
            out.write,
            rejects.add,
            _progress(bar),
        )
        rejects.finish()
        out.finish()
    finally:
        if bar:
            bar.close()
        rejects.close()
        out.close()
    if rejects.count:
        print(
            f"maillogsentinel: {rejects.count} rows could not be read and are not in {args.output}: see {rejects.path}",
            file=sys.stderr,
        )
    if session.interactive(args):
        print(f"{merged.records} records in {args.output}, of {merged.read} in {len(args.file)} files")
    return 0


def _check(output: str, inputs: list[str]) -> None:
    """Raises UsageError when a result would take the place of an input, or of something that is no file."""
    for path in (output, output + _REJECTED):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is there already and is no file. Name another one with -o.")
        for other in inputs:
            if os.path.exists(other) and os.path.samestat(os.stat(other), status):
                raise UsageError(
                    f"{path} would be written, but it is also an input ({other}). Name another one with -o."
                )


def _progress(bar: Bar | None) -> Callable[[int, str], None]:
    return lambda done, name: bar.show(done, None, os.path.basename(name)) if bar else None


class Rejects:
    """The rows that could not be read: a CSV with the columns file, line, reason and row, made when there is one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._file: outfile.Large | None = None

    def add(self, path: str, line: int, reason: str, row: bytes) -> None:
        """Note a row. Raises StoreError."""
        if self._file is None:
            self._file = outfile.Large(self.path)
            self._file.write(b"file,line,reason,row\n")
        self.count += 1
        cells = (safe_text(os.fsencode(path)), str(line), safe_text(reason.encode()), safe_text(row))
        self._file.write((",".join(csvfile.cell(cell, ",") for cell in cells) + "\n").encode())

    def finish(self) -> None:
        """Put the file in its place; without a row, that of an earlier merge goes. Raises StoreError."""
        if self._file:
            self._file.finish()
        elif os.path.lexists(self.path):
            os.unlink(self.path)

    def close(self) -> None:
        """Give back what the file holds."""
        if self._file:
            self._file.close()
