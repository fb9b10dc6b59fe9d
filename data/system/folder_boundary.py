"""Boundary of a folder: which paths lead to files in it, after all links."""

import os
from pathlib import Path

SHARED = ("datasets--", "models--", "spaces--")  # folders of a Hugging Face cache


def is_within(path: Path, folder: Path) -> bool:
    """Return True if a path leads into a folder, or to the blobs of its snapshot.

    Args:
        path: of a file or a folder, which may be missing
        folder: that may be read
    """
    if "\0" in str(path):
        return False  # no file has such a name
    real, root = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return real.is_relative_to(root) or real.parent == _blobs(root)


def _blobs(root: Path) -> Path | None:
    """Return the folder of blobs if `root` is a snapshot in a Hugging Face cache.

    There, ``datasets--NAME/snapshots/COMMIT`` holds links to ``datasets--NAME/blobs``.
    Both were downloaded from one repository, so these links lead to no other files.

    Args:
        root: path without links

    Returns:
        the folder of blobs, or None if `root` is no such snapshot
    """
    for folder in root.parents:
        repository = folder.parent
        if folder.name == "snapshots" and repository.name.startswith(SHARED):
            blobs = repository / "blobs"
            return None if blobs.is_symlink() or not blobs.is_dir() else blobs
    return None
