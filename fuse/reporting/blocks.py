"""Blocks below the sections of a table: pairs, CCC factors, measures, the matrix."""

from collections.abc import Iterator, Sequence

from affuse.fuse.reporting.matrix_blocks import matrix_blocks
from affuse.fuse.reporting.matrix_records import MatrixTable
from affuse.fuse.reporting.measures import MEAN, MEASURES, heading
from affuse.fuse.reporting.table_records import (
    ReportTable,
    TableBlock,
    TableRow,
    section_names,
)
from affuse.fuse.wording import figure

WIDTH = 100  # default width of plain text, in columns
LETTERS = {"valence": "V", "arousal": "A", "dominance": "D"}


def blocks(table: ReportTable) -> tuple[TableBlock, ...]:
    """Return the requested blocks of a table.

    Args:
        table: of a report
    """
    if isinstance(table, MatrixTable):
        return tuple(matrix_blocks(table))
    split = _split(table) if table.split else ()
    return (*_pairs(table), *split, *_measures(table))


def _pairs(table: ReportTable) -> Iterator[TableBlock]:
    """Yield the block of all pairs: differences above the diagonal, p below it."""
    rows = [row.name for row in table.rows if row.is_compared]
    if not table.pairs:
        return
    tested = sum(bool(p.versus and not p.versus.reason) for p in table.pairs)
    cells = {}
    for pair in table.pairs:
        if pair.versus:
            value, p = pair.versus.difference.value, figure(pair.versus.adjusted)
            cells[pair.a, pair.b] = f"{figure(value, sign=True)}{pair.versus.mark}"
            cells[pair.b, pair.a] = p
    yield TableBlock(
        heading=f"all pairs: above the diagonal, the CCC of the row minus that of the "
        f"column; below it, p after Holm's correction for {tested} pairs",
        heads=("design", *(str(k) for k in range(1, len(rows) + 1))),
        lines=tuple(
            (f"{k} {a}", *("" if a == b else cells.get((a, b), "-") for b in rows))
            for k, a in enumerate(rows, 1)
        ),
    )


def _split(table: ReportTable) -> Iterator[TableBlock]:
    """Yield a block per section with r, C_b, scale and location of each rating."""
    letters = [LETTERS[target] for target in table.targets]
    heads = [f"{k} {part}" for k in letters for part in ("r", "Cb", "v", "u")]
    for section in section_names(table.rows):
        rows = [r for r in table.rows if section in r.sections and r.is_compared]
        if rows:
            yield TableBlock(
                heading=f"{section}: CCC = r Cb, Cb = 2 / (v + 1/v + u^2); r "
                f"correlation, v scale, u location",
                heads=("design", *heads),
                lines=tuple((r.name, *_parts(r, section, table)) for r in rows),
            )


def _parts(row: TableRow, section: str, table: ReportTable) -> Iterator[str]:
    """Yield the cells of a row; missing figures are empty."""
    parts = row.sections[section].parts
    for target in table.targets:
        if target not in parts:
            yield from ("",) * 4
            continue
        part = parts[target]
        yield from (figure(part.correlation, digits=2), figure(part.bias, digits=2))
        yield figure(part.scale, digits=2)
        yield figure(part.location, digits=2, sign=True)


def _measures(table: ReportTable) -> Iterator[TableBlock]:
    """Yield blocks with the requested measures of each section, as wide as fits."""
    for section in section_names(table.rows):
        rows = [row for row in table.rows if section in row.measures]
        if not rows:
            continue
        first = ("design", *(row.name for row in rows))
        for names in _fitting(table, rows, section):
            columns = [
                c for name in names for c in _columns(name, rows, section, table)
            ]
            heads, *lines = zip(first, *columns, strict=True)
            yield TableBlock(f"{section}: {heading(names)}", heads, tuple(lines))


def _fitting(
    table: ReportTable, rows: Sequence[TableRow], section: str
) -> Iterator[tuple[str, ...]]:
    """Yield groups of measures whose lines fit the page, unless a name is too long."""
    room = WIDTH - max(len(row.name) for row in rows)
    names: tuple[str, ...] = ()
    for new in table.columns:
        wider = (*names, new)
        columns = [c for name in wider for c in _columns(name, rows, section, table)]
        if names and sum(2 + max(map(len, column)) for column in columns) > room:
            yield names
            wider = (new,)
        names = wider
    if names:
        yield names


def _columns(
    name: str, rows: Sequence[TableRow], section: str, table: ReportTable
) -> Iterator[tuple[str, ...]]:
    """Yield a column with a head and a cell per row, for each rating and the mean."""
    for key in (*table.targets, MEAN):
        values = (row.measures[section][name].get(key) for row in rows)
        cells = ("" if value is None else figure(value) for value in values)
        yield (f"{MEASURES[name].head} {LETTERS.get(key, key)}", *cells)
