"""CSV tables with fixed columns: atomic writing, and reading with errors by line."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

from affuse.data.errors import DamagedFileError
from affuse.data.system.atomic_files import publish
from affuse.data.system.digests import is_listed, open_checked
from affuse.data.system.regular_files import TABLE
from affuse.data.terminal import printable

DAMAGED = "the file is damaged; make it again, or remove its folder"
LONGEST = 2**20  # characters of a line
DIGITS = 19  # of a whole number; more do not fit into 64 bits
LARGEST = 3.5e38  # about the largest float32


def write_rows(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write a table atomically as UTF-8 with a header line.

    Args:
        path: of the table
        header: names of its columns
        rows: cells of each row; they are not all held in memory
    """
    writer = csv.writer(_CSVLines(), lineterminator="\n")
    publish(path, (writer.writerow(row) for row in chain([header], rows)))


class _CSVLines:
    """Substitute for a file, so that `writerow` of a csv writer returns the line."""

    def write(self, line: str) -> bytes:
        return line.encode()


def read_rows(path: Path, header: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of each row.

    Args:
        path: of the table; it is checked against its manifest, if that lists it
        header: names of its columns

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if the file is no such table, or was changed; it names the
            line
    """
    if not os.path.lexists(path) and not is_listed(path):
        raise FileNotFoundError(
            f"{path} not found; train again to complete the run, or remove its folder"
        )
    with open_checked(path, limit=TABLE) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        reader = csv.reader(_lines(path, text), strict=True)
        try:
            yield from _rows(path, reader, list(header))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DamagedFileError(
                f"{path}, line {reader.line_num + 1}: it is no CSV ({error}); {DAMAGED}"
            ) from error


def _lines(path: Path, text: IO[str]) -> Iterator[str]:
    """Yield the lines of a table, and refuse lines that could fill the memory."""
    while line := text.readline(LONGEST):
        if len(line) == LONGEST:
            raise DamagedFileError(f"{path} has a line without an end; {DAMAGED}")
        yield line


def _rows(
    path: Path, reader: Any, header: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of an open table, each with as many cells as there are columns."""
    columns: list[str] = next(reader, [])
    if columns != header:
        raise DamagedFileError(
            f"{path} has columns {printable(','.join(columns)[:200])!r}, expected "
            f"{','.join(header)!r}; {DAMAGED}"
        )
    for row in reader:
        if len(row) != len(header):
            raise DamagedFileError(
                f"{path}, line {reader.line_num}: {len(row)} cells, expected "
                f"{len(header)}; {DAMAGED}"
            )
        yield reader.line_num, row


def parse_whole_number(text: str, most: int = 2**63 - 1) -> int:
    """Return the whole number in a cell, from 0 to `most`.

    Args:
        text: of the cell
        most: largest number

    Raises:
        ValueError: if the cell holds anything else

    Examples:
        >>> parse_whole_number("12")
        12
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise ValueError(f"{text[:40]!r} is no whole number")
    if (value := int(text)) > most:
        raise ValueError(f"{value} is more than {most}")
    return value


def parse_number(text: str) -> float:
    """Return the finite number in a cell, within the range of float32.

    Args:
        text: of the cell

    Raises:
        ValueError: if the cell holds anything else

    Examples:
        >>> parse_number("-2.5e-3")
        -0.0025
    """
    value = float(text)
    if not abs(value) <= LARGEST:  # this form refuses NaN too
        raise ValueError(f"{text[:40]!r} is no finite number of float32")
    return value
