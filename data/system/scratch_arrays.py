"""Arrays that may be larger than memory: their pages are those of a nameless file.

The file has no name from the moment it is made, so nothing is left of it however a
process ends. Its space is reserved at once: a disk that is full is an error here, and
no crash later, when a page is written.
"""

import errno
import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import numpy as np

SHARE = 0.5  # of a machine's memory that embeddings may take, if nobody says
UNKNOWN = 2**34  # bytes of memory where nobody tells
FULL = (errno.ENOSPC, errno.EDQUOT)
BLOCK = 2**20  # bytes that are written at once where nothing can be reserved
GROUPS = Path("/proc/self/cgroup")
LIMITS = Path("/sys/fs/cgroup")


def budget() -> int:
    """Bytes of embeddings that are held in memory, if nobody says how many."""
    return int(SHARE * machine_memory())


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or what a container allows of it."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows, or not told
        return UNKNOWN
    return min(machine, *_limits())


def _limits() -> list[int]:
    """What containers and job schedulers allow, in bytes; at least a huge number."""
    found = [2**63]
    try:
        lines = GROUPS.read_text(encoding="utf-8").splitlines()
        name = next(line[3:] for line in lines if line.startswith("0::"))
        inner = LIMITS / name.strip("/")
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(LIMITS) and (folder / "memory.max").is_file():
                limit = (folder / "memory.max").read_text(encoding="utf-8").strip()
                found += [int(limit)] if limit != "max" else []
    except (OSError, StopIteration, ValueError):  # no groups of the second version
        pass
    return found


def place(beside: Path) -> Path:
    """Return the folder of scratch files.

    It is TMPDIR where that is set, else the folder that is given; where nothing may be
    written there, it is the system's folder of temporary files.
    """
    if chosen := os.environ.get("TMPDIR"):
        return Path(chosen)
    return beside if os.access(beside, os.W_OK) else Path(tempfile.gettempdir())


def blank(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """An array of float32 zeros, written and read through the page cache.

    Args:
        shape: of the array
        folder: on a disk with room for it; best not one in memory

    Raises:
        OSError: if it cannot be written there, or there is no room
    """
    size = 4 * int(np.prod(shape))
    if not size:
        return np.zeros(shape, np.float32)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".scratch-") as file:
            if shutil.disk_usage(folder).free < size:  # or others run short meanwhile
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            _reserve(file, size)
            return np.memmap(file, np.float32, "r+", shape=shape)
    except OSError as error:
        why = "there is no room" if error.errno in FULL else error.strerror
        raise OSError(
            f"{size / 2**30:.2f} GiB of scratch space are needed in {folder}, but "
            f"{why}; free some, set TMPDIR to a folder of another disk, or, for train, "
            f"sweep and run, allow more memory with --memory"
        ) from error


def _reserve(file: IO[bytes], size: int) -> None:
    """Make a file so long, with all of its blocks on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(BLOCK)
    for begin in range(0, size, BLOCK):
        file.write(zeros[: size - begin])
    file.flush()


def is_mapped(values: np.ndarray) -> bool:
    """Whether an array is one of `blank`, or a view of one."""
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)
