"""One run at a time: the lock that every command which changes the state takes first."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from maillogsentinel.errors import LockedError, StoreError
from maillogsentinel.store.database import os_sentence

NAME = "lock"
_TRIES = 5
MAILING = "lock-mailing"
"""Held while due reports are mailed, so that no two runs mail the same day."""
ALERTING = "lock-alerting"
"""Held while due alerts are told, so that no two runs tell the same one."""


def _taken(descriptor: int, wait: bool) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            time.sleep(0.02)  # `status` holds it for the blink of an eye to see whether it is free
    return False


@contextmanager
def locked(state_dir: str, wait: bool = False, name: str = NAME) -> Iterator[None]:
    """Hold the lock of `state_dir`, which is made when it is not there.

    Raises LockedError when another run holds it and `wait` is false, StoreError when the directory cannot be written.
    The lock goes with the process, however it ends.
    """
    path = os.path.join(state_dir, name)
    try:
        os.makedirs(state_dir, 0o750, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or path)) from error
    try:
        if not _taken(descriptor, wait):
            raise LockedError(
                f"Another run of maillogsentinel holds the lock {path}."
                " Wait until it is done (see: maillogsentinel status)."
            )
        yield
    finally:
        os.close(descriptor)
