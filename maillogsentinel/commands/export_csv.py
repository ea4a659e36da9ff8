"""``maillogsentinel export csv``: committed records to stdout, all of them or what came after a token."""

import argparse
import hashlib
import json
import os
import re
import sys
import zlib
from typing import IO, NamedTuple

from maillogsentinel import options, privileges
from maillogsentinel.commands import outfile
from maillogsentinel.config import load
from maillogsentinel.errors import StoreError, UsageError
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database

_ANOTHER = "the token is of an earlier CSV (reset, restored or edited): this is the whole one"
_BLOCK = 256 * 1024
_MARKED = 4096
"""Bytes before the offset of a token of which it holds a mark."""


def run(args: argparse.Namespace) -> int:
    """Run the command. The token is ``GENERATION-OFFSET-MARK``; one of another CSV gives everything again."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    since = _token(args.since) if args.since is not None else None
    database = Database(config[options.STATE_DIR])
    known = dict(database.rows("SELECT key, value FROM meta WHERE key GLOB 'csv_*'"))  # all of one moment
    database.close()
    generation, length = known.get("csv_generation", 0), known.get("csv_length", 0)
    path = known.get("csv_path", config.csv_path)
    start = 0
    with _opened(path) as file:
        if os.fstat(file.fileno()).st_ino != json.loads(known.get("csv_stat", "[0]"))[0]:
            raise StoreError(
                f"{path} was replaced since the last extract. The next one puts it right; export again then."
            )
        if since:
            header = len(csvfile.header(config[options.CSV_DELIMITER]))
            if since.generation == generation and header <= since.offset <= length and since.fits(file):
                start = since.offset
            else:
                print(f"maillogsentinel: {_ANOTHER}", file=sys.stderr)
        _copy(file, path, start, length, args.gzip)
        if args.token_file:
            outfile.write(args.token_file, f"{generation}-{length}-{_mark(file, length)}\n")
    return 0


class Token(NamedTuple):
    """Up to where an earlier export went."""

    generation: int
    offset: int
    mark: str
    """Of the bytes before the offset; empty: anything may stand there."""

    def fits(self, file: IO[bytes]) -> bool:
        """Whether the bytes before the offset are those that were exported.

        A snapshot of the machine brings an earlier state and CSV back, which have nothing else to tell them by.
        """
        return self.mark in ("", _mark(file, self.offset))


def _mark(file: IO[bytes], offset: int) -> str:
    begin = max(0, offset - _MARKED)
    file.seek(begin)
    return hashlib.sha256(file.read(offset - begin)).hexdigest()[:16]


def _token(text: str) -> Token:
    match = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})(?:-([0-9a-f]{16}))?", text.strip())
    if not match:
        raise UsageError(
            f"--since {text!r} is no token. Give what --token-file wrote, or leave --since out for all records."
        )
    return Token(int(match[1]), int(match[2]), match[3] or "")


def _copy(file: IO[bytes], path: str, start: int, length: int, compress: bool) -> None:
    """Write the CSV's bytes from `start` up to the committed length to stdout."""
    out = sys.stdout.buffer
    packer = zlib.compressobj(6, zlib.DEFLATED, 31) if compress else None
    file.seek(start)
    while start < length:
        data = file.read(min(_BLOCK, length - start))
        if not data:
            raise StoreError(
                f"{path} is shorter than what was committed. The next extract puts it right; export again then."
            )
        start += len(data)
        _write(out, packer.compress(data) if packer else data)
    if packer:
        _write(out, packer.flush())
    out.flush()


def _write(out: IO[bytes], data: bytes) -> None:
    """Write all of `data`: with PYTHONUNBUFFERED, as in containers, stdout takes what the reader took and stops."""
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _opened(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror}. The next extract puts it right.") from error
