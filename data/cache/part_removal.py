"""Removal of what is worth nothing in a cache; what is lost is made anew elsewhere."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from affuse.data.cache.cache_folder import part_lock
from affuse.data.system.atomic_files import claim

ABANDONED = 600.0  # seconds after which nobody writes a file any more


def abandoned(folder: Path) -> Iterator[Path]:
    """Yield the files directly in a folder that killed processes left unfinished."""
    for path in sorted(folder.glob(".*.partial")):
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:  # it got its name meanwhile
            continue
        if abs(age) > ABANDONED:  # below 0 if the clock has been set back since
            yield path


def drop(paths: Iterable[Path]) -> list[Path]:
    """Remove files of parts, but not of one that another process is making.

    Returns:
        those that were there
    """
    removed = []
    for path in paths:
        with claim(part_lock(path), wait=False) as mine:
            if mine and path.exists():
                path.unlink()
                removed.append(path)
    return removed
