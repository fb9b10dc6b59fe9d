"""Records of a delimited file in which some quotation marks belong to the text.

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


@dataclass(slots=True)  # not frozen, because that takes four times as long
class TableRecord:
    """Row of a table: its cells, or the error that prevents reading it."""

    line: int  # its first line, counted from 1
    cells: list[str]
    error: str = ""
    doubt: str = ""  # `UNQUOTED`, `JOINED` or ""
    is_plain: bool = False  # True: its line has no quotation mark and no U+0000

    def doubts(self, width: int) -> Iterator[str]:
        """Yield each ambiguity of the record: it may have been meant differently.

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
    """Return True if a cell is in quotation marks with blanks around the marks."""
    if cell[:1] != " " and cell[-1:] != " ":
        return False
    inner = cell.strip(" ")
    return len(inner) > 1 and inner[0] == inner[-1] == '"'


class _RecordLines:
    """Iterator over the lines of a file that can put lines back."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.done = 0  # lines before those in `taken`

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._file, "")
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def plain(self, delimiter: str, longest: int) -> list[str] | None:
        """Return the cells of the next line if nothing in it can be quoted.

        Most lines are of this kind, and this is much faster than the `csv` module with
        a line at a time.

        Args:
            delimiter: one character
            longest: characters that a cell may have

        Returns:
            the cells; None if the line has a quotation mark, U+0000 or a long cell, or
            if there is no line, so that `csv` has to read on
        """
        line = self._back.popleft() if self._back else next(self._file, "")
        if '"' in line or "\0" in line or not line or len(line) > longest:
            self._back.appendleft(line)
            return None
        self.done += 1
        return line.rstrip("\r\n").split(delimiter)

    def settle(self, count: int) -> None:
        """Count the first lines of `taken` as read, and put the others back."""
        self._back.extendleft(reversed(self.taken[count:]))
        self.done += count
        self.taken = []


def records(
    file: Iterable[str], delimiter: str, width: int = 0
) -> Iterator[TableRecord]:
    """Yield each record that is not blank.

    A cell is quoted only if the mark that closes it stands before a delimiter or the
    end of a line; other marks are text. A record of several lines is divided into its
    lines in two cases: it has a wrong number of cells, or each line has the cells of a
    row.

    Args:
        file: its lines, with their line ends
        delimiter: one character
        width: cells that a row should have; 0 if the number is unknown
    """
    lines = _RecordLines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    longest = csv.field_size_limit()
    while True:
        while (plain := lines.plain(delimiter, longest)) is not None:
            if any(map(str.strip, plain)):
                yield TableRecord(lines.done, plain, is_plain=True)
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
    """Return the first of the lines in `taken` as a separate row."""
    line = lines.done + 1
    cells = split(lines.taken[0], delimiter)
    if any(len(cell) > csv.field_size_limit() for cell in cells):
        return TableRecord(line, [], error=error)
    return TableRecord(line, cells, doubt=UNQUOTED)


def _checked(
    lines: _RecordLines, cells: list[str], delimiter: str, width: int
) -> TableRecord:
    """Return a record as `csv` read it, or its first line if that line is a row."""
    line = lines.done + 1
    if len(lines.taken) == 1 or not width:
        return TableRecord(line, cells)
    widths = [len(split(raw, delimiter)) for raw in lines.taken]
    if len(cells) < width or any(cells[width:]):
        return _first(lines, delimiter, "a cell is too long")
    first, *rest = widths
    # A text rarely contains a tab, or two or more commas in each of its lines.
    telling = width > 2 or (width == 2 and delimiter == "\t")
    if telling and first >= width and all(count == width for count in rest):
        return _first(lines, delimiter, "a cell is too long")
    doubt = JOINED if all(count >= width for count in widths) else ""
    return TableRecord(line, cells, doubt=doubt)


def split(line: str, delimiter: str) -> list[str]:
    r"""Return the cells of one line, where a quotation mark without a pair is text.

    Args:
        line: with or without its line end
        delimiter: one character

    Examples:
        >>> split('a\t"No, I said\t"b ""c"" d"\n', "\t")
        ['a', '"No, I said', 'b "c" d']
    """
    line, cells, place = line.rstrip("\r\n"), [], 0
    while place <= len(line):
        match = _pattern(delimiter).match(line, place)
        assert match is not None  # the pattern also matches an empty cell
        quoted, plain = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        place = match.end() + 1
    return cells


@lru_cache
def _pattern(delimiter: str) -> re.Pattern[str]:
    """Return the pattern of one cell, quoted (group 1) or plain (group 2)."""
    mark = re.escape(delimiter)
    return re.compile(rf'"([^"]*(?:""[^"]*)*)"(?={mark}|\Z)|([^{mark}]*)')
