"""CSV table of predictions, with one row for each segment."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from affuse.data.reading.corpus_csv import cell
from affuse.extract.inference.predicted_segments import Cell, PredictedSegment
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import WIDTH


def render(
    columns: PredictionColumns,
    recordings: Iterable[Sequence[PredictedSegment]],
    *,
    width: int = WIDTH,
) -> Iterator[str]:
    """Yield the header line, the rows of each recording, and an empty text.

    Ratings have six decimal places. `affuse.data.reading.corpus_csv.cell` escapes text,
    so that no cell is a formula.

    Args:
        columns: of the table
        recordings: segments of each recording
        width: not used, because lines may be of any length
    """
    yield _lines([columns.names])
    figures = set(columns.numbers)
    for segments in recordings:
        yield _lines(
            [_cell(value, name in figures) for name, value in cells.items()]
            for cells in columns.all_cells(segments)
        )
    yield ""


def _cell(value: Cell, is_figure: bool) -> object:
    """Return the content of a cell, which is empty if the value is unknown."""
    if isinstance(value, float):
        # Adding 0 turns a negative zero into 0.
        return f"{round(value, 6) + 0.0:.6f}" if is_figure else f"{value:.10g}"
    return cell(value)


def _lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as lines of CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
