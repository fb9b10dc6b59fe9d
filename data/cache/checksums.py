"""The SHA-256 beside each part, and the errors of a part that cannot be read.

Damage, too little memory and errors of the system are told apart: only damage makes a
part worth nothing.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError, DamagedFileError, MemoryShortageError
from affuse.data.system.atomic_files import named
from affuse.data.terminal import printable

ADVICE = (
    "close other programs, or allow this one more memory (for train and sweep, also "
    "give a smaller --memory), then repeat the command"
)


class Refused(DamagedFileError):
    """A file does not hold the bytes that were published under its name."""


def checksum_path(part: Path) -> Path:
    """Return where the SHA-256 of a part is kept."""
    return part.with_name(f"{part.name}.sha256")


def line(path: Path, digest: str) -> bytes:
    """Return what stands beside a part, in the format of ``sha256sum --check``."""
    return f"{digest}  {path.name}\n".encode()


def check(path: Path) -> bytes:
    """Return the bytes of a part, if they are the ones that were published.

    Raises:
        DamagedFileError: naming the file and what is wrong with it; `Refused` if its
            bytes are not those that were published
        MemoryShortageError: if there is too little memory to hold them
        OSError: if it cannot be read
    """
    if not checksum_path(path).is_file():
        raise Refused(
            f"{path} has no {checksum_path(path).name} beside it; extract again"
        )
    check_file(path)
    with judged(path, room=0):
        image = path.read_bytes()
    if not _is_stated(path, hashlib.sha256(image).hexdigest()):
        raise _refused(path)
    return image


def check_file(path: Path) -> None:
    """Refuse what is there but no file: reading a pipe would never end.

    Raises:
        DamagedFileError: naming the path
    """
    if path.exists() and not path.is_file():
        raise DamagedFileError(
            f"{path} is damaged or no part of a cache (it is no file)"
        )


@contextmanager
def judged(path: Path, *, room: int) -> Iterator[None]:
    """Make one sentence of what goes wrong while a part is read, with its path.

    Args:
        path: of the part
        room: bytes of memory that are needed to read it; if there are fewer, an
            obscure error of HDF5 says nothing about the file

    Raises:
        DamagedFileError: for any other `AffuseError`
        MemoryShortageError: if there is too little memory
        OSError: with the path, if the system says that it cannot be read
    """
    try:
        yield
    except MemoryError as error:
        raise _shortage(path) from error
    except OSError as error:
        raise named(error, path) from error
    except AffuseError as error:
        if not is_available(room):
            raise _shortage(path) from error
        raise DamagedFileError(
            f"{path} is damaged or no part of a cache ({printable(str(error))[:300]}); "
            f"delete it and extract again"
        ) from error


def reserve(room: int) -> None:
    """Refuse work that needs more memory than there is, before HDF5 meets with it.

    HDF5 does not always say that memory is short, and may end the process.

    Raises:
        MemoryError: if so many bytes cannot be had
    """
    np.empty(room, np.uint8)


def is_available(room: int) -> bool:
    """Return True if so many bytes of memory can be had."""
    try:
        reserve(room)
    except MemoryError:
        return False
    return True


def mebibytes(size: int) -> str:
    """Return a number of bytes for a sentence."""
    return f"{size / 2**20:,.1f} MiB"


def _shortage(path: Path) -> AffuseError:
    """Return the error of a part that does not fit into memory.

    It is read in small pieces to say whether it is intact: damage can make HDF5 ask for
    more memory than any machine has.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        intact = _is_stated(path, digest)
    except (OSError, MemoryError):
        known = ""
    else:
        if not intact:
            return _refused(path)
        known = "; its SHA-256 is right, so the file is intact"
    size = mebibytes(path.stat().st_size)
    return MemoryShortageError(
        f"there is too little memory to read {path} ({size}){known}; {ADVICE}"
    )


def _is_stated(path: Path, digest: str) -> bool:
    """Return True if this is the digest that stands beside a part."""
    wanted = line(path, digest)
    with checksum_path(path).open("rb") as file:
        return file.read(len(wanted) + 1) == wanted


def _refused(path: Path) -> Refused:
    """Return the error of a part with another SHA-256 than it was published with."""
    return Refused(
        f"{path} is damaged: its SHA-256 is not the one in {checksum_path(path).name}; "
        f"delete it and extract again"
    )
