"""Records of a delimited file, one after another, where some quotation marks are text.

A text such as ``"No, I said`` begins with a quotation mark that nothing closes. The
`csv` module would read on to the next mark, or to the end of the file, as one cell.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

UNQUOTED = "a cell begins with a quotation mark that is part of its text"
JOINED = "one row of several lines, each of which has the cells of a row"
SPACED = "blanks stand before or after the quotation marks of a cell, so the marks are "
SPACED += "part of its text"
WIDE = "a row has more cells than the header, of which the last are empty and not read"
NULL = "a row holds null characters (U+0000)"


@dataclass(frozen=True)
class TableRecord:
    """One row: its cells, or why it cannot be read."""

    line: int  # where it starts, counted from 1
    cells: list[str]
    error: str = ""
    doubt: str = ""  # `UNQUOTED`, `JOINED` or none

    def doubts(self, width: int) -> Iterator[str]:
        """Yield what may have been read in another way than it was meant.

        Args:
            width: cells that a row should have
        """
        if self.doubt:
            yield self.doubt
        if len(self.cells) > width and not any(self.cells[width:]):
            yield WIDE
        characters = "".join(self.cells)
        if '"' in characters and any(map(_is_spaced, self.cells)):
            yield SPACED
        if "\0" in characters:
            yield NULL


def _is_spaced(cell: str) -> bool:
    """Return True if a cell is in quotation marks but for blanks around them."""
    if cell[:1] != " " and cell[-1:] != " ":
        return False
    inner = cell.strip(" ")
    return len(inner) > 1 and inner[0] == inner[-1] == '"'


class _RecordLines:
    """Lines of a file, which can be put back after they were taken."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.done = 0  # lines before those that are taken

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._file)
        self.taken.append(line)
        return line

    def settle(self, count: int) -> None:
        """Count the first lines that were taken as read, and put the others back."""
        self._back.extendleft(reversed(self.taken[count:]))
        self.done += count
        self.taken = []


def records(
    file: Iterable[str], delimiter: str, width: int = 0
) -> Iterator[TableRecord]:
    """Yield every record that is not blank.

    A cell is quoted only if the mark that closes it stands before a delimiter or the
    end of a line; other marks are text. A record of several lines is taken apart if it
    has a wrong number of cells, or if each of its lines has the cells of a row.

    Args:
        file: its lines, with their ends
        delimiter: one character
        width: cells that a row should have; 0 if that is not known yet
    """
    lines = _RecordLines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            record = _first(lines, delimiter, str(error))
        else:
            record = _checked(lines, cells, delimiter, width)
        lines.settle(1 if record.doubt == UNQUOTED else len(lines.taken))
        if record.error or any(map(str.strip, record.cells)):
            yield record


def _first(lines: _RecordLines, delimiter: str, error: str) -> TableRecord:
    """Return the first of the lines that were taken as a row of its own."""
    line = lines.done + 1
    cells = split(lines.taken[0], delimiter)
    if any(len(cell) > csv.field_size_limit() for cell in cells):
        return TableRecord(line, [], error=error)
    return TableRecord(line, cells, doubt=UNQUOTED)


def _checked(
    lines: _RecordLines, cells: list[str], delimiter: str, width: int
) -> TableRecord:
    """Return a record that `csv` could read, or its first line if that is a row."""
    line = lines.done + 1
    if len(lines.taken) == 1 or not width:
        return TableRecord(line, cells)
    found = [len(split(taken, delimiter)) for taken in lines.taken]
    if len(cells) < width or any(cells[width:]):
        return _first(lines, delimiter, "a cell is too long")
    first, *others = found
    # tabs are rare in a text, and so are two or more commas in each of its lines
    telling = width > 2 or (width == 2 and delimiter == "\t")
    if telling and first >= width and all(count == width for count in others):
        return _first(lines, delimiter, "a cell is too long")
    doubt = JOINED if all(count >= width for count in found) else ""
    return TableRecord(line, cells, doubt=doubt)


def split(line: str, delimiter: str) -> list[str]:
    r"""Return the cells of one line; a quotation mark that is not closed is text.

    Examples:
        >>> split('a\t"No, I said\t"b ""c"" d"\n', "\t")
        ['a', '"No, I said', 'b "c" d']
    """
    line, cells, place = line.rstrip("\r\n"), [], 0
    while place <= len(line):
        found = _pattern(delimiter).match(line, place)
        assert found is not None  # an empty cell matches
        quoted, plain = found.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        place = found.end() + 1
    return cells


@lru_cache
def _pattern(delimiter: str) -> re.Pattern[str]:
    """Return the pattern of a quoted cell, or else of a plain one."""
    mark = re.escape(delimiter)
    return re.compile(rf'"([^"]*(?:""[^"]*)*)"(?={mark}|\Z)|([^{mark}]*)')
