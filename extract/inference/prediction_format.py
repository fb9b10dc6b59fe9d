"""Interface of a format of predictions, and its import by name."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, cast

from affuse.data.plugin_kinds import PREDICTION_FORMAT_KIND
from affuse.data.plugins import load
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_columns import PredictionColumns

WIDTH = 80  # columns of a page


class PredictionFormat(Protocol):
    """Module that renders predictions in one format."""

    def render(
        self,
        columns: PredictionColumns,
        recordings: Iterable[Sequence[PredictedSegment]],
        *,
        width: int,
    ) -> Iterator[str]:
        """Yield a text before the recordings, one for each of them, and one after them.

        The texts concatenate to the output. The first and the last text may be empty.
        Each recording is taken from `recordings` when its text is needed, so an output
        of any length needs little memory. A format escapes the names and transcripts,
        which may be untrusted.

        Args:
            columns: of the output, with the facts on the model
            recordings: segments of each recording, in the order of the output
            width: of the page in columns, for formats with a limited line length
        """


def load_prediction_format(name: str) -> PredictionFormat:
    """Return the module of a format.

    Args:
        name: of the format

    Raises:
        AffuseError: if there is no such format; the error lists the choices
    """
    return cast(PredictionFormat, load(PREDICTION_FORMAT_KIND, name))
