"""Text of a table for human readers, which all such formats share."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from affuse.data.terminal import printable
from affuse.fuse.reporting.blocks import LETTERS
from affuse.fuse.reporting.table_records import (
    ReportTable,
    TableRow,
    bounds,
    section_names,
)
from affuse.fuse.scoring.statistics import Estimate
from affuse.fuse.wording import count, figure

COUNTS = {"utterances": "test utterance", "folds": "fold", "seeds": "seed"}


@dataclass(frozen=True)
class TableLine:
    """Row of a section as text."""

    row: TableRow
    cells: tuple[tuple[str, str], ...]  # figure and interval of each rating, then mean
    counts: tuple[str, ...]  # counts that differ between rows


@dataclass(frozen=True)
class Section:
    """Rows that are scored on the same subset of utterances."""

    name: str
    heading: str  # name of the section, and the counts that all its rows share
    lines: tuple[TableLine, ...]


def sections(table: ReportTable) -> tuple[tuple[str, ...], tuple[Section, ...]]:
    """Return the column heads, and the sections of a table with their rows.

    Args:
        table: of a report
    """
    groups = {
        name: [(row, row.sections[name]) for row in table.rows if name in row.sections]
        for name in section_names(table.rows)
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
            name=name,
            heading=_heading(name, [e for _, e in rows], varying),
            lines=tuple(_line(row, name, table.targets, varying) for row, _ in rows),
        )
        for name, rows in groups.items()
        if rows
    )


def with_group_headings(lines: Sequence[TableLine]) -> Iterator[tuple[str, TableLine]]:
    """Yield each line with the heading of encoders above it, or "".

    Args:
        lines: of a section
    """
    above = ""
    for line in lines:
        group = line.row.group
        yield ("" if group in ("", above) else f"on {group}".strip()), line
        above = group


def _heading(name: str, rows: Sequence[Estimate], varying: Sequence[str]) -> str:
    """Return a heading such as ``all: 2,170 utterances, 1 fold``."""
    shared = [
        count(getattr(rows[0], plural), noun)
        for plural, noun in COUNTS.items()
        if plural not in varying and getattr(rows[0], plural)
    ]
    return f"{name}: {', '.join(shared)}" if shared else name


def _line(
    row: TableRow, section: str, targets: Sequence[str], varying: Sequence[str]
) -> TableLine:
    """Return the figures of a row as text; missing figures are empty."""
    estimate = row.sections[section]
    intervals = [estimate.ratings.get(target) for target in targets]
    return TableLine(
        row=row,
        cells=(
            *((figure(i.value), bounds(i)) if i else ("", "") for i in intervals),
            (figure(estimate.mean.value), bounds(estimate.mean) + _mark(row, section)),
        ),
        counts=tuple(
            f"{getattr(estimate, name):,}" if estimate.utterances else ""
            for name in varying
        ),
    )


def _mark(row: TableRow, section: str) -> str:
    """Return the significance mark of a row in a section, or ""."""
    return row.versus[section].mark if section in row.versus else ""


def join_tables(tables: Iterable[Iterable[str]]) -> str:
    """Return the lines of tables as one text, with a blank line between tables.

    Args:
        tables: lines of each table; line breaks inside a line are escaped
    """
    return "\n\n".join("\n".join(map(printable, lines)) for lines in tables) + "\n"
