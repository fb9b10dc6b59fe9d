"""JSON document of predictions, with the facts on the model before them."""

from collections.abc import Iterable, Iterator, Sequence

from affuse.extract.inference.formats.json_lines import json_line, rounded
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_columns import (
    PredictionColumns,
    describe_model,
)
from affuse.extract.inference.prediction_format import WIDTH

FORMAT = 1  # version of the JSON structure


def render(
    columns: PredictionColumns,
    recordings: Iterable[Sequence[PredictedSegment]],
    *,
    width: int = WIDTH,
) -> Iterator[str]:
    """Yield the facts on the model, the objects of each recording, and the end.

    Each segment is an object on a line of its own in the list ``predictions``. The
    names in it are the columns of the format csv. An unknown value is null.

    Args:
        columns: of the objects
        recordings: segments of each recording
        width: not used, because lines may be of any length
    """
    model = json_line(describe_model(columns.facts))
    yield f'{{"format": {FORMAT},\n"model": {model},\n"predictions": ['
    separator = "\n"
    for segments in recordings:
        text = ""
        for cells in columns.all_cells(segments):
            text += separator + json_line(rounded(cells))
            separator = ",\n"
        yield text
    yield "\n]}\n"
