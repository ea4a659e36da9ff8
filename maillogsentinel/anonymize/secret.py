"""The secret that all pseudonyms are made with: one function for each kind of name, none of them to be undone."""

import contextlib
import hashlib
import os
import stat

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import SourceError

SHORTEST = 32
"""Bytes of a key file, without blanks at its ends: 128 bits written in hexadecimal, or more."""
_LONGEST = 4096
_VARIETY = 8
MAKE = "(umask 077; head -c 32 /dev/urandom | base64 >FILE)"
"""The command that makes a key file."""


class Secret:
    """A key, from which each use takes a key of its own."""

    def __init__(self, material: bytes) -> None:
        self._material = hashlib.blake2b(material, digest_size=64, person=b"maillogsentinel").digest()

    def key(self, purpose: bytes) -> bytes:
        """Return the 32 bytes for one purpose; they say nothing of those for another."""
        return hashlib.blake2b(purpose, digest_size=32, key=self._material).digest()


def fresh() -> Secret:
    """Return a secret that nobody else has, and that is gone with the process."""
    return Secret(os.urandom(64))


def kept(path: str) -> Secret:
    """Return the secret of the program's own key file, which is made when it is not there: mode 0600.

    Raises SourceError as `from_file`, and where it cannot be written.
    """
    try:
        if not os.path.lexists(path):
            _make(path)
    except OSError as error:
        raise SourceError(f"Cannot write the key file {path}: {error.strerror}.") from error
    return from_file(path)


def _make(path: str) -> None:
    """Make a key file, whole or not at all; that of another process that was quicker stays."""
    import base64

    temporary = f"{path}.{os.getpid()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(base64.b64encode(os.urandom(SHORTEST)) + b"\n")
        file.flush()
        os.fsync(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    os.unlink(temporary)
    sync_directory(os.path.dirname(path))


def from_file(path: str) -> Secret:
    """Return the secret of a key file; blanks and newlines at its ends do not count.

    Raises SourceError where it is missing, open to other users, or can be guessed.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            material = file.read(_LONGEST + 1).strip() if stat.S_ISREG(mode) else b""
    except FileNotFoundError:
        command = MAKE.replace("FILE", path)
        raise SourceError(f"There is no key file {path}. Make one, once, with: {command}") from None
    except OSError as error:
        raise SourceError(f"Cannot read the key file {path}: {error.strerror}.") from error
    if not stat.S_ISREG(mode):
        raise SourceError(f"The key {path} is no regular file. Name a file.")
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise SourceError(
            f"Other users may read or change the key file {path}, and with it undo what it hides. Run: chmod 600 {path}"
        )
    if not SHORTEST <= len(material) <= _LONGEST:
        raise SourceError(
            f"The key file {path} has {len(material) if len(material) <= _LONGEST else 'too many'} bytes; a key has"
            f" {SHORTEST} to {_LONGEST}. Make one with: {MAKE}"
        )
    if len(set(material)) < _VARIETY:
        raise SourceError(f"What stands in the key file {path} can be guessed. Make one with: {MAKE}")
    return Secret(material)
