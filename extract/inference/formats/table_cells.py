"""Cells of the table of predictions for people: ratings, times and names."""

from affuse.data.terminal import printable
from affuse.extract.inference.predicted_segments import (
    PredictedRating,
    PredictedSegment,
)
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.recording_names import ELLIPSIS, RecordingNames
from affuse.fuse.wording import figure

UNKNOWN = (-1.0, 1.0)  # scale of the table if that of the training data is not known
TIME = 13  # characters of a span, as in 3592.5-3600.5
WORDS = 18  # characters of the column of emotion words
SPEAKER = 10  # most characters of a speaker
NAME = 11  # least number of characters of the column of names
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


class TableCells:
    """Cells of one table, in columns whose widths depend on the model.

    Args:
        columns: of the output, of which some are optional
        width: of the page in characters; the column of names takes the rest of it
    """

    def __init__(self, columns: PredictionColumns, width: int):
        self.facts = facts = columns.facts
        self.scale = facts.scale or UNKNOWN
        low, high = self.scale
        self.digits = 2 if high - low <= 20 else 1
        interval = None if facts.level is None else (-0.5, -0.5)
        # Only values near the ends of the scale may need a wider cell.
        common = (PredictedRating(x, 0.5, x, interval) for x in (-0.5, 0.5))
        widths = (len(self.rating(rating)) for rating in common)
        self.rating_width = max(*widths, *map(len, facts.targets))
        rest = TIME + 2 + len(facts.targets) * (self.rating_width + 2)
        rest += 3 if columns.channels else 0
        rest += SPEAKER + 2 if columns.speakers else 0
        self.words_below = columns.words and rest + NAME + WORDS + 2 > width
        rest += WORDS + 2 if columns.words and not self.words_below else 0
        self.names = RecordingNames(max(NAME, width - rest))

    def rating(self, rating: PredictedRating) -> str:
        """Return a value with its interval, or with its deviation over models.

        Args:
            rating: on [-1, 1], which is shown on the scale of the training data
        """
        low, high = self.scale
        middle, half = (low + high) / 2, (high - low) / 2
        if rating.calibrated is not None and rating.interval is not None:
            bounds = (
                figure(middle + half * bound, digits=self.digits - 1)
                for bound in rating.interval
            )
            value = figure(middle + half * rating.calibrated, digits=self.digits)
            return f"{value} [{', '.join(bounds)}]"
        value = figure(middle + half * rating.value, digits=self.digits)
        if self.facts.models == 1:
            return value
        return f"{value} {PLUS_MINUS}{figure(half * rating.spread, digits=self.digits)}"

    def name(self, segment: PredictedSegment) -> str:
        """Return the name of the recording, or the beginning of a text alone.

        Args:
            segment: of the row
        """
        if segment.file:
            return self.names.fit(segment.file)
        text = printable(segment.text or "")
        room = self.names.width - 2
        return f'"{text if len(text) <= room else text[: room - 1] + ELLIPSIS}"'


def speaker(segment: PredictedSegment) -> str:
    """Return the speaker of a segment, shortened to the width of the column.

    Args:
        segment: of a recording
    """
    name = printable(segment.speaker)
    return name if len(name) <= SPEAKER else name[: SPEAKER - 1] + ELLIPSIS


def span(segment: PredictedSegment) -> str:
    """Return the span of a segment in seconds; "" without a recording.

    Args:
        segment: of a recording

    Examples:
        >>> span(PredictedSegment("a.wav", 4.0, 12.25))
        '4-12.2'
    """
    if segment.start is None:
        return ""
    end = "" if segment.end is None else _seconds(segment.end)
    return f"{_seconds(segment.start)}-{end}"


def _seconds(time: float) -> str:
    """Return seconds with one decimal place, or none for whole seconds."""
    return f"{time:.1f}".removesuffix(".0")
