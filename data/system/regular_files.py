"""Opening of files for reading, only if they are regular and of a limited size.

A named pipe, a device, or a link to one could block a reader or fill the memory. So the
type of the file is checked before anything is read.
"""

import io
import os
import stat
from pathlib import Path
from typing import IO, BinaryIO

from affuse.data.errors import DamagedFileError

# Flags of os.open: do not wait for the other end of a pipe, do not convert line ends.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
SMALL = 2**26  # bytes of a description; the largest observed has less than a tenth
TABLE = 2**32  # bytes of a table or a corpus
WEIGHTS = 2**36  # bytes of a file of weights
BLOCK = 2**16  # bytes that are read at once


def open_regular(path: Path, *, limit: int) -> BinaryIO:
    """Open a regular file, or a link to one, in binary mode.

    Args:
        path: of the file
        limit: largest size in bytes

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is a pipe, a device or a folder, or larger than `limit`
    """
    return os.fdopen(_open(path, limit), "rb")


def read_regular(path: Path | str, *, limit: int) -> bytes:
    """Return the content of a regular file, or of a link to one.

    It is faster than `open_regular`, which matters for corpora with a file for each
    utterance.

    Args:
        path: of the file
        limit: largest size in bytes

    Raises:
        FileNotFoundError, DamagedFileError: as in `open_regular`
    """
    handle = _open(path, limit)
    blocks = []
    try:
        while block := os.read(handle, BLOCK):
            blocks.append(block)
    finally:
        os.close(handle)
    return b"".join(blocks)


def open_text(path: Path, *, limit: int, encoding: str, newline: str | None) -> IO[str]:
    """Open a regular file as text.

    Args:
        path: of the file
        limit: largest size in bytes
        encoding: of the text
        newline: conversion of line ends, as for `io.TextIOWrapper`

    Raises:
        FileNotFoundError, DamagedFileError: as in `open_regular`
    """
    file = open_regular(path, limit=limit)
    return io.TextIOWrapper(file, encoding=encoding, newline=newline)


def check_regular(path: Path, *, limit: int) -> None:
    """Raise the errors of `open_regular`, for libraries that open a file by its path.

    Args:
        path: of the file
        limit: largest size in bytes

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is a pipe, a device or a folder, or larger than `limit`
    """
    _check(path, os.stat(path), limit)


def _open(path: Path | str, limit: int) -> int:
    """Return the handle of a regular file that was opened for reading."""
    _check(path, os.stat(path), limit)
    handle = os.open(path, FLAGS)
    try:
        _check(path, os.fstat(handle), limit)  # it may have been replaced meanwhile
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check(path: Path | str, status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DamagedFileError(
            f"{path} is damaged: it is no regular file, but a "
            f"{_kind(status.st_mode)}; remove it"
        )
    if status.st_size > limit:
        raise DamagedFileError(
            f"{path} is damaged: it has {status.st_size:,} bytes, more than the "
            f"{limit:,} that such a file can have; remove it"
        )


def _kind(mode: int) -> str:
    """Return the name of the type of a file that is not regular."""
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "named pipe",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
