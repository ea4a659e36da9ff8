"""The own log: ``2025-05-29 00:00:00,315 INFO === Start of MailLogSentinel v1.0.0 ===``."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from maillogsentinel import __version__, options
from maillogsentinel.config import Config

_FORM = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("maillogsentinel")


@contextmanager
def written(config: Config, verbose: bool) -> Iterator[str]:
    """Write the own log while the block runs, and yield what keeps it from being written: a sentence, or nothing.

    `verbose` shows it on stderr, too. A log that nobody configured and whose directory is not there is no fault: the
    program runs from a checkout as well.
    """
    logging.raiseExceptions = False  # a full disk must not fill stderr with tracebacks
    log.setLevel(config[options.LOG_LEVEL])
    log.propagate = False
    handlers: list[logging.Handler] = []
    trouble = ""
    path = config[options.LOG_FILE]
    if path and (options.LOG_FILE in config.entries or os.path.isdir(os.path.dirname(path))):
        try:
            # Made by us it is for its owner and group; one that logrotate made keeps its mode.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640))
            handlers.append(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            trouble = f"Cannot write the own log {path}: {error.strerror}. Make it writable, or set [general] log_file."
    if verbose:
        handlers.append(logging.StreamHandler())
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(_FORM)
        log.addHandler(handler)
    log.info("=== Start of MailLogSentinel v%s ===", __version__)
    try:
        yield trouble
    finally:
        log.info("=== End of MailLogSentinel execution ===")
        for handler in list(log.handlers):
            log.removeHandler(handler)
            handler.close()
