"""``maillogsentinel export csv``: committed records to stdout, all of them or what came after a token."""

import argparse
import re
import sys
import zlib
from typing import IO

from maillogsentinel import options, privileges
from maillogsentinel.commands import outfile
from maillogsentinel.config import load
from maillogsentinel.errors import StoreError, UsageError
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database

_BLOCK = 256 * 1024


def run(args: argparse.Namespace) -> int:
    """Run the command. The token is ``GENERATION-OFFSET``; one of another generation gives everything again."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    since = _token(args.since) if args.since is not None else None
    database = Database(config[options.STATE_DIR])
    known = dict(database.rows("SELECT key, value FROM meta WHERE key GLOB 'csv_*'"))  # all of one moment
    database.close()
    generation, length = known.get("csv_generation", 0), known.get("csv_length", 0)
    path = known.get("csv_path", config.csv_path)
    start = 0
    if since:
        header = len(csvfile.header(config[options.CSV_DELIMITER]))
        if since[0] == generation and header <= since[1] <= length:
            start = since[1]
        else:
            print(
                "maillogsentinel: the token is of an earlier CSV (reset, restored or edited): this is the whole one",
                file=sys.stderr,
            )
    _copy(path, start, length, args.gzip)
    if args.token_file:
        outfile.write(args.token_file, f"{generation}-{length}\n")
    return 0


def _token(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,18})-(\d{1,18})", text.strip())
    if not match:
        raise UsageError(
            f"--since {text!r} is no token. Give what --token-file wrote, or leave --since out for all records."
        )
    return int(match.group(1)), int(match.group(2))


def _copy(path: str, start: int, length: int, compress: bool) -> None:
    """Write the CSV's bytes from `start` up to the committed length to stdout."""
    out = sys.stdout.buffer
    packer = zlib.compressobj(6, zlib.DEFLATED, 31) if compress else None
    with _opened(path) as file:
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
