"""Reset and purge: what the program wrote goes into state_dir/archive, or away; whole, whenever it is interrupted."""

import json
import os
import re
import time

from maillogsentinel.durable import sync_directory
from maillogsentinel.errors import StoreError
from maillogsentinel.store import database
from maillogsentinel.store.database import os_sentence

DIRECTORY = "archive"
_MARKER = "reset-begun"
_DAY = 86_400
_ARCHIVE = re.compile(r"(reset|purge)-\d{8}-\d{6}")


def begin(state_dir: str, paths: list[str], delete: bool, kind: str) -> str:
    """Move `paths` into a new directory of the archive, or delete them; return that directory's path, or nothing.

    Needs the lock. What is to be done is written down first, so that `finish_reset` completes it after a crash:
    positions without their CSV, or the other way round, would lose or double records. Raises StoreError.
    """
    target = ""
    try:
        if not delete:
            target = _new_directory(os.path.join(state_dir, DIRECTORY), f"{kind}-{time.strftime('%Y%m%d-%H%M%S')}")
        marker = os.path.join(state_dir, _MARKER)
        with open(marker + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump({"target": target, "paths": paths}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(marker + ".new", marker)
        sync_directory(state_dir)
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or state_dir)) from error
    finish_reset(state_dir)
    return target


def finish_reset(state_dir: str) -> None:
    """Complete a reset that was interrupted, if there was one. Needs the lock; raises StoreError."""
    marker = os.path.join(state_dir, _MARKER)
    try:
        with open(marker, encoding="utf-8", errors="surrogateescape") as file:
            task = json.load(file)
        for path in task["paths"]:
            if not os.path.lexists(path):
                continue
            if not task["target"]:
                _remove(path)
            else:
                import shutil

                shutil.move(path, os.path.join(task["target"], os.path.basename(path)))
        sync_directory(state_dir)
        os.unlink(marker)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or state_dir)) from error


def _new_directory(parent: str, name: str) -> str:
    os.makedirs(parent, 0o750, exist_ok=True)
    number = 0
    while True:
        path = os.path.join(parent, name + (f".{number}" if number else ""))
        try:
            os.mkdir(path, 0o750)
        except FileExistsError:
            number += 1
        else:
            return path


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)


def state_files(state_dir: str) -> list[str]:
    """Return the paths of state.db and what SQLite keeps beside it."""
    path = os.path.join(state_dir, database.NAME)
    return [path, path + "-journal"]


def expired(state_dir: str, days: int) -> list[str]:
    """Return what lies in the archive for longer than `days`; nothing for 0. Raises StoreError."""
    parent = os.path.join(state_dir, DIRECTORY)
    if not days or not os.path.isdir(parent):
        return []
    try:
        paths = [os.path.join(parent, name) for name in sorted(os.listdir(parent)) if _ARCHIVE.match(name)]
        return [path for path in paths if time.time() - os.lstat(path).st_mtime > days * _DAY]
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or parent)) from error


def expire(state_dir: str, days: int) -> list[str]:
    """Delete what lies in the archive for longer than `days`, and return it; 0 keeps all. Raises StoreError."""
    paths = expired(state_dir, days)
    try:
        for path in paths:
            _remove(path)
    except OSError as error:
        raise StoreError(os_sentence(error, error.filename or paths[0])) from error
    return paths
