"""Text of the matrix for human readers, as blocks of a table."""

from collections.abc import Callable, Iterator
from functools import partial

from affuse.fuse.reporting.matrix_notes import WITHIN
from affuse.fuse.reporting.matrix_records import MatrixCell, MatrixTable
from affuse.fuse.reporting.table_records import TableBlock, bounds
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.wording import figure


def matrix_blocks(table: MatrixTable) -> Iterator[TableBlock]:
    """Yield the mean CCC, the CCC of each rating, and the numbers of utterances.

    Args:
        table: the matrix
    """
    yield _block(table, "mean CCC of the ratings", _mean)
    for target in table.targets:
        yield _block(table, f"CCC of {target}", partial(_rating, target=target))
    yield _block(table, "test utterances", _utterances)


def _block(
    table: MatrixTable, heading: str, text: Callable[[MatrixCell], str]
) -> TableBlock:
    """Return one block; cells without a figure are empty."""
    columns = table.columns_of_matrix
    return TableBlock(
        heading=heading,
        heads=("training set: design", *(column.name for column in columns)),
        lines=tuple(
            (
                row.name,
                *(
                    text(row.cells[column.corpus]) if column.corpus in row.cells else ""
                    for column in columns
                ),
            )
            for row in table.rows_of_matrix
        ),
    )


def _mean(cell: MatrixCell) -> str:
    """Return the mean CCC with its interval and the mark of a comparison."""
    text = _figure(cell, cell.estimate.mean)
    return f"{text} {cell.versus.mark}".rstrip() if cell.versus else text


def _rating(cell: MatrixCell, target: str) -> str:
    """Return the CCC of a rating with its interval, or "" without that rating."""
    ratings = cell.estimate.ratings
    return _figure(cell, ratings[target]) if target in ratings else ""


def _utterances(cell: MatrixCell) -> str:
    """Return the number of scored utterances."""
    return f"{cell.estimate.utterances:,}"


def _figure(cell: MatrixCell, interval: Interval) -> str:
    """Return a figure with its interval, and the mark of a cross-validated one."""
    words = (figure(interval.value), bounds(interval), WITHIN * cell.within)
    return " ".join(word for word in words if word)
