"""Removal of damaged parts and unfinished files from a cache.

This module encodes nothing; the commands extract and repair replace removed parts.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from affuse.data.cache.cache_folder import part_lock
from affuse.data.system.atomic_files import claim

ABANDONED = 600.0  # seconds without a write, after which no process writes a file


def abandoned_files(folder: Path) -> Iterator[Path]:
    """Yield the files directly in a folder that killed processes left unfinished.

    Args:
        folder: of a cache
    """
    for path in sorted(folder.glob(".*.partial")):
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:  # the file was finished and renamed meanwhile
            continue
        if abs(age) > ABANDONED:  # the age is negative if the clock was set back
            yield path


def remove_files(paths: Iterable[Path]) -> list[Path]:
    """Remove files of parts, except those that another process is writing.

    Args:
        paths: of parts or their checksums

    Returns:
        paths that were removed
    """
    removed = []
    for path in paths:
        with claim(part_lock(path), wait=False) as mine:
            if mine and path.exists():
                path.unlink()
                removed.append(path)
    return removed
