"""Markdown tables, in the layout that all formats for human readers share.

The tables contain unescaped text of run folders. Each piece is escaped here for
Markdown, and each line once more for the terminal.
"""

from collections.abc import Iterator, Sequence

from affuse.fuse.reporting.blocks import WIDTH, blocks
from affuse.fuse.reporting.escapes import for_markdown, for_markdown_line
from affuse.fuse.reporting.layout import join_tables, sections, with_group_headings
from affuse.fuse.reporting.table_records import ReportTable


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return a heading, a table per section and a list of footnotes for each table.

    Args:
        tables: one after another
        width: not used, because lines may be of any length
    """
    return join_tables(map(_markdown, tables))


def _markdown(table: ReportTable) -> Iterator[str]:
    """Yield the lines of one table."""
    heads, groups = sections(table)
    yield f"## {for_markdown(table.title)}"
    for group in groups:
        name, mark, rest = group.heading.partition(":")
        strong = f"**{for_markdown(name.strip())}**"
        yield from ("", f"{strong}{mark}{for_markdown(rest)}", "")
        yield f"| design | {' | '.join(map(for_markdown, heads))} |"
        yield "|---" + "|---:" * len(heads) + "|"
        for head, line in with_group_headings(group.lines):
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
