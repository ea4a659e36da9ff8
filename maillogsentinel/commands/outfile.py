"""Files that the command line names for a result: there whole, or as they were before."""

import errno
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import StoreError
from maillogsentinel.store import csvfile
from maillogsentinel.store.database import os_sentence


def write(path: str, text: str, mode: int | None = None) -> None:
    """Put `text` into the file at `path`, with exactly this `mode`; None: what the umask leaves. Raises StoreError."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device would be replaced by a file
        raise StoreError(f"Cannot write {path}: it is no file. Name one.")
    try:
        with _replaced(path, 0o666) as file:
            file.write(text.encode())
            if mode is not None:
                os.fchmod(file.fileno(), mode)
    except OSError as error:
        raise StoreError(os_sentence(error, path)) from error


@contextmanager
def written(path: str, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give what becomes the file at `path` once the block has ended without an error. Raises StoreError.

    A device or pipe is written to as it is, and a link's target is the file. `mode` is for the umask to narrow.
    """
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            with open(target, "wb") as device:
                yield device
        else:
            with _replaced(target, mode) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(os_sentence(error, path)) from error


@contextmanager
def _replaced(path: str, mode: int) -> Iterator[BinaryIO]:
    """Give a new file that takes the place of `path` once the block has ended without an error. Raises OSError."""
    temporary = f"{path}.{os.getpid()}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # of a process that was killed
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


class Large:
    """A file of records in the making, protected like our CSV; compressed when its name ends in ``.gz``.

    Until `finish` it has no name where the file system can do that, so that nothing is left of it, however the process
    ends. Its methods raise StoreError.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._directory = os.path.dirname(path) or "."
        self._temporary = f"{path}.{os.getpid()}.new"
        self._named = False
        self._size = 0
        # 31: the gzip form with the largest window; it holds no time, so equal records make equal bytes.
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31) if path.endswith(".gz") else None
        try:
            self._descriptor = self._open()
            csvfile.protect(self._descriptor)
        except OSError as error:
            raise self._failure(error) from error

    def _open(self) -> int:
        try:
            return os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o640)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
                raise
        self._named = True
        return os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)

    def _failure(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return StoreError(f"No space left for {self.path}. Free some, and do it again; nothing was changed.")
        return StoreError(f"Cannot write {self.path}: {error.strerror}. Nothing was changed.")

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._put(self._packer.compress(data) if self._packer else data)

    def _put(self, data: bytes) -> None:
        try:
            csvfile.write_all(self._descriptor, data, self._size)
        except OSError as error:
            raise self._failure(error) from error
        self._size += len(data)

    def finish(self) -> None:
        """Put the file in its place, whole and durable."""
        if self._packer:
            self._put(self._packer.flush())
        try:
            os.fsync(self._descriptor)
            if not self._named:
                self._link()
            os.rename(self._temporary, self.path)
            self._named = False
            sync_directory(self._directory)
        except OSError as error:
            raise self._failure(error) from error

    def _link(self) -> None:
        """Give the file a name (open(2), O_TMPFILE)."""
        if os.path.lexists(self._temporary):  # of a process that was killed just here
            os.unlink(self._temporary)
        own = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # With a directory's descriptor Python calls linkat(2), which can follow the link to the file.
            os.link(str(self._descriptor), self._temporary, src_dir_fd=own, follow_symlinks=True)
            self._named = True
        finally:
            os.close(own)

    def close(self) -> None:
        """Give back what the file holds; without `finish` nothing is left of it."""
        os.close(self._descriptor)
        if self._named:
            os.unlink(self._temporary)
