"""What makes a change survive a power loss."""

import os


def sync_directory(directory: str) -> None:
    """Make renames in `directory` survive. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
