"""Manifest of a folder: ``SHA256SUMS``, with the digest of each of its files.

``sha256sum --check SHA256SUMS`` reads it as well. It is written last, and a file is
removed from it before the file is replaced. So a listed file is the one that was
written, even if a process was killed. A file that is not listed is being written, or
its command was interrupted. The last line has the digest of all lines above, so that a
truncated manifest is noticed too.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from affuse.data.errors import DamagedFileError
from affuse.data.system import manifests
from affuse.data.system.atomic_files import claim, publish, refresh
from affuse.data.system.manifests import Digests
from affuse.data.system.regular_files import SMALL, open_regular
from affuse.data.terminal import printable

MANIFEST = "SHA256SUMS"
TRIES = 3  # attempts to read a file that another process replaces meanwhile

log = logging.getLogger(__name__)


def read(folder: Path) -> Digests | None:
    """Return the digests in a folder's manifest; None if this program wrote none.

    Raises:
        DamagedFileError: if the manifest is damaged
    """
    path = folder / MANIFEST
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return _read(path, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=64)
def _read(path: Path, *_: int) -> Digests | None:
    """Return the digests in a manifest, which is read once for each state of it."""
    with open_regular(path, limit=SMALL) as file:
        lines = file.read()
    return None if manifests.is_foreign(lines) else manifests.parse(path, lines)


@contextmanager
def open_checked(path: Path, *, limit: int) -> Iterator[BinaryIO]:
    """Open a regular file after comparing its digest with its folder's manifest.

    If there is no manifest, or it does not list the file, nothing is compared.

    Args:
        path: of the file
        limit: largest size in bytes

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if the file was changed or is not regular, or its manifest is
            damaged
    """
    for attempt in range(1, TRIES + 1):
        expected = (read(path.parent) or {}).get(path.name)
        if expected is not None and not os.path.lexists(path):
            raise DamagedFileError(missing_message(path))
        with open_regular(path, limit=limit) as file:
            if expected is None or _hexdigest(file) == expected:
                file.seek(0)
                yield file
                return
        if attempt == TRIES or (read(path.parent) or {}).get(path.name) == expected:
            raise DamagedFileError(damage_message(path))


def content(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file, checked as in `open_checked`.

    Args:
        path: of the file
        limit: largest size in bytes

    Raises:
        DamagedFileError, FileNotFoundError: as in `open_checked`
    """
    with open_checked(path, limit=limit) as file:
        return file.read()


def digest(path: Path) -> str:
    """Return the SHA-256 of a regular file: 64 hexadecimal digits."""
    with open_regular(path, limit=2**63) as file:
        return _hexdigest(file)


def _hexdigest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def missing_message(path: Path) -> str:
    """Return the error for a file that is missing although its manifest lists it."""
    return (
        f"{path} is missing, and {MANIFEST} beside it lists it; repeat the command "
        f"that writes it"
    )


def is_listed(path: Path) -> bool:
    """Return True if the manifest beside a file lists it.

    Raises:
        DamagedFileError: if the manifest is damaged
    """
    return path.name in (read(path.parent) or {})


def damage_message(path: Path) -> str:
    """Return the error for a file whose digest differs from its manifest.

    Only manifests of trained models are listed in another manifest.
    """
    if path.name == MANIFEST:
        return (
            f"{printable(str(path.parent))} is not the model that the {MANIFEST} of "
            f"its run lists; repeat the train command"
        )
    return (
        f"{printable(str(path))} is damaged: its SHA-256 is not the one in {MANIFEST} "
        f"beside it"
    )


@contextmanager
def rewrite_files(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Remove files from a manifest while they are written, and add them afterwards.

    Args:
        folder: of the manifest
        names: of the files that are written in this context, relative to the folder
    """
    files = tuple(names)
    unlist_files(folder, files)
    yield
    list_files(folder, files)


def write_and_list(path: Path, content: bytes | Iterable[bytes]) -> bool:
    """Write a file, unless it holds exactly these bytes, and list it in the manifest.

    Args:
        path: of the file
        content: as a whole, or in pieces if it should not be held in memory

    Returns:
        True if the file was written

    Raises:
        OSError: if it cannot be written
    """
    folder, names = path.parent, [path.name]
    is_new = refresh(path, content, before=lambda: unlist_files(folder, names))
    try:
        list_files(folder, names)
    except OSError:
        if is_new:
            raise
        log.debug("%s has no digest, because its manifest cannot be written", path)
    return is_new


def list_files(folder: Path, names: Iterable[str]) -> None:
    """List files in the manifest of a folder with their present digests.

    Args:
        folder: of the manifest
        names: of files, relative to the folder; files that do not exist are removed
    """
    files = tuple(names)
    _change(folder, lambda: _present(folder, files), drop=set(files))


def add_digests(folder: Path, digests: Digests, *, drop: Iterable[str] = ()) -> None:
    """Add digests that were computed before to the manifest of a folder.

    Args:
        folder: of the manifest
        digests: of files, by name
        drop: names to remove
    """
    _change(folder, lambda: digests, drop=set(drop))


def unlist_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files from the manifest before they are written again.

    A warning names each damaged file, because writing replaces it.

    Args:
        folder: of the manifest
        names: of files, relative to the folder
    """
    digests = read_or_empty(folder)
    listed = [name for name in names if name in digests]
    for name in listed:
        path = folder / name
        if not path.is_file() or digest(path) != digests[name]:
            log.warning("%s; it is written again", damage_message(path))
    if listed:
        _change(folder, dict, drop=set(listed))


def _change(folder: Path, add: Callable[[], Digests], *, drop: set[str]) -> None:
    """Replace the manifest, if that changes it.

    Digests are computed while the manifest is locked. So if two processes replace a
    file at the same time, the manifest ends with the digest of the remaining file.
    """
    with suppress(DamagedFileError):
        if _changed(read(folder) or {}, add(), drop) == read(folder):
            return
    with claim(folder / f".{MANIFEST}.lock", wait=True):
        digests = _changed(read_or_empty(folder), add(), drop)
        publish(folder / MANIFEST, manifests.text(digests))


def _changed(digests: Digests, add: Digests, drop: set[str]) -> Digests:
    """Return the digests of a manifest without `drop` and with `add`."""
    return {n: digest_ for n, digest_ in digests.items() if n not in drop} | dict(add)


def _present(folder: Path, names: Iterable[str]) -> Digests:
    """Return the digests of those files that exist."""
    paths = {name: folder / name for name in names}
    return {name: digest(path) for name, path in paths.items() if path.is_file()}


def read_or_empty(folder: Path) -> Digests:
    """Return the digests in a manifest; {} if missing, or damaged (with a warning)."""
    try:
        return read(folder) or {}
    except DamagedFileError as error:
        log.warning("%s; it is written again", error)
        return {}
