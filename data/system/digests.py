"""The manifest of a folder: ``SHA256SUMS``, the digest of each of its files.

``sha256sum --check SHA256SUMS`` reads it as well. It is written last, and a file that
is about to be replaced is first taken out of it; so a file that it lists is the one
that was written, whenever a process was killed. A file that it does not list is being
written, or its command was interrupted. The last line has the digest of all lines
above, so that a manifest that was cut short is noticed too.
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
TRIES = 3  # looks at a file that another process replaces meanwhile

log = logging.getLogger(__name__)


def read(folder: Path) -> Digests | None:
    """Read the manifest of a folder; None if it has none, or another program's.

    Raises:
        DamagedFileError: if the manifest is damaged
    """
    path = folder / MANIFEST
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return _read(path, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=64)
def _read(path: Path, *_: int) -> Digests | None:
    """Read a manifest once for each state of its file."""
    with open_regular(path, limit=SMALL) as file:
        found = file.read()
    return None if manifests.is_foreign(found) else manifests.parse(path, found)


@contextmanager
def opened(path: Path, *, limit: int) -> Iterator[BinaryIO]:
    """Open a regular file whose bytes are those that its folder's manifest lists.

    A file is opened unchecked where there is no manifest, or it is not listed.

    Args:
        path: of the file
        limit: bytes that it may have at most

    Raises:
        FileNotFoundError: if there is none
        DamagedFileError: if it is not as it was written, is no regular file, or its
            manifest is damaged
    """
    for attempt in range(1, TRIES + 1):
        wanted = (read(path.parent) or {}).get(path.name)
        if wanted is not None and not os.path.lexists(path):
            raise DamagedFileError(missing(path))
        with open_regular(path, limit=limit) as file:
            if wanted is None or _of(file) == wanted:
                file.seek(0)
                yield file
                return
        if attempt == TRIES or (read(path.parent) or {}).get(path.name) == wanted:
            raise DamagedFileError(damage(path))


def content(path: Path, *, limit: int) -> bytes:
    """Read all of a file as `opened` opens it.

    Raises:
        FileNotFoundError, DamagedFileError: as `opened`
    """
    with opened(path, limit=limit) as file:
        return file.read()


def digest(path: Path) -> str:
    """Return the SHA-256 of a regular file: 64 hexadecimal digits."""
    with open_regular(path, limit=2**63) as file:
        return _of(file)


def _of(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def missing(path: Path) -> str:
    """Say that a file is not there, although its manifest lists it."""
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


def damage(path: Path) -> str:
    """Say that a file is not as its manifest lists it.

    A manifest that is listed in turn is that of a trained model.
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
def rewriting(folder: Path, names: Iterable[str]) -> Iterator[None]:
    """Take files out of a manifest while they are written, and put them in at the end.

    Args:
        folder: of the manifest
        names: of files, relative to the folder, that are written inside
    """
    chosen = tuple(names)
    unseal(folder, chosen)
    yield
    seal(folder, chosen)


def keep(path: Path, content: bytes | Iterable[bytes]) -> bool:
    """Publish a file, unless it holds these bytes already, and list it.

    Args:
        path: of the file
        content: all of it, or piece by piece where it is not to be held in memory

    Returns:
        True if the file was published

    Raises:
        OSError: if it cannot be written
    """
    folder, names = path.parent, [path.name]
    changed = refresh(path, content, before=lambda: unseal(folder, names))
    try:
        seal(folder, names)
    except OSError:
        if changed:
            raise
        log.debug("%s stays without a digest, for it cannot be written", path)
    return changed


def seal(folder: Path, names: Iterable[str]) -> None:
    """Put files into the manifest of a folder, as they are now.

    Args:
        folder: of the manifest
        names: of files, relative to the folder; those that are not there are taken out
    """
    chosen = tuple(names)
    _change(folder, lambda: _present(folder, chosen), drop=set(chosen))


def record(folder: Path, known: Digests, *, drop: Iterable[str] = ()) -> None:
    """Put digests that are known already into the manifest of a folder.

    Args:
        folder: of the manifest
        known: digests of files that are as they should be
        drop: names to take out
    """
    _change(folder, lambda: known, drop=set(drop))


def unseal(folder: Path, names: Iterable[str]) -> None:
    """Take files out of the manifest that are about to be written again.

    A file that was damaged until now is named in a warning, for it is replaced.
    """
    known = readable(folder)
    listed = [name for name in names if name in known]
    for name in listed:
        path = folder / name
        if not path.is_file() or digest(path) != known[name]:
            log.warning("%s; it is written again", damage(path))
    if listed:
        _change(folder, dict, drop=set(listed))


def _change(folder: Path, add: Callable[[], Digests], *, drop: set[str]) -> None:
    """Replace the manifest, if that changes it.

    Digests are taken while the manifest is locked. So whoever replaces a file and then
    seals it, while another process does the same, leaves the digest of what is there.
    """
    with suppress(DamagedFileError):
        if _changed(read(folder) or {}, add(), drop) == read(folder):
            return
    with claim(folder / f".{MANIFEST}.lock", wait=True):
        publish(
            folder / MANIFEST, manifests.text(_changed(readable(folder), add(), drop))
        )


def _changed(known: Digests, add: Digests, drop: set[str]) -> Digests:
    """Return a manifest without some files and with others."""
    return {n: found for n, found in known.items() if n not in drop} | dict(add)


def _present(folder: Path, names: Iterable[str]) -> Digests:
    """Digest those of these files that are there."""
    found = {name: folder / name for name in names}
    return {name: digest(path) for name, path in found.items() if path.is_file()}


def readable(folder: Path) -> Digests:
    """Read the manifest; empty if there is none, or a damaged one, which is named."""
    try:
        return read(folder) or {}
    except DamagedFileError as error:
        log.warning("%s; it is written again", error)
        return {}
