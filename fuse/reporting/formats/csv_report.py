"""CSV tables for spreadsheets: one line per row and section, at full precision."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from affuse.data.rating_scales import RATINGS
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.escapes import for_csv
from affuse.fuse.reporting.formats.full_precision import (
    BOUNDS,
    PARTS,
    comparison_cells,
    figure_cells,
    finite_or_none,
)
from affuse.fuse.reporting.formats.precise_matrix import matrix_lines
from affuse.fuse.reporting.matrix_records import MatrixTable
from affuse.fuse.reporting.measures import MEAN, MEASURES
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import Pair, ReportTable, TableRow
from affuse.fuse.scoring.statistics import Estimate

COLUMNS = (
    *("corpus", "nature", "protocol", "section", "design", "detail", "run"),
    *(name + bound for name in (*RATINGS, "mean") for bound in BOUNDS),
    *("utterances", "folds", "seeds", "resampled", "clusters", "parameters"),
    *("versus", *(f"difference{bound}" for bound in BOUNDS)),
    *("p", "p_holm", "verdict", "not_marked_because", "compared_utterances"),
    *(f"{name}_{part}" for name in RATINGS for part in PARTS),
    *(f"{name}_{measure}" for measure in MEASURES for name in (*RATINGS, MEAN)),
    *("shared_speakers", "encoders"),
    *("test_corpus", "test_nature", "cross_validated"),  # of the section "matrix"
)


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return one line per row and section of every table, according to RFC 4180.

    Pairs of rows are lines of the section ``pairs``, and cells of the matrix lines of
    the section ``matrix``. Unknown values are empty cells.
    `affuse.fuse.reporting.escapes.for_csv` escapes text.

    Args:
        tables: one after another
        width: not used, because lines may be of any length
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for table in tables:
        for row in table.rows:
            for section, estimate in row.sections.items():
                cells = _cells(table, row, section, estimate)
                writer.writerow({n: for_csv(value) for n, value in cells.items()})
        for pair in table.pairs:
            cells = _pair_cells(table, pair)
            writer.writerow({n: for_csv(value) for n, value in cells.items()})
        if isinstance(table, MatrixTable):
            for cells in matrix_lines(table):
                writer.writerow({n: for_csv(value) for n, value in cells.items()})
    return text.getvalue()


def _cells(
    table: ReportTable, row: TableRow, section: str, estimate: Estimate
) -> dict[str, Any]:
    """Return the cells of a row and section by column."""
    cells = _place(table, section) | {"design": row.design, "detail": row.detail}
    for name, interval in (*estimate.ratings.items(), ("mean", estimate.mean)):
        cells |= figure_cells(name, interval)
    if estimate.utterances:
        sizes = ("utterances", "folds", "seeds", "clusters")
        cells |= {name: getattr(estimate, name) for name in sizes}
        cells["resampled"] = estimate.unit
    if not row.is_compared:
        return cells
    if row.info:
        words = (describe(*pair) for pair in row.info.encoders.items())
        cells |= {
            "run": row.info.name,
            "parameters": row.info.parameters,
            "shared_speakers": _shared(table),
            "encoders": "; ".join(words),
        }
    for name, split in estimate.parts.items():
        cells |= {f"{name}_{p}": finite_or_none(getattr(split, p)) for p in PARTS}
    for measure, values in row.measures.get(section, {}).items():
        cells |= {f"{name}_{measure}": finite_or_none(v) for name, v in values.items()}
    if section in row.versus:
        cells |= comparison_cells(row.versus[section])
    return cells


def _place(table: ReportTable, section: str) -> dict[str, Any]:
    """Return the cells that all lines of a table and section share."""
    return {
        "corpus": table.corpus,
        "nature": table.nature,
        "protocol": table.protocol,
        "section": section,
    }


def _pair_cells(table: ReportTable, pair: Pair) -> dict[str, Any]:
    """Return the cells of two compared rows by column."""
    cells = _place(table, "pairs") | {"design": pair.a, "versus": pair.b}
    return cells | (comparison_cells(pair.versus) if pair.versus else {})


def _shared(table: ReportTable) -> str:
    """Return the pairs of parts that share speakers, in one cell."""
    return "unknown" if table.shared is None else " ".join(table.shared) or "none"
