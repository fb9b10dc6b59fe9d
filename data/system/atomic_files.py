"""A file has its name only when it is whole."""

import errno
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same work twice, no harm else
    fcntl = None  # type: ignore[assignment]

PIECE = 2**20  # bytes that are copied at once


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
            file.writelines(_pieces(content))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):  # what broke first is what is said
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and _is_ours(error, partial):
            raise named(error, path) from error
        raise
    _sync_folder(path.parent)


def _is_ours(error: OSError, partial: Path) -> bool:
    """Return True if an error is about the file that is being published."""
    nameless = error.filename is None or isinstance(error.filename, int)
    return nameless or str(error.filename) == str(partial)


def refresh(
    path: Path,
    content: bytes | Iterable[bytes],
    *,
    before: Callable[[], object] = lambda: None,
) -> bool:
    """Publish a file, unless it holds exactly these bytes already.

    Where nothing changes, nothing is written: neither the file nor its folder, which
    may be read-only.

    Args:
        content: all of it, or piece by piece where it is not to be held in memory
        before: called if the file will be published, and not yet is

    Returns:
        True if the file was published

    Raises:
        OSError: as `publish`, or if the present file cannot be read
    """
    pieces = _pieces(content)
    if not path.is_file():
        before()
        publish(path, pieces)
        return True
    with path.open("rb") as file:
        equal, other = _compared(file, pieces, path)
        if other is None:
            return False
        before()
        publish(path, chain(_copied(file, equal), [other], pieces))
    return True


def holds(path: Path, content: bytes | Iterable[bytes]) -> bool:
    """Return True if a file holds exactly these bytes.

    Args:
        content: as of `refresh`, which would not publish it then

    Raises:
        OSError: if the file cannot be read
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _compared(file, _pieces(content), path)[1] is None


def _pieces(content: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """Return an iterator over content that may be one piece or many."""
    return iter([content] if isinstance(content, bytes) else content)


def _compared(
    file: IO[bytes], pieces: Iterator[bytes], path: Path
) -> tuple[int, bytes | None]:
    """Return how many bytes of a file agree, and the first piece that does not.

    It is None if all of them agree, and empty if the file only goes on for too long.
    """
    equal = 0
    for piece in chain(filter(None, pieces), [b""]):
        try:
            found = file.read(len(piece) or 1)
        except OSError as error:
            raise named(error, path) from error
        if found != piece:
            return equal, piece
        equal += len(piece)
    return equal, None


def _copied(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the first bytes of a file; then close it, or Windows could not replace it.

    It is the file that was compared, though another may have its name by now.
    """
    file.seek(0)
    while size > 0:
        piece = file.read(min(size, PIECE))
        if not piece:
            raise OSError(errno.EIO, os.strerror(errno.EIO), file.name)
        size -= len(piece)
        yield piece
    file.close()


def named(error: OSError, path: Path) -> OSError:
    """Return an error of the system that names one path, the one that users know."""
    if error.errno is None:
        return OSError(f"{error}: '{path}'")
    return OSError(error.errno, os.strerror(error.errno), str(path))


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
    """Return the lock file, open and ours; None if it is another's."""
    while True:
        file = open(path, "a", opener=_opened_lock)
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


def _opened_lock(path: str, flags: int) -> int:
    """Open a lock file that may lie in a stranger's folder: no link, and no pipe.

    A link would make a file elsewhere, and a pipe would be waited for.
    """
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "a lock must not be a link; remove it", path)
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "a lock must be a regular file; remove it", path)
    return handle


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
