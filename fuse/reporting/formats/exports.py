"""Tables for machines, at full precision: CSV for spreadsheets, JSON for all else."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from affuse.data.rating_scales import RATINGS
from affuse.fuse.reporting.escapes import for_csv, for_json
from affuse.fuse.reporting.measures import MEAN, MEASURES
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import (
    Pair,
    ReportTable,
    TableRow,
    Versus,
    is_known,
)
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.scoring.statistics import Estimate

FORMAT = 2  # of the JSON
BOUNDS = ("", "_low", "_high")  # after the name of a figure
PARTS = ("correlation", "bias", "scale", "location")  # of a CCC, after a rating
COLUMNS = (
    *("corpus", "nature", "protocol", "section", "design", "detail", "run"),
    *(name + bound for name in (*RATINGS, "mean") for bound in BOUNDS),
    *("utterances", "folds", "seeds", "resampled", "clusters", "parameters"),
    *("versus", *(f"difference{bound}" for bound in BOUNDS)),
    *("p", "p_holm", "verdict", "not_marked_because"),
    *(f"{name}_{part}" for name in RATINGS for part in PARTS),
    *(f"{name}_{measure}" for measure in MEASURES for name in (*RATINGS, MEAN)),
    *("shared_speakers", "encoders"),
)


def csv_text(tables: Sequence[ReportTable]) -> str:
    """One line per row and section of every table, as RFC 4180 wants it.

    Pairs of rows, if there are any, are lines of the section ``pairs``. What is unknown
    is an empty cell. Text is escaped by `affuse.fuse.reporting.escapes.for_csv`.
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
    return text.getvalue()


def _cells(
    table: ReportTable, row: TableRow, section: str, estimate: Estimate
) -> dict[str, Any]:
    """One line of the CSV by column."""
    found = _place(table, section) | {"design": row.design, "detail": row.detail}
    for name, interval in (*estimate.ratings.items(), ("mean", estimate.mean)):
        found |= _spread(name, interval)
    if row.info is None:
        return found
    sizes = ("utterances", "folds", "seeds", "clusters")
    found |= {name: getattr(estimate, name) for name in sizes}
    found |= {
        "run": row.info.name,
        "resampled": estimate.unit,
        "parameters": row.info.parameters,
        "shared_speakers": _shared(table),
        "encoders": "; ".join(describe(*pair) for pair in row.info.encoders.items()),
    }
    for name, split in estimate.parts.items():
        found |= {f"{name}_{p}": _finite(getattr(split, p)) for p in PARTS}
    for measure, values in row.measures.get(section, {}).items():
        found |= {f"{name}_{measure}": _finite(v) for name, v in values.items()}
    if section in row.versus:
        found |= _difference(row.versus[section])
    return found


def _place(table: ReportTable, section: str) -> dict[str, Any]:
    """The cells that all lines of a table and section share."""
    return {
        "corpus": table.corpus,
        "nature": table.nature,
        "protocol": table.protocol,
        "section": section,
    }


def _pair_cells(table: ReportTable, pair: Pair) -> dict[str, Any]:
    """Two rows compared, as one line of the CSV."""
    found = _place(table, "pairs") | {"design": pair.a, "versus": pair.b}
    return found | (_difference(pair.versus) if pair.versus else {})


def _difference(versus: Versus) -> dict[str, Any]:
    """A comparison as cells."""
    return {
        "versus": versus.name,
        **_spread("difference", versus.difference),
        "p": _finite(versus.p),
        "p_holm": _finite(versus.adjusted),
        "verdict": versus.verdict,
        "not_marked_because": versus.reason,
    }


def _spread(name: str, interval: Interval) -> dict[str, Any]:
    """A figure and its bounds as three cells."""
    return {
        name + bound: value
        for bound, value in zip(BOUNDS, _interval(interval).values(), strict=True)
    }


def _shared(table: ReportTable) -> str:
    """Which parts share speakers, in one cell."""
    return "unknown" if table.shared is None else " ".join(table.shared) or "none"


def _finite(value: float) -> float | None:
    """JSON has no nan, and a CSV reader may take it for text."""
    return value if math.isfinite(value) else None


def json_text(tables: Sequence[ReportTable]) -> str:
    """Everything: figures, sizes, settings, versions, encoders, notes."""
    content = {"format": FORMAT, "tables": [_table(table) for table in tables]}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return for_json(text) + "\n"


def _table(table: ReportTable) -> dict[str, Any]:
    """One table as JSON."""
    return {
        "title": table.title,
        "corpus": table.corpus,
        "nature": table.nature,
        "protocol": table.protocol,
        "targets": list(table.targets),
        "shared_speakers": None if table.shared is None else list(table.shared),
        "rows": list(_rows(table)),
        "pairs": list(_pairs(table)),
        "comparisons": list(table.comparisons),
        "notes": list(table.notes),
    }


def _rows(table: ReportTable) -> Iterator[dict[str, Any]]:
    """The rows of a table as JSON; a published one has no run."""
    for row in table.rows:
        info = row.info
        yield {
            "design": row.design,
            "detail": row.detail,
            "published": info is None,
            "members": row.members,
            "sections": {
                name: _estimate(e) | _measures(row, name)
                for name, e in row.sections.items()
            },
            "versus": {name: _difference(v) for name, v in row.versus.items()},
            "run": None
            if info is None
            else {
                "name": info.name,
                "label": info.label,
                "parameters": info.parameters,
                "encoders": info.encoders,
                "settings": info.settings,
                "versions": info.versions,
                "code": info.code,
            },
        }


def _pairs(table: ReportTable) -> Iterator[dict[str, Any]]:
    """Every two rows compared, as JSON; without figures where they cannot be."""
    for pair in table.pairs:
        found = _difference(pair.versus) if pair.versus else {"versus": pair.b}
        yield {"design": pair.a, **found}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    """The figures of one section as JSON."""
    figures = (*estimate.ratings.items(), ("mean", estimate.mean))
    return {
        "ccc": {name: _interval(interval) for name, interval in figures},
        "parts": {
            name: {part: _finite(getattr(split, part)) for part in PARTS}
            for name, split in estimate.parts.items()
        },
        "utterances": estimate.utterances,
        "folds": estimate.folds,
        "seeds": estimate.seeds,
        "resampled": estimate.unit,
        "clusters": estimate.clusters,
    }


def _measures(row: TableRow, section: str) -> dict[str, Any]:
    """The measures of one section as JSON, if any are wanted."""
    return {
        measure: {name: _finite(value) for name, value in values.items()}
        for measure, values in row.measures.get(section, {}).items()
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    """A figure and its bounds as JSON; null where the interval is not known."""
    known = is_known(interval)
    return {
        "value": _finite(interval.value),
        "low": interval.low if known else None,
        "high": interval.high if known else None,
    }
