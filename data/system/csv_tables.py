"""CSV tables of fixed columns: published whole, read with the line of every fault."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

from affuse.data.errors import DamagedFileError
from affuse.data.system.atomic_files import publish
from affuse.data.system.digests import is_listed, opened
from affuse.data.system.regular_files import TABLE
from affuse.data.terminal import printable

DAMAGED = "the file is damaged; make it again, or remove its folder"
LONGEST = 2**20  # characters of a line
DIGITS = 19  # of a whole number that fits into 64 bits
LARGEST = 3.5e38  # about the largest float32


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Publish a table as UTF-8 with a header line, never all of it in memory."""
    writer = csv.writer(_CSVLines(), lineterminator="\n")
    publish(path, (writer.writerow(row) for row in chain([header], rows)))


class _CSVLines:
    """Stands in for a file: what a csv writer writes here, its `writerow` returns."""

    def write(self, line: str) -> bytes:
        return line.encode()


def read_rows(path: Path, header: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of every row.

    Args:
        path: of the table; it is checked against its manifest, if that lists it
        header: names of its columns

    Raises:
        FileNotFoundError: if there is none
        DamagedFileError: naming the line, if it is no such table, or not as written
    """
    if not os.path.lexists(path) and not is_listed(path):
        raise FileNotFoundError(
            f"{path} not found; train again to complete the run, or remove its folder"
        )
    with opened(path, limit=TABLE) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        reader = csv.reader(_lines(path, text), strict=True)
        try:
            yield from _rows(path, reader, list(header))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DamagedFileError(
                f"{path}, line {reader.line_num + 1}: it is no CSV ({error}); {DAMAGED}"
            ) from error


def _lines(path: Path, text: IO[str]) -> Iterator[str]:
    """Yield the lines of a table, none of which may fill the memory."""
    while line := text.readline(LONGEST):
        if len(line) == LONGEST:
            raise DamagedFileError(f"{path} has a line without an end; {DAMAGED}")
        yield line


def _rows(
    path: Path, reader: Any, header: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of an open table, each with as many cells as there are columns."""
    found: list[str] = next(reader, [])
    if found != header:
        raise DamagedFileError(
            f"{path} has columns {printable(','.join(found)[:200])!r}, expected "
            f"{','.join(header)!r}; {DAMAGED}"
        )
    for row in reader:
        if len(row) != len(header):
            raise DamagedFileError(
                f"{path}, line {reader.line_num}: {len(row)} cells, expected "
                f"{len(header)}; {DAMAGED}"
            )
        yield reader.line_num, row


def whole(text: str, most: int = 2**63 - 1) -> int:
    """Read a cell that holds a whole number of 0 to `most`.

    Raises:
        ValueError: if it holds anything else

    Examples:
        >>> whole("12")
        12
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise ValueError(f"{text[:40]!r} is no whole number")
    if (found := int(text)) > most:
        raise ValueError(f"{found} is more than {most}")
    return found


def number(text: str) -> float:
    """Read a cell that holds a finite number, not larger than float32 can hold.

    Raises:
        ValueError: if it holds anything else

    Examples:
        >>> number("-2.5e-3")
        -0.0025
    """
    found = float(text)
    if not abs(found) <= LARGEST:  # nan is not, either
        raise ValueError(f"{text[:40]!r} is no finite number of float32")
    return found
