"""Log files as streams of bytes, decompressed where they are compressed; memory does not follow their size."""

import os
import zlib
from typing import BinaryIO, Protocol

from maillogsentinel.errors import SourceError

BLOCK = 256 * 1024
"""Bytes read at once; smaller blocks were slower, larger ones no faster."""
_CRUMB = 64
_INPUT = 32 * 1024
"""Compressed bytes at once: zlib copies what it has not used at each call, a third of the time at 256 KiB."""


class DamagedError(SourceError):
    """A compressed file breaks off or holds no valid data from some point on."""


class Stream(Protocol):
    """What `open_compressed` returns."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` decompressed bytes, none at the end."""

    def close(self) -> None:
        """Release what the stream holds."""


class _Gzip:
    """A .gz file of any number of members (RFC 1952). Python's own gzip module reads 8 KiB at a time: half as fast."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begin(b"", 0)
        self._begun = False
        self._error: zlib.error | None = None

    def _begin(self, data: bytes, offset: int) -> None:
        """Begin the member that stands at `offset` of the file, of which `data` is read already."""
        self._member = zlib.decompressobj(31)
        self._input, self._member_at, self._fed, self._given = data, offset, 0, 0

    def read(self, size: int, /) -> bytes:
        while True:
            if self._error:
                raise self._error
            if self._member.eof:
                data = (self._member.unused_data or self._file.read(_INPUT)).lstrip(b"\0")
                if not data:
                    return b""
                self._begin(data, self._file.tell() - len(data))
            elif not self._input:
                self._input = self._file.read(_INPUT)
                if not self._input:
                    if not self._begun:
                        return b""
                    raise EOFError("the file breaks off")
            self._begun = True
            try:
                data = self._member.decompress(self._input, size)
            except zlib.error as error:
                self._error = error
                data = self._salvage()
            else:
                self._fed += len(self._input) - len(self._member.unconsumed_tail)
                self._input = self._member.unconsumed_tail
                self._given += len(data)
            if data:
                return data

    def _salvage(self) -> bytes:
        """What the input holds before its damage, which zlib withholds: the member is read again, at last in crumbs."""
        member, known, left = zlib.decompressobj(31), self._given, self._fed
        self._file.seek(self._member_at)
        rest = b""
        try:
            while left:
                data = self._file.read(min(_INPUT, left))
                left -= len(data)
                while data:
                    known -= len(member.decompress(data, BLOCK))
                    data = member.unconsumed_tail
            for at in range(0, len(self._input), _CRUMB):
                rest += member.decompress(self._input[at : at + _CRUMB])
        except zlib.error:
            pass
        return rest[max(0, known) :]

    def close(self) -> None:
        self._file.close()


class _Zstandard:
    """A .zst file of any number of frames. The module's reader takes a file that breaks off for one that ends."""

    def __init__(self, stream: Stream, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if not data and not self._ends():
            raise EOFError("the file breaks off")
        return data

    def _ends(self) -> bool:
        """Whether the file ends with a frame, which is found from block header to block header (RFC 8878, 3.1)."""
        end, at = os.fstat(self._descriptor).st_size, 0
        while at < end:
            magic = self._number(4, at)
            if magic & ~15 == 0x184D2A50:  # a skippable frame
                at += 8 + self._number(4, at + 4)
                continue
            flags = self._number(1, at + 4)
            single = flags >> 5 & 1
            at += 5 + 1 - single + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
            last = False
            while not last and at < end:
                block = self._number(3, at)
                last = bool(block & 1)
                at += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
            if not last:
                return False
            at += flags & 4  # the checksum
        return at == end

    def _number(self, size: int, at: int) -> int:
        return int.from_bytes(os.pread(self._descriptor, size, at), "little")

    def close(self) -> None:
        self._stream.close()


class _Guarded:
    """A stream whose every error is a `DamagedError` that names the file."""

    def __init__(self, stream: Stream, path: str) -> None:
        self._stream = stream
        self._path = path

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except MemoryError:
            raise
        except Exception as error:  # zlib, bz2, lzma and zstandard share no class of errors
            raise DamagedError(
                f"{self._path} is damaged ({error}): what stands before the damage was read, the rest cannot be."
                " Restore the file if it matters."
            ) from error

    def close(self) -> None:
        self._stream.close()


def open_compressed(descriptor: int, path: str, kind: str = "") -> Stream:
    """Return the decompressed bytes of the file behind `descriptor`, which the caller closes.

    `kind` is the ending of such files' names, ``.gz`` and so on, where that of `path` does not say it.
    Raises SourceError when the module for this kind is missing; its ``read`` raises DamagedError.
    """
    file = os.fdopen(descriptor, "rb", buffering=0, closefd=False)
    try:
        return _Guarded(_opened(file, path, kind or path), path)
    except BaseException:
        file.close()
        raise


def _opened(file: BinaryIO, path: str, kind: str) -> Stream:
    if kind.endswith(".gz"):
        return _Gzip(file)
    if kind.endswith(".bz2"):
        import bz2

        return bz2.BZ2File(file)
    if kind.endswith(".xz"):
        import lzma

        return lzma.LZMAFile(file)
    try:
        import zstandard
    except ImportError:
        raise SourceError(
            f"Cannot read {path}: Python's zstandard module is missing. Install the package python3-zstandard."
        ) from None
    stream: Stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return _Zstandard(stream, file.fileno())
