"""Files that the command line names for a result: there whole, or as they were before."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from maillogsentinel.errors import StoreError
from maillogsentinel.store.database import os_sentence


def write(path: str, text: str) -> None:
    """Put `text` into the file at `path`. Raises StoreError."""
    with written(path) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def written(path: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give what becomes the file at `path` once the block has ended without an error. Raises StoreError.

    A device or pipe is written to as it is, and a link's target is the file. `mode` is for the umask to narrow.
    """
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.new"
    try:
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            with open(target, "wb") as device:
                yield device
            return
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            os.rename(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(os_sentence(error, path)) from error
