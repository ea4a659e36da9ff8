"""The secret that all pseudonyms are made with: one function for each kind of name, none of them to be undone."""

import hashlib
import os
import stat

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
