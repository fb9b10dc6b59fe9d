"""A file has its name only when it is whole."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same work twice, no harm else
    fcntl = None  # type: ignore[assignment]


def publish(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write beside `path`, sync, and give it its name only when all went well.

    A reader meets the old file or the new one, never a mixture, whenever the writer is
    killed. Equal content from two writers at once is harmless.

    Args:
        content: all of it, or piece by piece where it is not to be held in memory

    Raises:
        OSError: with nothing published and nothing left behind
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # not named by process: hosts that share a folder have the same process numbers
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):  # what broke first is what is said
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None  # as users know it
        raise
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
    file = _locked(path, wait=wait)
    if file is None:
        yield False
        return
    with file:
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path, *, wait: bool) -> IO[str] | None:
    """The lock file, open and ours; None if it is another's."""
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return None
        except OSError:  # no locks on this file system
            return file
        # whoever held it may have removed it meanwhile, and a third made a new one
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where folders can be synced.

    Where they cannot, the file is whole all the same; a power cut may undo the rename.
    """
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
