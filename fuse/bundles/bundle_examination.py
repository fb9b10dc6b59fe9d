"""Examination of a bundle's folder before anything in it is used.

Every file must be regular, of a name that a bundle may hold, and as ``SHA256SUMS``
lists it. Nothing is executed, and no file outside the folder is read.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.system import digests, manifests
from affuse.data.system.regular_files import SMALL, WEIGHTS, check_regular

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz")
LARGE = (".safetensors", ".onnx")
AGAIN = "copy or download it again"
SNAPSHOTS, BLOBS = "snapshots", "blobs"  # folders in the cache of the hub's library


def examine(folder: Path) -> tuple[str, ...]:
    """Return the names of a bundle's files after all of them were checked.

    Hidden files in the folder itself, such as those of git, are ignored.

    Args:
        folder: of the bundle

    Raises:
        FileNotFoundError: if there is no such folder
        DamagedFileError: if a file is missing, damaged, not listed, not allowed, or
            leads outside; the message names it
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} not found; name the folder of a bundle")
    try:
        for fault in _faults(folder):
            raise DamagedFileError(fault)
    except (AffuseError, OSError) as error:
        fault = str(error).removesuffix(f"; {manifests.ADVICE}")
        advice = "" if fault.endswith(AGAIN) else f"; {AGAIN}"
        raise DamagedFileError(
            f"{folder} is no bundle that can be used: {fault}{advice}"
        ) from error
    return tuple(digests.read(folder) or {})


def _faults(folder: Path) -> Iterator[str]:
    """Yield a sentence about each fault of a bundle; names are checked first."""
    found = list(_files(folder))
    for name in found:
        if leads_outside(folder / name, folder):
            yield f"{name} is a link, which may lead outside"
    manifest = digests.read(folder)
    if manifest is None:
        yield f"it has no {digests.MANIFEST} of this project, so it is incomplete"
        return
    for name in (*found, *manifest):
        if name.lower().endswith(PICKLES):
            yield f"{name} may hold code (a pickle), which is never read"
    for name in manifest:
        if not BundleFolder.allows(name):
            yield f"{digests.MANIFEST} lists {name!r}, which no bundle has"
    for name in found:
        if name not in manifest and name != digests.MANIFEST:
            yield (
                f"{name} is not listed in {digests.MANIFEST}; remove it if you added "
                f"it, or {AGAIN}"
            )
    for name in found:
        limit = WEIGHTS if name.endswith(LARGE) else SMALL
        check_regular(folder / name, limit=limit)
    for name, digest in manifest.items():
        if name not in found:
            yield f"{name} is missing"
        elif digests.digest(folder / name) != digest:
            yield f"{name} is damaged: its SHA-256 is not that in {digests.MANIFEST}"


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of all files and links, with ``/`` between folders.

    Raises:
        OSError: if a folder cannot be read
    """

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        is_top = Path(place) == folder
        if is_top:
            folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted((*files, *links)):
            if not (is_top and name.startswith(".")):
                yield (Path(place) / name).relative_to(folder).as_posix()


def leads_outside(path: Path, folder: Path) -> bool:
    """Return True if a path is a link that a bundle must not have.

    The cache of the hub's library has links from ``snapshots/COMMIT`` to ``blobs``,
    which are allowed.

    Args:
        path: in the bundle
        folder: of the bundle
    """
    if not path.is_symlink():
        return False
    place = folder.resolve()
    blobs = place.parent.parent / BLOBS
    return place.parent.name != SNAPSHOTS or path.resolve().parent != blobs
