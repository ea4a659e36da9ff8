"""The alerts' log: one line of JSON for each."""

import errno
import os
import stat

from maillogsentinel import options
from maillogsentinel.config import Config

_TAIL = 1 << 20
"""Bytes at the end of the log in which a line is looked for that an interrupted run may have written."""


def is_kept(config: Config) -> bool:
    """Whether there is to be a log: one that nobody configured needs its directory, as the own log does."""
    path = config[options.ALERTS_LOG]
    return bool(path) and (options.ALERTS_LOG in config.entries or os.path.isdir(os.path.dirname(path)))


def append(path: str, lines: dict[str, str]) -> None:
    """Append lines of JSON to the log at `path`, each under its alert's name, which the line holds; those that it has
    stay single. Raises OSError; then a line is there whole or not at all."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o640)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        size = status.st_size
        tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL)) if size else b""
        text = "".join(line + "\n" for name, line in lines.items() if f'"{name}"'.encode() not in tail)
        if tail and not tail.endswith(b"\n"):
            text = "\n" + text  # where the disk was full
        data = text.encode()
        if os.write(descriptor, data) < len(data):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
