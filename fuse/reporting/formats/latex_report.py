"""LaTeX tables, in the layout that all formats for human readers share.

The tables contain unescaped text of run folders. Each piece is escaped here for LaTeX,
and each line once more for the terminal.
"""

from collections.abc import Iterator, Sequence

from affuse.fuse.reporting.blocks import WIDTH, blocks
from affuse.fuse.reporting.escapes import for_latex, for_latex_row
from affuse.fuse.reporting.layout import join_tables, sections, with_group_headings
from affuse.fuse.reporting.table_records import ReportTable, TableBlock


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return a ``table`` for each, with ``booktabs`` rules, title and footnotes.

    Args:
        tables: one after another
        width: not used, because lines may be of any length
    """
    return "% needs \\usepackage{booktabs}\n\n" + join_tables(map(_latex, tables))


def _latex(table: ReportTable) -> Iterator[str]:
    """Yield the lines of one table."""
    yield from (
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{for_latex(table.title)}}}",
    )
    yield from _sections(table)
    for block in blocks(table):
        yield rf"\par\medskip {{\footnotesize {for_latex(block.heading)}}}\par"
        yield from _tabular(block)
    sentences = (*table.comparisons, *table.encoders, *table.notes)
    yield from (
        rf"\par{{\footnotesize {for_latex(sentence)}.}}" for sentence in sentences
    )
    yield r"\end{table}"


def _sections(table: ReportTable) -> Iterator[str]:
    """Yield the lines of the sections; a matrix has none."""
    heads, groups = sections(table)
    if not groups:
        return
    columns = 1 + len(heads)
    yield rf"\begin{{tabular}}{{l{'r' * len(heads)}}}"
    yield from (r"\toprule", for_latex_row(["design", *map(for_latex, heads)]))
    for group in groups:
        heading = rf"\emph{{{for_latex(group.heading)}}}"
        yield r"\midrule"
        yield rf"\multicolumn{{{columns}}}{{l}}{{{heading}}} \\"
        for head, line in with_group_headings(group.lines):
            if head:
                inner = rf"\textit{{{for_latex(head)}}}"
                yield rf"\multicolumn{{{columns}}}{{l}}{{{inner}}} \\"
            cells = [_tex_cell(*cell) for cell in line.cells]
            yield for_latex_row([for_latex(line.row.name), *cells, *line.counts])
    yield from (r"\bottomrule", r"\end{tabular}")


def _tabular(block: TableBlock) -> Iterator[str]:
    """Yield the lines of a block."""
    yield rf"\begin{{tabular}}{{l{'r' * (len(block.heads) - 1)}}}"
    heads, *rows = ([*map(for_latex, line)] for line in (block.heads, *block.lines))
    yield from (r"\toprule", for_latex_row(heads), r"\midrule")
    yield from map(for_latex_row, rows)
    yield from (r"\bottomrule", r"\end{tabular}")


def _tex_cell(value: str, range_: str) -> str:
    """Return a figure with its interval."""
    return (
        f"{for_latex(value)} {{\\scriptsize {for_latex(range_)}}}"
        if range_
        else for_latex(value)
    )
