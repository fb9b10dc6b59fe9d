"""A file has its name only when it is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same work twice, no harm else
    fcntl = None  # type: ignore[assignment]


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


@contextmanager
def claim(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock while something is being made, so that two processes share work.

    The lock goes with the process that holds it, however it dies. Where a file system
    has no locks, everything counts as claimed: work may be done twice, never mixed up.

    Args:
        path: of the lock file, which is removed afterwards
        wait: until another process lets go, instead of giving up at once

    Yields:
        whether it is ours
    """
    if fcntl is None:
        yield True
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError:  # no locks on this file system
            pass
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where folders can be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
