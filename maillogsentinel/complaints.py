"""Complaints on stderr: to a terminal always, to cron the same one once a day, so that its mails mean something."""

import os
import sys
import time

_DAY = 86_400
_DIRECTORY = "complaints"


def tell(sentence: str, state_dir: str | None) -> None:
    """Print `sentence` on stderr, unless nobody sits there and it was told within a day.

    What was told is remembered by empty files in `state_dir`, since they can still be made on a full disk; None, or a
    directory that cannot be written, remembers nothing. Digits make no other complaint: archives are renumbered.
    """
    if state_dir and not sys.stderr.isatty() and _told(sentence, os.path.join(state_dir, _DIRECTORY)):
        return
    print(f"maillogsentinel: {sentence}", file=sys.stderr)


def _told(sentence: str, directory: str) -> bool:
    import hashlib

    key = "".join(char for char in sentence if not char.isdigit())
    marker = os.path.join(
        directory, hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
    )
    moment = time.time()
    try:
        if 0 <= moment - os.stat(marker).st_mtime < _DAY:
            return True
    except OSError:
        pass
    try:
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o750)
        for name in os.listdir(directory):
            old = os.path.join(directory, name)
            if moment - os.stat(old).st_mtime > 2 * _DAY:
                os.unlink(old)
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640))
        os.utime(marker)
    except OSError:
        pass
    return False
