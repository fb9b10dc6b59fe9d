"""Tables for people: plain text, Markdown and LaTeX, from one layout.

The tables hold text as it stands in run folders. It is escaped here, piece by piece for
the format, and line by line once more, so that nothing is forgotten.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from data.output import printable
from fuse.blocks import WIDTH, Block, blocks
from fuse.escapes import (
    for_latex,
    for_latex_row,
    for_markdown,
    for_markdown_line,
)
from fuse.figures import Row, Table
from fuse.layout import Line, headed, sections


@dataclass(frozen=True)
class Grid:
    """Widths of the columns of plain text, the same in every section of a table."""

    name: int
    values: tuple[int, ...]
    ranges: tuple[int, ...]
    counts: tuple[int, ...]

    def line(
        self, name: str, cells: Sequence[tuple[str, str]], counts: Sequence[str]
    ) -> str:
        """One line, without blanks at its end."""
        padded = [name.ljust(self.name)]
        for (value, range_), a, b in zip(cells, self.values, self.ranges, strict=True):
            padded.append(f"{value:>{a}} {range_:<{b}}" if b else f"{value:>{a}}")
        padded += [f"{c:>{w}}" for c, w in zip(counts, self.counts, strict=True)]
        return "  ".join(padded).rstrip()

    @property
    def rest(self) -> int:
        """Columns that all but the name take."""
        ranges = sum(1 + b for b in self.ranges if b)
        gaps = 2 * (len(self.values) + len(self.counts))
        return sum(self.values) + ranges + gaps + sum(self.counts)


def _grid(heads: Sequence[str], lines: Sequence[Line]) -> Grid:
    """Widths that hold every line; a name too long for the page does not count."""
    figures = len(lines[0].cells)
    grid = Grid(
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
    names = (_name(line.row, WIDTH - grid.rest)[0] for line in lines)
    return replace(grid, name=max(map(len, names)))


def _name(row: Row, room: int) -> list[str]:
    """Return the name of a row, its detail on a second line if there is no room."""
    name = printable(row.name)
    if len(name) <= room:
        return [name]
    return [printable(row.design), f"  ({printable(row.detail)})"]


def text(tables: Sequence[Table]) -> str:
    """Aligned columns, at most 100 characters wide where names allow it."""
    return _joined(map(_text, tables))


def _joined(tables: Iterable[Iterable[str]]) -> str:
    """Join the lines of tables, of which each stays one line, with a blank between."""
    return "\n\n".join("\n".join(map(printable, lines)) for lines in tables) + "\n"


def _text(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    grid = _grid(heads, [line for group in groups for line in group.lines])
    figures = len(grid.values)
    title = printable(table.title)
    yield from (title, "=" * len(title))
    for group in groups:
        cells = [(head, "") for head in heads[:figures]]
        yield from ("", group.heading, "-" * (grid.name + grid.rest))
        yield grid.line("design", cells, heads[figures:])
        for heading, line in headed(group.lines):
            yield from _wrapped(heading) if heading else ()
            name, *detail = _name(line.row, WIDTH - grid.rest)
            yield grid.line(name, line.cells, line.counts)
            yield from detail
    for block in blocks(table):
        yield from ("", *_wrapped(block.heading), *_aligned(block))
    for sentences in (table.comparisons, table.encoders, table.notes):
        yield from ("",) if sentences else ()
        for sentence in sentences:
            yield from _wrapped(sentence)


def _wrapped(sentence: str) -> list[str]:
    """Return a sentence in lines that fit the page."""
    words = printable(sentence)
    return textwrap.wrap(words, WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _aligned(block: Block) -> Iterator[str]:
    """Yield a block in columns: the first to the left, the others to the right."""
    lines = [[*map(printable, line)] for line in (block.heads, *block.lines)]
    first, *rest = (max(map(len, column)) for column in zip(*lines, strict=True))
    yield "-" * (first + sum(2 + width for width in rest))
    for name, *cells in lines:
        padded = [f"{c:>{width}}" for c, width in zip(cells, rest, strict=True)]
        yield "  ".join([name.ljust(first), *padded]).rstrip()


def markdown(tables: Sequence[Table]) -> str:
    """A heading, a pipe table per section and a list of notes for each table."""
    return _joined(map(_markdown, tables))


def _markdown(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    yield f"## {for_markdown(table.title)}"
    for group in groups:
        name, mark, rest = group.heading.partition(":")
        strong = f"**{for_markdown(name.strip())}**"
        yield from ("", f"{strong}{mark}{for_markdown(rest)}", "")
        yield f"| design | {' | '.join(map(for_markdown, heads))} |"
        yield "|---" + "|---:" * len(heads) + "|"
        for head, line in headed(group.lines):
            if head:
                yield f"| *{for_markdown(head)}* |{' |' * len(heads)}"
            cells = [f"{value} {range_}".strip() for value, range_ in line.cells]
            words = [line.row.name, *cells, *line.counts]
            yield f"| {' | '.join(map(for_markdown, words))} |"
    for block in blocks(table):
        yield from ("", for_markdown_line(block.heading), "")
        yield f"| {' | '.join(map(for_markdown, block.heads))} |"
        yield "|---" + "|---:" * (len(block.heads) - 1) + "|"
        yield from (f"| {' | '.join(map(for_markdown, b))} |" for b in block.lines)
    yield ""
    sentences = (*table.comparisons, *table.encoders, *table.notes)
    yield from (f"- {for_markdown_line(sentence)}" for sentence in sentences)


def latex(tables: Sequence[Table]) -> str:
    """A ``table`` for each, with ``booktabs`` rules; title and notes are visible."""
    return "% needs \\usepackage{booktabs}\n\n" + _joined(map(_latex, tables))


def _latex(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    columns = 1 + len(heads)
    yield from (
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{for_latex(table.title)}}}",
    )
    yield rf"\begin{{tabular}}{{l{'r' * len(heads)}}}"
    yield from (r"\toprule", for_latex_row(["design", *map(for_latex, heads)]))
    for group in groups:
        heading = rf"\emph{{{for_latex(group.heading)}}}"
        yield r"\midrule"
        yield rf"\multicolumn{{{columns}}}{{l}}{{{heading}}} \\"
        for head, line in headed(group.lines):
            if head:
                inner = rf"\textit{{{for_latex(head)}}}"
                yield rf"\multicolumn{{{columns}}}{{l}}{{{inner}}} \\"
            cells = [_tex_cell(*cell) for cell in line.cells]
            yield for_latex_row([for_latex(line.row.name), *cells, *line.counts])
    yield from (r"\bottomrule", r"\end{tabular}")
    for block in blocks(table):
        yield rf"\par\medskip {{\footnotesize {for_latex(block.heading)}}}\par"
        yield from _tabular(block)
    sentences = (*table.comparisons, *table.encoders, *table.notes)
    yield from (
        rf"\par{{\footnotesize {for_latex(sentence)}.}}" for sentence in sentences
    )
    yield r"\end{table}"


def _tabular(block: Block) -> Iterator[str]:
    """A block as LaTeX."""
    yield rf"\begin{{tabular}}{{l{'r' * (len(block.heads) - 1)}}}"
    heads, *rows = ([*map(for_latex, line)] for line in (block.heads, *block.lines))
    yield from (r"\toprule", for_latex_row(heads), r"\midrule")
    yield from map(for_latex_row, rows)
    yield from (r"\bottomrule", r"\end{tabular}")


def _tex_cell(value: str, range_: str) -> str:
    """A figure with its interval."""
    return (
        f"{for_latex(value)} {{\\scriptsize {for_latex(range_)}}}"
        if range_
        else for_latex(value)
    )
