"""Scratch arrays that may be larger than memory, mapped to a file without a name.

The file has no name, so the system removes it however a process ends. Its space is
reserved at once, so that a full disk is an error here and not a crash when a page is
written later.
"""

import errno
import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import numpy as np

SHARE = 0.5  # of a machine's memory that embeddings may take by default
UNKNOWN = 2**34  # bytes of memory to assume where the system does not state them
FULL = (errno.ENOSPC, errno.EDQUOT)
BLOCK = 2**20  # bytes written at a time where the system cannot reserve space
GROUPS = Path("/proc/self/cgroup")
LIMITS = Path("/sys/fs/cgroup")


def budget() -> int:
    """Return how many bytes of embeddings may be held in memory by default."""
    return int(SHARE * machine_memory())


def machine_memory() -> int:
    """Return the bytes of memory of this machine, or of its container if smaller."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows, or values not available
        return UNKNOWN
    return min(machine, *_limits())


def _limits() -> list[int]:
    """Return the memory limits of containers and job schedulers, in bytes.

    The list always has one number, which is larger than any memory.
    """
    limits = [2**63]
    try:
        lines = GROUPS.read_text(encoding="utf-8").splitlines()
        name = next(line[3:] for line in lines if line.startswith("0::"))
        group_folder = LIMITS / name.strip("/")
        for folder in (group_folder, *group_folder.parents):
            if folder.is_relative_to(LIMITS) and (folder / "memory.max").is_file():
                limit = (folder / "memory.max").read_text(encoding="utf-8").strip()
                limits += [int(limit)] if limit != "max" else []
    except (OSError, StopIteration, ValueError):  # the system has no control groups v2
        pass
    return limits


def choose_folder(beside: Path) -> Path:
    """Return the folder for scratch files.

    It is TMPDIR if that is set, else `beside`. If `beside` is not writable, it is the
    system's folder of temporary files.

    Args:
        beside: folder to prefer
    """
    if chosen := os.environ.get("TMPDIR"):
        return Path(chosen)
    return beside if os.access(beside, os.W_OK) else Path(tempfile.gettempdir())


def map_zeros(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """Return an array of zeros that is mapped to a file in `folder`.

    Args:
        shape: of the array
        folder: on a disk with enough space, best not in memory

    Returns:
        float32

    Raises:
        OSError: if nothing can be written there, or there is not enough space
    """
    size = 4 * int(np.prod(shape))
    if not size:
        return np.zeros(shape, np.float32)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".scratch-") as file:
            # Checked before reserving, which would leave other processes no space.
            if shutil.disk_usage(folder).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            _reserve(file, size)
            return np.memmap(file, np.float32, "r+", shape=shape)
    except OSError as error:
        why = "there is not enough space" if error.errno in FULL else error.strerror
        raise OSError(
            f"{size / 2**30:.2f} GiB of scratch space are needed in {folder}, but "
            f"{why}; free some, set TMPDIR to a folder of another disk, or, for train, "
            f"sweep and run, allow more memory with --memory"
        ) from error


def _reserve(file: IO[bytes], size: int) -> None:
    """Extend a file to `size` bytes, with all of its blocks allocated on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    zeros = bytes(BLOCK)
    for begin in range(0, size, BLOCK):
        file.write(zeros[: size - begin])
    file.flush()


def is_mapped(values: np.ndarray) -> bool:
    """Return True if an array comes from `map_zeros`, or is a view of such an array."""
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)
