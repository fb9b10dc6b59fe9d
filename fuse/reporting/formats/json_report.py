"""JSON tables for programs, with all contents of a report at full precision."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.work_log import read_work
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.escapes import for_json
from affuse.fuse.reporting.formats.full_precision import (
    PARTS,
    comparison_cells,
    finite_or_none,
    with_bounds,
)
from affuse.fuse.reporting.formats.precise_matrix import matrix_object
from affuse.fuse.reporting.matrix_records import MatrixTable
from affuse.fuse.reporting.table_records import ReportTable, TableRow
from affuse.fuse.scoring.statistics import Estimate

FORMAT = 2  # version of the JSON structure


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return figures, sizes, settings, versions, work and footnotes of all tables.

    Args:
        tables: one after another
        width: not used, because lines may be of any length
    """
    content = {"format": FORMAT, "tables": [_table(table) for table in tables]}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return for_json(text) + "\n"


def _table(table: ReportTable) -> dict[str, Any]:
    """Return one table as a JSON object."""
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
        **({"matrix": matrix_object(table)} if isinstance(table, MatrixTable) else {}),
    }


def _rows(table: ReportTable) -> Iterator[dict[str, Any]]:
    """Yield rows as JSON objects; published rows and human raters have no run."""
    work = _work(table)
    for row in table.rows:
        info = row.info
        yield {
            "design": row.design,
            "detail": row.detail,
            "published": "published" in row.sections,
            "imported": row.is_imported,
            "members": row.members,
            "sections": {
                name: _estimate(e) | _measures(row, name)
                for name, e in row.sections.items()
            },
            "versus": {name: comparison_cells(v) for name, v in row.versus.items()},
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
                "work": work.get(info.name),
            },
        }


def _work(table: ReportTable) -> dict[str, dict[str, Any] | None]:
    """Return the device and time of each step by name of the run.

    A run has no entry if its predictions are not there, and None if its log is damaged.
    """
    found = dict[str, dict[str, Any] | None]()
    for parts in table.sources.parts if table.sources else ():
        run = parts["all"]
        try:
            found[run.info.name] = asdict(read_work(RunFolder(run.path).work))
        except (AffuseError, OSError):
            found[run.info.name] = None
    return found


def _pairs(table: ReportTable) -> Iterator[dict[str, Any]]:
    """Yield each pair of rows as a JSON object, without figures if not comparable."""
    for pair in table.pairs:
        cells = comparison_cells(pair.versus) if pair.versus else {"versus": pair.b}
        yield {"design": pair.a, **cells}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    """Return the figures of one section as a JSON object."""
    figures = (*estimate.ratings.items(), ("mean", estimate.mean))
    return {
        "ccc": {name: with_bounds(interval) for name, interval in figures},
        "parts": {
            name: {part: finite_or_none(getattr(split, part)) for part in PARTS}
            for name, split in estimate.parts.items()
        },
        "utterances": estimate.utterances,
        "folds": estimate.folds,
        "seeds": estimate.seeds,
        "resampled": estimate.unit,
        "clusters": estimate.clusters,
    }


def _measures(row: TableRow, section: str) -> dict[str, Any]:
    """Return the requested measures of one section as a JSON object."""
    return {
        measure: {name: finite_or_none(value) for name, value in values.items()}
        for measure, values in row.measures.get(section, {}).items()
    }
