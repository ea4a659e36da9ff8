"""Tables for the time of a run, in a file that nobody else can open or find."""

import os
import sqlite3


def nameless(directory: str | None, table: str) -> tuple[sqlite3.Connection, str]:
    """Return a connection to a file below `directory` (None: the system's place) with the one `table`, and where it is.

    The open connection keeps the file; a killed process leaves nothing behind. Raises OSError and sqlite3.Error.
    """
    import tempfile

    handle, path = tempfile.mkstemp(prefix="maillogsentinel-", suffix=".tmp", dir=directory)
    try:
        os.close(handle)
        connection = sqlite3.connect(path, isolation_level=None)
        # Nothing here outlives the process, so no journal and no sync; 4 MiB of pages are kept in memory.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -4096"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(table)
        return connection, os.path.dirname(path)
    finally:
        os.unlink(path)
