"""A file has its name only when it is whole."""

import os
from pathlib import Path


def publish(path: Path, content: bytes) -> None:
    """Write beside `path`, sync, and give it its name only when all went well.

    A reader meets the old file or the new one, never a mixture, whenever the writer is
    killed. Equal content from two writers at once is harmless.

    Raises:
        OSError: with nothing published and nothing left behind
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
