"""Files that the command line names for a result: there whole, or as they were before."""

import os

from maillogsentinel.errors import StoreError
from maillogsentinel.store.database import os_sentence


def write(path: str, text: str) -> None:
    """Put `text` into the file at `path`. Raises StoreError."""
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError as error:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise StoreError(os_sentence(error, path)) from error
