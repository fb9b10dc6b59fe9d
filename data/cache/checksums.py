"""SHA-256 beside each part of a cache, and errors for parts that cannot be read.

Damage, too little memory and errors of the system have different errors, because only a
damaged part must be encoded again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError, DamagedFileError, MemoryShortageError
from affuse.data.system.atomic_files import with_path
from affuse.data.terminal import printable

ADVICE = (
    "close other programs, or allow this one more memory (for train and sweep, also "
    "give a smaller --memory), then repeat the command"
)


class ChecksumError(DamagedFileError):
    """Error for a file that does not hold the bytes that were published."""


def checksum_path(part: Path) -> Path:
    """Return the path of the file with the SHA-256 of a part."""
    return part.with_name(f"{part.name}.sha256")


def line(path: Path, digest: str) -> bytes:
    """Return the content of a checksum file, in the format of ``sha256sum --check``.

    Args:
        path: of the part
        digest: its SHA-256, 64 hexadecimal digits
    """
    return f"{digest}  {path.name}\n".encode()


def check(path: Path) -> bytes:
    """Return the bytes of a part after comparing their SHA-256 with the published one.

    Args:
        path: of the part

    Raises:
        ChecksumError: if the bytes differ from those published, or have no checksum
        DamagedFileError: if the path is no file
        MemoryShortageError: if there is too little memory to hold the bytes
        OSError: if the part cannot be read
    """
    if not checksum_path(path).is_file():
        raise ChecksumError(
            f"{path} has no {checksum_path(path).name} beside it; extract again"
        )
    check_file(path)
    with convert_errors(path, room=0):
        image = path.read_bytes()
    if not _is_stated(path, hashlib.sha256(image).hexdigest()):
        raise _refused(path)
    return image


def check_file(path: Path) -> None:
    """Raise an error if a path exists but is no file, since reading a pipe would block.

    Args:
        path: of a part

    Raises:
        DamagedFileError: if the path is no file
    """
    if path.exists() and not path.is_file():
        raise DamagedFileError(
            f"{path} is damaged or no part of a cache (it is no file)"
        )


@contextmanager
def convert_errors(path: Path, *, room: int) -> Iterator[None]:
    """Convert the errors that occur while a part is read to errors with its path.

    Args:
        path: of the part
        room: bytes of memory needed to read it; if fewer are free, an error of HDF5
            does not show that the file is damaged

    Raises:
        DamagedFileError: for any other `AffuseError`
        MemoryShortageError: if there is too little memory
        OSError: if the system cannot read the part
    """
    try:
        yield
    except MemoryError as error:
        raise _shortage(path) from error
    except OSError as error:
        raise with_path(error, path) from error
    except AffuseError as error:
        if not is_available(room):
            raise _shortage(path) from error
        raise DamagedFileError(
            f"{path} is damaged or no part of a cache ({printable(str(error))[:300]}); "
            f"delete it and extract again"
        ) from error


def reserve(room: int) -> None:
    """Raise an error if too little memory is free, before HDF5 needs it.

    HDF5 does not always report that memory is short, and may end the process.

    Args:
        room: bytes of memory that are needed

    Raises:
        MemoryError: if they cannot be allocated
    """
    np.empty(room, np.uint8)


def is_available(room: int) -> bool:
    """Return True if `room` bytes of memory can be allocated."""
    try:
        reserve(room)
    except MemoryError:
        return False
    return True


def mebibytes(size: int) -> str:
    """Return a number of bytes in mebibytes with the unit, such as ``1.5 MiB``."""
    return f"{size / 2**20:,.1f} MiB"


def _shortage(path: Path) -> AffuseError:
    """Return the error for a part that does not fit into memory.

    The part is read in chunks to say if it is intact, because damage can make HDF5
    request more memory than any machine has.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        intact = _is_stated(path, digest)
    except (OSError, MemoryError):
        verdict = ""
    else:
        if not intact:
            return _refused(path)
        verdict = "; its SHA-256 is right, so the file is intact"
    size = mebibytes(path.stat().st_size)
    return MemoryShortageError(
        f"there is too little memory to read {path} ({size}){verdict}; {ADVICE}"
    )


def _is_stated(path: Path, digest: str) -> bool:
    """Return True if the checksum file of a part holds this digest."""
    expected = line(path, digest)
    with checksum_path(path).open("rb") as file:
        return file.read(len(expected) + 1) == expected


def _refused(path: Path) -> ChecksumError:
    """Return the error for a part whose SHA-256 differs from the published one."""
    return ChecksumError(
        f"{path} is damaged: its SHA-256 is not the one in {checksum_path(path).name}; "
        f"delete it and extract again"
    )
