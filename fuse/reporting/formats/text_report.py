"""Plain-text tables, in columns that fit the width of a page or a terminal.

On a narrow page, names are on lines above the figures. On a still narrower page,
intervals are below the figures.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from affuse.data.terminal import printable
from affuse.fuse.reporting.blocks import WIDTH, blocks
from affuse.fuse.reporting.layout import (
    TableLine,
    join_tables,
    sections,
    with_group_headings,
)
from affuse.fuse.reporting.table_records import ReportTable, TableBlock, TableRow

INDENT = 2  # columns before figures below a name
LEAST = 24  # least number of columns for the figures of a block beside the names


@dataclass(frozen=True)
class TextGrid:
    """Widths of the columns of text, equal in all sections of a table."""

    name: int
    values: tuple[int, ...]
    ranges: tuple[int, ...]
    counts: tuple[int, ...]

    def line(
        self, name: str, cells: Sequence[tuple[str, str]], counts: Sequence[str]
    ) -> str:
        """Return a line without blanks at its end.

        Args:
            name: of the row
            cells: a figure and an interval for each rating and the mean
            counts: of the columns after them
        """
        padded = [name.ljust(self.name)]
        for (value, range_), a, b in zip(cells, self.values, self.ranges, strict=True):
            padded.append(f"{value:>{a}} {range_:<{b}}" if b else f"{value:>{a}}")
        padded += [f"{c:>{w}}" for c, w in zip(counts, self.counts, strict=True)]
        return "  ".join(padded).rstrip()

    @property
    def figure_width(self) -> int:
        """Width of a line without the name, in columns."""
        ranges = sum(1 + b for b in self.ranges if b)
        gaps = 2 * (len(self.values) + len(self.counts))
        return sum(self.values) + ranges + gaps + sum(self.counts)


def _grid(heads: Sequence[str], lines: Sequence[TableLine], width: int) -> TextGrid:
    """Return widths that fit every line, except names too long for the page."""
    figures = len(lines[0].cells)
    grid = TextGrid(
        name=0,
        values=tuple(
            max(len(head), *(len(line.cells[k][0]) for line in lines))
            for k, head in enumerate(heads[:figures])
        ),
        ranges=tuple(
            max(len(line.cells[k][1]) for line in lines) for k in range(figures)
        ),
        counts=tuple(
            max(len(head), *(len(line.counts[k]) for line in lines))
            for k, head in enumerate(heads[figures:])
        ),
    )
    names = (_name(line.row, width - grid.figure_width)[0] for line in lines)
    return replace(grid, name=max(map(len, names)))


def _name(row: TableRow, room: int) -> list[str]:
    """Return the name of a row, with its detail on a second line if it is too long."""
    name = printable(row.name)
    if len(name) <= room:
        return [name]
    return [printable(row.design), f"  ({printable(row.detail)})"]


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return tables in aligned columns.

    Args:
        tables: one after another, separated by a blank line
        width: of the page in columns; intervals need about 60
    """
    return join_tables(_text(table, width) for table in tables)


def _text(table: ReportTable, width: int) -> Iterator[str]:
    """Yield the lines of one table."""
    title = _headline(table.title, width)
    yield from (*title, "=" * max(map(len, title)))
    yield from _sections(table, width)
    for block in blocks(table):
        yield from ("", *_wrapped(block.heading, width), *_aligned(block, width))
    for sentences in (table.comparisons, table.encoders, table.notes):
        yield from ("",) if sentences else ()
        for sentence in sentences:
            yield from _wrapped(sentence, width)


def _sections(table: ReportTable, width: int) -> Iterator[str]:
    """Yield the lines of the sections; a matrix has none."""
    heads, groups = sections(table)
    if not groups:
        return
    grid = _grid(heads, [line for group in groups for line in group.lines], width)
    # At the default width, files keep their layout even if a line is longer.
    fits = grid.name + grid.figure_width <= width or width >= WIDTH
    rows = _rows_on_one_line if fits else _rows_below_names
    for group in groups:
        yield from ("", *_headline(group.heading, width))
        yield "-" * min(grid.name + grid.figure_width, width)
        yield from rows(grid, heads, group.lines, width)


