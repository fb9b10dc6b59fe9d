"""Tables as JSON, for programs: all that a report knows, at full precision."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.escapes import for_json
from affuse.fuse.reporting.formats.full_precision import (
    PARTS,
    difference,
    finite,
    with_bounds,
)
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.scoring.statistics import Estimate

FORMAT = 2  # of the content


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return everything: figures, sizes, settings, versions, encoders, notes.

    Lines may be of any length, so `width` does not count.
    """
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
            "versus": {name: difference(v) for name, v in row.versus.items()},
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
        found = difference(pair.versus) if pair.versus else {"versus": pair.b}
        yield {"design": pair.a, **found}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    """The figures of one section as JSON."""
    figures = (*estimate.ratings.items(), ("mean", estimate.mean))
    return {
        "ccc": {name: with_bounds(interval) for name, interval in figures},
        "parts": {
            name: {part: finite(getattr(split, part)) for part in PARTS}
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
        measure: {name: finite(value) for name, value in values.items()}
        for measure, values in row.measures.get(section, {}).items()
    }
