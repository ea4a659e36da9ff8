"""``maillogsentinel export csv``: committed records to stdout, all of them or what came after a token."""

import argparse
import re
import sys
import zlib
from typing import IO, Any, NamedTuple

from maillogsentinel import options, privileges
from maillogsentinel.commands import outfile
from maillogsentinel.config import Config, load
from maillogsentinel.errors import StoreError, UsageError
from maillogsentinel.store import csvfile, cuts
from maillogsentinel.store.database import Database
from maillogsentinel.store.opened import open_committed

_ANOTHER = "the token is of an earlier CSV (reset, restored or edited): this is the whole one"
_BLOCK = 256 * 1024


def run(args: argparse.Namespace) -> int:
    """Run the command. The token is ``GENERATION-OFFSET-MARK``; one of another CSV gives everything again."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    since = _token(args.since) if args.since is not None else None
    file, state = _opened(config, since)
    with file:
        start = 0
        if since:
            header = len(csvfile.header(config[options.CSV_DELIMITER]))
            if since.generation == state.generation and header <= since.offset <= state.offset and state.fits(file):
                start = state.place
            else:
                print(f"maillogsentinel: {_ANOTHER}", file=sys.stderr)
        _copy(file, state.path, start, state.length, args.gzip)
        if args.token_file:
            mark = state.mark or cuts.mark(file, state.length)
            outfile.write(args.token_file, f"{state.generation}-{state.offset}-{mark}\n")
    return 0


class Token(NamedTuple):
    """Up to where an earlier export went."""

    generation: int
    offset: int
    mark: str
    """Of the bytes before the offset; empty: anything may stand there."""


class State(NamedTuple):
    """What state.db says, of one moment."""

    path: str
    generation: int
    length: int
    """Bytes to export in all."""
    offset: int
    """Of the token to give: the same, and what was pruned."""
    mark: str
    """Of that token; empty: that of the bytes before."""
    since: Token | None
    place: int
    """Where in the CSV the records after `since` begin."""
    since_mark: str | None
    """What the mark of `since` must be; empty: that of the bytes before; None: nobody knows any more."""

    def fits(self, file: IO[bytes]) -> bool:
        """Whether the bytes before the offset are those that were exported.

        A snapshot of the machine brings an earlier state and CSV back, which have nothing else to tell them by.
        """
        if not self.since or not self.since.mark:
            return True
        return self.since_mark is not None and self.since.mark == (self.since_mark or cuts.mark(file, self.place))


def _state(database: Database, since: Token | None, known: dict[str, Any]) -> State:
    length = known.get("csv_length", 0)
    offset = length + cuts.total(database)
    place, pruned = cuts.place(database, since.offset) if since else (0, False)
    since_mark: str | None = cuts.kept_mark(database, since.offset) if since else ""
    if pruned and not since_mark:
        since_mark = None
    return State(
        known.get("csv_path", ""),
        known.get("csv_generation", 0),
        length,
        offset,
        cuts.kept_mark(database, offset),
        since,
        place,
        since_mark,
    )


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


def _opened(config: Config, since: Token | None) -> tuple[IO[bytes], State]:
    """The CSV, open, and what state.db says of it. Raises StoreError."""
    database = Database(config[options.STATE_DIR])
    try:
        return open_committed(database, lambda known: _state(database, since, known))
    except OSError as error:
        raise StoreError(
            f"Cannot read {error.filename or config.csv_path}: {error.strerror}. The next extract puts it right."
        ) from error
    finally:
        database.close()
