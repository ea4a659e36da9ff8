"""A log as a stream from one file into another; memory follows neither its size nor the length of its lines."""

import os
import stat
from collections.abc import Callable
from typing import BinaryIO

from maillogsentinel.anonymize.lines import Anonymizer
from maillogsentinel.errors import SourceError, UsageError
from maillogsentinel.parse.header import MAX_LINE
from maillogsentinel.sources.rotation import COMPRESSED
from maillogsentinel.sources.stream import BLOCK, Stream, open_compressed

_MAGIC = ((b"\x1f\x8b", ".gz"), (b"BZh", ".bz2"), (b"\xfd7zXZ\0", ".xz"), (b"\x28\xb5\x2f\xfd", ".zst"))
_LEVEL = 6


class _Plain:
    """A file as it is, from its beginning on, of which `begin` is read already."""

    def __init__(self, descriptor: int, begin: bytes, name: str) -> None:
        self._descriptor = descriptor
        self._begin = begin
        self._name = name

    def read(self, size: int, /) -> bytes:
        begin, self._begin = self._begin, b""
        return begin or _read(self._descriptor, size, self._name)

    def close(self) -> None:
        pass


def _read(descriptor: int, size: int, name: str) -> bytes:
    try:
        return os.read(descriptor, size)
    except OSError as error:
        raise SourceError(f"Cannot read {name}: {error.strerror}. Name a file, or - for stdin.") from error


def opened(descriptor: int, name: str) -> Stream:
    """Return the bytes of the log behind `descriptor`, decompressed where it is compressed, whatever its name says.

    Raises SourceError; so does reading from it, at what is damaged.
    """
    begin = b""
    while len(begin) < 6 and (more := _read(descriptor, 6 - len(begin), name)):
        begin += more
    kind = next((ending for magic, ending in _MAGIC if begin.startswith(magic)), None)
    if kind is None:
        return _Plain(descriptor, begin, name)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.lseek(descriptor, 0, os.SEEK_SET)
        return open_compressed(descriptor, name, kind)
    return _Spooled(descriptor, begin, name, kind)


class _Spooled:
    """What comes out of a pipe, put into a file without a name first: the decompressors go back and forth."""

    def __init__(self, descriptor: int, begin: bytes, name: str, kind: str) -> None:
        import tempfile

        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        while begin:
            self._file.write(begin)
            begin = _read(descriptor, BLOCK, name)
        self._file.flush()
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        self._stream = open_compressed(self._file.fileno(), name, kind)
        self.read = self._stream.read

    def close(self) -> None:
        self._stream.close()
        self._file.close()


def packed(file: BinaryIO, name: str) -> BinaryIO:
    """Return what writes into `file`, compressed where its name ends in ``.gz``. Raises UsageError for another kind."""
    if not name.endswith(COMPRESSED):
        return file
    if not name.endswith(".gz"):
        raise UsageError(f"{name}: only .gz can be written. Give a name that ends so, or compress it afterwards.")
    import gzip

    # Neither the file's name nor a time goes into it.
    return gzip.GzipFile("", "wb", _LEVEL, file, 0)  # type: ignore[return-value]


def copy(
    stream: Stream, output: BinaryIO, anonymizer: Anonymizer, progress: Callable[[int], None] | None = None
) -> None:
    """Write into `output` what may be shown of `stream`; `progress` is told the bytes read up to now."""
    rest, done = b"", 0
    while data := stream.read(BLOCK):
        done += len(data)
        end = data.rfind(b"\n") + 1
        if end:
            output.write(anonymizer.block(rest + data[:end]))
            rest = data[end:]
        else:
            rest += data
        if len(rest) > MAX_LINE:
            rest = rest[: MAX_LINE + 1]  # no more of it is looked at
        if progress:
            progress(done)
    if rest:
        output.write(anonymizer.block(rest))
