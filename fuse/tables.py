"""Tables for people: plain text, Markdown and LaTeX, from one layout."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fuse.figures import SECTIONS, Row, Table, bounds, count, figure
from fuse.statistics import Estimate

WIDTH = 100  # columns of plain text
LETTERS = {"valence": "V", "arousal": "A", "dominance": "D"}
COUNTS = {"utterances": "test utterance", "folds": "fold", "seeds": "seed"}
LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


@dataclass(frozen=True)
class Line:
    """One row of a section, as words."""

    row: Row
    cells: tuple[tuple[str, str], ...]  # figure and interval of each rating, then mean
    counts: tuple[str, ...]  # those that differ between rows


@dataclass(frozen=True)
class Section:
    """The rows scored on the same kind of utterances."""

    heading: str  # its name, and the counts that all its rows share
    lines: tuple[Line, ...]


def sections(table: Table) -> tuple[tuple[str, ...], tuple[Section, ...]]:
    """Column heads, and the sections of a table that have rows."""
    groups = {
        name: [(row, row.sections[name]) for row in table.rows if name in row.sections]
        for name in SECTIONS
    }
    scored = [[e for _, e in rows if e.utterances] for rows in groups.values()]
    varying = [
        name
        for name in COUNTS
        if any(len({getattr(e, name) for e in group}) > 1 for group in scored)
    ]
    heads = (*(LETTERS[t] for t in table.targets), "mean", *varying)
    return heads, tuple(
        Section(
            heading=_heading(name, [e for _, e in rows], varying),
            lines=tuple(_line(row, e, table.targets, varying) for row, e in rows),
        )
        for name, rows in groups.items()
        if rows
    )


def _heading(name: str, rows: Sequence[Estimate], varying: Sequence[str]) -> str:
    """``all: 2,170 utterances, 1 fold``"""
    shared = [
        count(getattr(rows[0], plural), noun)
        for plural, noun in COUNTS.items()
        if plural not in varying and rows[0].utterances
    ]
    return f"{name}: {', '.join(shared)}" if shared else name


def _line(
    row: Row, estimate: Estimate, targets: Sequence[str], varying: Sequence[str]
) -> Line:
    """A row's figures as words; what it does not have is empty."""
    found = [estimate.ratings.get(target) for target in targets]
    return Line(
        row=row,
        cells=tuple(
            (figure(i.value), bounds(i)) if i else ("", "")
            for i in (*found, estimate.mean)
        ),
        counts=tuple(
            f"{getattr(estimate, name):,}" if estimate.utterances else ""
            for name in varying
        ),
    )


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
    """The name of a row, its detail on a line of its own if there is no room."""
    return [row.name] if len(row.name) <= room else [row.design, f"  ({row.detail})"]


def text(tables: Sequence[Table]) -> str:
    """Aligned columns, at most 100 characters wide where names allow it."""
    return "\n\n".join("\n".join(_text(table)) for table in tables) + "\n"


def _text(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    grid = _grid(heads, [line for group in groups for line in group.lines])
    figures = len(grid.values)
    yield from (table.title, "=" * len(table.title))
    for group in groups:
        cells = [(head, "") for head in heads[:figures]]
        yield from ("", group.heading, "-" * (grid.name + grid.rest))
        yield grid.line("design", cells, heads[figures:])
        for line in group.lines:
            name, *detail = _name(line.row, WIDTH - grid.rest)
            yield grid.line(name, line.cells, line.counts)
            yield from detail
    for block in (table.comparisons, table.encoders, table.notes):
        yield from ("",) if block else ()
        for sentence in block:
            yield textwrap.fill(
                sentence, WIDTH, subsequent_indent="  ", break_on_hyphens=False
            )


def markdown(tables: Sequence[Table]) -> str:
    """A heading, a pipe table per section and a list of notes for each table."""
    return "\n\n".join("\n".join(_markdown(table)) for table in tables) + "\n"


def _markdown(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    yield f"## {_marked(table.title)}"
    for group in groups:
        name, _, rest = group.heading.partition(":")
        yield from ("", f"**{name}**{':' if rest else ''}{rest}", "")
        yield f"| design | {' | '.join(heads)} |"
        yield "|---" + "|---:" * len(heads) + "|"
        for line in group.lines:
            cells = [f"{value} {range_}".strip() for value, range_ in line.cells]
            yield f"| {' | '.join([_marked(line.row.name), *cells, *line.counts])} |"
    yield ""
    sentences = (*table.comparisons, *table.encoders, *table.notes)
    yield from (f"- {_marked(sentence)}" for sentence in sentences)


def _marked(words: str) -> str:
    """Words that Markdown shall not read as markup."""
    return re.sub(r"([\\`*_<>|])", r"\\\1", words)


def latex(tables: Sequence[Table]) -> str:
    """A ``table`` for each, with ``booktabs`` rules; title and notes are visible."""
    head = "% needs \\usepackage{booktabs}\n\n"
    return head + "\n\n".join("\n".join(_latex(table)) for table in tables) + "\n"


def _latex(table: Table) -> Iterator[str]:
    """The lines of one table."""
    heads, groups = sections(table)
    columns = 1 + len(heads)
    yield from (r"\begin{table}", r"\centering", rf"\caption{{{_tex(table.title)}}}")
    yield rf"\begin{{tabular}}{{l{'r' * len(heads)}}}"
    yield from (r"\toprule", " & ".join(["design", *heads]) + r" \\")
    for group in groups:
        heading = rf"\emph{{{_tex(group.heading)}}}"
        yield r"\midrule"
        yield rf"\multicolumn{{{columns}}}{{l}}{{{heading}}} \\"
        for line in group.lines:
            cells = [_tex_cell(*cell) for cell in line.cells]
            yield " & ".join([_tex(line.row.name), *cells, *line.counts]) + r" \\"
    yield from (r"\bottomrule", r"\end{tabular}")
    sentences = (*table.comparisons, *table.encoders, *table.notes)
    yield from (rf"\par{{\footnotesize {_tex(sentence)}.}}" for sentence in sentences)
    yield r"\end{table}"


def _tex_cell(value: str, range_: str) -> str:
    """A figure with its interval."""
    return f"{_tex(value)} {{\\scriptsize {_tex(range_)}}}" if range_ else _tex(value)


def _tex(words: str) -> str:
    """Words that LaTeX shall not read as commands; a minus becomes one."""
    escaped = "".join(LATEX.get(character, character) for character in words)
    return re.sub(r"(?<![^\s\[])-(?=[\s.\d])", "$-$", escaped)
