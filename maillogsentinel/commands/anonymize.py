"""``maillogsentinel anonymize``: a log that may be shown to strangers and still means the same to every tool."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO

from maillogsentinel.anonymize import run as stream
from maillogsentinel.anonymize import secret, stamps
from maillogsentinel.anonymize.lines import Anonymizer
from maillogsentinel.commands import outfile
from maillogsentinel.errors import SourceError, UsageError
from maillogsentinel.progress import Bar
from maillogsentinel.sources.rotation import COMPRESSED
from maillogsentinel.sources.stream import DamagedError, Stream

_MODE = 0o640
UNTOLD = "untold"
"""What ``--shift-time`` is without a value."""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    key = secret.from_file(args.key) if args.key else secret.fresh()
    shift = _shift(args.shift_time, key)
    name = "standard input" if args.input == "-" else args.input
    with ExitStack() as stack:
        descriptor = sys.stdin.fileno() if args.input == "-" else _opened(args.input)
        if args.input != "-":
            stack.callback(os.close, descriptor)
        given = os.fstat(descriptor)
        if args.output != "-" and os.path.exists(args.output) and os.path.samestat(given, os.stat(args.output)):
            raise UsageError("The log and the result are the same file. Name another one for the result, with -o.")
        log = stream.opened(descriptor, name)
        stack.callback(log.close)
        anonymizer = Anonymizer(key, shift, datetime.fromtimestamp(given.st_mtime) if given.st_size else None)
        progress = _progress(args, given.st_size, stack)
        if args.output == "-":
            _copy(log, sys.stdout.buffer, "", anonymizer, progress)
            return 0
        with outfile.written(args.output, _MODE) as file:
            try:
                damage = None
                _copy(log, file, args.output, anonymizer, progress)
            except DamagedError as error:
                damage = error  # what could be read is kept
        if damage:
            raise damage
    return 0


def _copy(
    log: Stream, file: BinaryIO, name: str, anonymizer: Anonymizer, progress: Callable[[int], None] | None
) -> None:
    output = stream.packed(file, name)
    try:
        stream.copy(log, output, anonymizer, progress)
    finally:
        if output is not file:
            output.close()


def _shift(wanted: str | None, key: secret.Secret) -> int:
    if wanted is None:
        return 0
    if wanted == UNTOLD:
        return stamps.secret_span(key.key(b"time"))
    try:
        return stamps.span(wanted)
    except ValueError:
        raise UsageError(
            f"--shift-time: {wanted} is no span. Write it as in --shift-time=-3d12h (w, d, h, m, s), up to a century."
        ) from None


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}. Name a file, or - for stdin.") from error


def _progress(args: argparse.Namespace, size: int, stack: ExitStack) -> Callable[[int], None] | None:
    if not sys.stderr.isatty() or args.quiet or args.output == "-":
        return None
    bar = Bar()
    stack.callback(bar.close)
    total = None if args.input == "-" or args.input.endswith(COMPRESSED) else size
    return lambda done: bar.show(done, total, os.path.basename(args.input))