def _rows_on_one_line(
    grid: TextGrid, heads: Sequence[str], lines: Sequence[TableLine], width: int
) -> Iterator[str]:
    """Yield rows with names, figures and counts on one line."""
    figures = len(grid.values)
    cells = [(head, "") for head in heads[:figures]]
    yield grid.line("design", cells, heads[figures:])
    for heading, line in with_group_headings(lines):
        yield from _wrapped(heading, width) if heading else ()
        name, *detail = _name(line.row, width - grid.figure_width)
        yield grid.line(name, line.cells, line.counts)
        for part in detail:
            yield from _wrapped(part, width) if width < WIDTH else (part,)


def _rows_below_names(
    grid: TextGrid, heads: Sequence[str], lines: Sequence[TableLine], width: int
) -> Iterator[str]:
    """Yield rows with names and counts on a line above the figures."""
    figures = len(grid.values)
    bare = replace(grid, name=INDENT - 2, counts=())
    fits = bare.name + bare.figure_width <= width
    yield "design"
    yield from _figures(bare, [(head, "") for head in heads[:figures]], stack=not fits)
    for heading, line in with_group_headings(lines):
        yield from _wrapped(heading, width) if heading else ()
        counted = (
            f"{number} {head.removesuffix('s') if number == '1' else head}"
            for head, number in zip(heads[figures:], line.counts, strict=True)
            if number
        )
        yield from _wrapped(", ".join((line.row.name, *counted)), width)
        yield from _figures(bare, line.cells, stack=not fits)


def _figures(
    grid: TextGrid, cells: Sequence[tuple[str, str]], *, stack: bool
) -> Iterator[str]:
    """Yield figures with their intervals beside them, or below them if `stack`."""
    if not stack:
        yield grid.line("", cells, ())
        return
    sizes = [*map(max, zip(grid.values, grid.ranges, strict=True))]
    values = (value.rjust(a) for (value, _), a in zip(cells, grid.values, strict=True))
    for words in (values, (range_ for _, range_ in cells)):
        padded = "  ".join(w.ljust(size) for w, size in zip(words, sizes, strict=True))
        if padded.strip():
            yield f"{' ' * INDENT}{padded}".rstrip()


def _headline(words: str, width: int) -> list[str]:
    """Return the lines of a heading; a page of the default width keeps one line."""
    return _wrapped(words, width) if width < WIDTH else [printable(words)]


def _wrapped(sentence: str, width: int) -> list[str]:
    """Return the lines of a sentence, wrapped to the page."""
    words = printable(sentence)
    return textwrap.wrap(words, width, subsequent_indent="  ", break_on_hyphens=False)


def _aligned(block: TableBlock, width: int) -> Iterator[str]:
    """Yield a block in columns: the first aligned left, the others aligned right.

    Columns that do not fit follow below, with the first column repeated. If the first
    column leaves no room for others, its cells are on separate lines.
    """
    lines = [[*map(printable, line)] for line in (block.heads, *block.lines)]
    first, *rest = (max(map(len, column)) for column in zip(*lines, strict=True))
    above = first > width - LEAST and first + sum(2 + w for w in rest) > width
    start = 0 if above else first
    for begin, end in _spans(rest, width - start):
        sizes = rest[begin:end]
        yield "-" * min(width, max(start + sum(2 + size for size in sizes), LEAST))
        for name, *cells in lines:
            chosen = zip(cells[begin:end], sizes, strict=True)
            padded = [f"{cell:>{size}}" for cell, size in chosen]
            yield from _wrapped(name, width) if above else ()
            yield "  ".join(["" if above else name.ljust(first), *padded]).rstrip()


def _spans(sizes: Sequence[int], room: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of groups of columns that fit the room, as few as possible.

    Two blanks precede each column.
    """
    begin, taken = 0, 0
    for end, size in enumerate(sizes):
        if end > begin and taken + 2 + size > room:
            yield begin, end
            begin, taken = end, 0
        taken += 2 + size
    yield begin, len(sizes)
