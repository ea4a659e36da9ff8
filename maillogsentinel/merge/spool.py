"""Where sorted lines lie until they are merged: an input itself, or a temporary file that has no name.

Nobody can open the temporary file or find it, and it goes with the process, however that ends. It lies beside OUT,
where there must be as much room anyway.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from maillogsentinel.errors import StoreError
from maillogsentinel.store.csvfile import write_all

_AT_ONCE = 4096
"""Lines that are joined before they are written."""


class Place(Protocol):
    """A file in which lines stand."""

    def read(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset` on, at least one. Raises StoreError."""


class Extents(NamedTuple):
    """Lines in order of their dates: the bytes from start to end of each extent, one after the other."""

    place: Place
    extents: list[tuple[int, int]]


class Original:
    """An input whose lines need no change. It is opened for each read: any number of inputs can be merged at once."""

    def __init__(self, path: str, status: os.stat_result) -> None:
        self._path = path
        self._seen = status

    def read(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset` on, at least one. Raises StoreError."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                status, data = os.fstat(descriptor), os.pread(descriptor, size, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(f"Cannot read {self._path}: {error.strerror}. Nothing was written.") from error
        seen = self._seen
        same = (status.st_dev, status.st_ino) == (seen.st_dev, seen.st_ino)
        # A CSV that is still in use may grow.
        edited = status.st_size == seen.st_size and status.st_mtime_ns != seen.st_mtime_ns
        if not same or edited or not data:
            raise StoreError(
                f"{self._path} was replaced or changed while it was read. Nothing was written; merge again."
            )
        return data


class Spool:
    """A temporary file in `directory`. Every method raises StoreError."""

    def __init__(self, directory: str) -> None:
        import tempfile

        self._directory = directory
        try:
            self._file = tempfile.TemporaryFile(prefix="maillogsentinel-", dir=directory, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._failure(error) from error
        self._size = 0

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(
            f"Cannot write a temporary file in {self._directory}: {error.strerror}. It needs as much room there as the"
            " inputs have, decompressed. Nothing was changed."
        )

    def append(self, lines: Iterable[bytes]) -> tuple[int, int]:
        """Write `lines`, each with its newline, and return where they begin and end."""
        begin = self._size
        for data in lines:
            try:
                write_all(self._file.fileno(), data, self._size)
            except OSError as error:
                raise self._failure(error) from error
            self._size += len(data)
        return begin, self._size

    def read(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset` on."""
        try:
            return os.pread(self._file.fileno(), size, offset)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def plain(rows: list[bytes], width: int) -> Iterable[bytes]:
    """Yield the lines of `rows`, which begin with a date of `width` bytes to be sorted by, many at once."""
    for start in range(0, len(rows), _AT_ONCE):
        yield b"\n".join([*[row[width:] for row in rows[start : start + _AT_ONCE]], b""])
