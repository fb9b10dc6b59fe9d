"""Atomic writing: a file gets its name only when it is complete; and file locks."""

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
except ImportError:  # on Windows, two processes may at worst do the same work twice
    fcntl = None  # type: ignore[assignment]

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
PIECE = 2**20  # bytes that are copied at a time


def publish(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file atomically: under another name first, then rename it.

    A reader sees the old file or the new one, never a mixture, even if the writer is
    killed. Two writers of equal content at the same time do no harm.

    Args:
        path: of the file; its folder is created
        content: as a whole, or in pieces if it should not be held in memory

    Raises:
        OSError: if it cannot be written; then no partial file remains
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name is random, since hosts that share a folder have the same process numbers.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("wb") as file:
            file.writelines(_pieces(content))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):  # report the first error, not a later one
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and _is_ours(error, partial):
            raise with_path(error, path) from error
        raise
    _sync_folder(path.parent)


def _is_ours(error: OSError, partial: Path) -> bool:
    """Return True if an error concerns the partial file."""
    nameless = error.filename is None or isinstance(error.filename, int)
    return nameless or str(error.filename) == str(partial)


def refresh(
    path: Path,
    content: bytes | Iterable[bytes],
    *,
    before: Callable[[], object] = lambda: None,
) -> bool:
    """Write a file atomically, unless it holds exactly these bytes.

    If nothing changes, nothing is written, so that the folder may be read-only.

    Args:
        path: of the file
        content: as a whole, or in pieces if it should not be held in memory
        before: called before the file is written, if it will be

    Returns:
        True if the file was written

    Raises:
        OSError: if the file cannot be written, or the existing one cannot be read
    """
    pieces = _pieces(content)
    if not path.is_file():
        before()
        publish(path, pieces)
        return True
    with path.open("rb") as file:
        equal_bytes, first_difference = _compared(file, pieces, path)
        if first_difference is None:
            return False
        before()
        publish(path, chain(_copied(file, equal_bytes), [first_difference], pieces))
    return True


def has_content(path: Path, content: bytes | Iterable[bytes]) -> bool:
    """Return True if a file holds exactly these bytes.

    Args:
        path: of the file
        content: as for `refresh`, which would not write the file then

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
    """Return how many bytes of a file agree, and the first piece that differs.

    The piece is None if all bytes agree, and empty if the file is only too long.
    """
    equal_bytes = 0
    for piece in chain(filter(None, pieces), [b""]):
        try:
            block = file.read(len(piece) or 1)
        except OSError as error:
            raise with_path(error, path) from error
        if block != piece:
            return equal_bytes, piece
        equal_bytes += len(piece)
    return equal_bytes, None


def _copied(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the first bytes of an open file, and close it so that it can be replaced.

    The bytes are those of the file that was compared, even if its name now belongs to
    another file. Windows cannot replace a file that is open.
    """
    file.seek(0)
    while size > 0:
        piece = file.read(min(size, PIECE))
        if not piece:
            raise OSError(errno.EIO, os.strerror(errno.EIO), file.name)
        size -= len(piece)
        yield piece
    file.close()


def with_path(error: OSError, path: Path) -> OSError:
    """Return a system error with the path that the user knows.

    Args:
        error: that may name a partial file, or none
        path: to name instead
    """
    if error.errno is None:
        return OSError(f"{error}: '{path}'")
    return OSError(error.errno, os.strerror(error.errno), str(path))


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Add the name of a file to errors of a full or broken disk.

    Args:
        path: that is written in this context; or words for a file without a path
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in DISK_ERRORS:
            raise with_path(error, path) from error
        raise


@contextmanager
def claim(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a file lock, so that two processes do not do the same work.

    The lock ends with the process that holds it, even if that is killed. If the file
    system has no locks, every claim succeeds. Then work may be done twice, but the
    results are correct.

    Args:
        path: of the lock file, which is removed afterwards
        wait: True to wait until another process releases the lock

    Yields:
        True if this process holds the lock
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
    """Return the open lock file, or None if another process holds the lock."""
    while True:
        file = open(path, "a", opener=_opened_lock)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return None
        except OSError:  # the file system has no locks
            return file
        # The last holder may have removed the file, and another process created a new
        # one. Then the lock on the old file is worthless.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _opened_lock(path: str, flags: int) -> int:
    """Open a lock file in a folder that may be untrusted, unless it is a link or pipe.

    A link could create a file elsewhere, and opening a pipe would block.
    """
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "a lock must not be a link; remove it", path)
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "a lock must be a regular file; remove it", path)
    return handle


def _sync_folder(folder: Path) -> None:
    """Sync a folder so that the rename survives a power cut, if the system can do it.

    Otherwise a power cut may undo the rename; the file is complete in any case.
    """
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
