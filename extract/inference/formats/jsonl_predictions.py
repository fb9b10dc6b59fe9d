"""JSON lines of predictions: one object for each segment."""

from collections.abc import Iterable, Iterator, Sequence

from affuse.extract.inference.formats.json_lines import json_line, rounded
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import WIDTH


def render(
    columns: PredictionColumns,
    recordings: Iterable[Sequence[PredictedSegment]],
    *,
    width: int = WIDTH,
) -> Iterator[str]:
    """Yield an empty text, the lines of each recording, and an empty text.

    The names of the objects are the columns of the format csv. An unknown value is
    null.

    Args:
        columns: of the objects
        recordings: segments of each recording
        width: not used, because lines may be of any length
    """
    yield ""
    for segments in recordings:
        lines = (json_line(rounded(cells)) for cells in columns.all_cells(segments))
        yield "".join(f"{line}\n" for line in lines)
    yield ""
