"""Cells of the matrix at full precision, for the formats that programs read."""

from collections.abc import Iterator
from typing import Any

from affuse.fuse.reporting.formats.full_precision import (
    comparison_cells,
    figure_cells,
    with_bounds,
)
from affuse.fuse.reporting.matrix_records import MatrixCell, MatrixTable


def matrix_lines(table: MatrixTable) -> Iterator[dict[str, Any]]:
    """Yield a line of CSV for each cell, by column.

    Args:
        table: the matrix
    """
    natures = {column.corpus: column.nature for column in table.columns_of_matrix}
    for row in table.rows_of_matrix:
        for corpus, cell in row.cells.items():
            estimate = cell.estimate
            figures = (*estimate.ratings.items(), ("mean", estimate.mean))
            line = {
                "corpus": row.info.corpus,
                "nature": row.info.nature,
                "protocol": row.info.protocol,
                "section": "matrix",
                "design": row.info.design,
                "detail": row.detail,
                "run": row.info.name,
                "resampled": estimate.unit,
                "test_corpus": corpus,
                "test_nature": natures[corpus],
                "cross_validated": "yes" if cell.within else "no",
            }
            for name in ("utterances", "folds", "seeds", "clusters"):
                line[name] = getattr(estimate, name)
            for name, interval in figures:
                line |= figure_cells(name, interval)
            if cell.versus:
                line |= comparison_cells(cell.versus)
            yield line


def matrix_object(table: MatrixTable) -> dict[str, Any]:
    """Return the matrix as a JSON object.

    Args:
        table: the matrix
    """
    return {
        "columns": [
            {"corpus": column.corpus, "nature": column.nature}
            for column in table.columns_of_matrix
        ],
        "rows": [
            {
                "corpus": row.info.corpus,
                "nature": row.info.nature,
                "protocol": row.info.protocol,
                "design": row.info.design,
                "detail": row.detail,
                "run": row.info.name,
                "cells": {name: _cell(cell) for name, cell in row.cells.items()},
            }
            for row in table.rows_of_matrix
        ],
    }


def _cell(cell: MatrixCell) -> dict[str, Any]:
    """Return a cell as a JSON object."""
    estimate = cell.estimate
    figures = (*estimate.ratings.items(), ("mean", estimate.mean))
    return {
        "cross_validated": cell.within,
        "ccc": {name: with_bounds(interval) for name, interval in figures},
        "utterances": estimate.utterances,
        "folds": estimate.folds,
        "seeds": estimate.seeds,
        "resampled": estimate.unit,
        "clusters": estimate.clusters,
        "versus": comparison_cells(cell.versus) if cell.versus else None,
    }
