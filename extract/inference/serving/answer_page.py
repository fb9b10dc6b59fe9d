"""HTML of an answer: curves, the plane, a table and a CSV file for one recording.

All texts are escaped, because names and transcripts may be hostile.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from affuse.data.rating_scales import DIRECTIONS
from affuse.data.scale_columns import Scale
from affuse.data.terminal import printable
from affuse.extract.inference.formats import csv_predictions
from affuse.extract.inference.plot_series import collect_series, plotted_point
from affuse.extract.inference.predicted_segments import ModelFacts, PredictedSegment
from affuse.extract.inference.prediction_columns import NATURES, PredictionColumns
from affuse.extract.inference.serving.curve_geometry import (
    CurvePanel,
    PlanePoint,
    SegmentArea,
    curve_panel,
    duration,
    plane_point,
    segment_areas,
    time_ticks,
)
from affuse.extract.inference.serving.serving_request import ServingAnswer
from affuse.extract.inference.trajectory_plot import UNKNOWN, describe_values

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
CSV_NAME = "ratings.csv"


@dataclass(frozen=True)
class RatingScale:
    """Name and scale of a rating, with the directions of its ends."""

    name: str
    lowest: str  # value and direction, such as "1 unpleasant"
    middle: str
    highest: str

    @property
    def sentence(self) -> str:
        """Rating with its scale, in words."""
        return f"{self.name}: from {self.lowest} to {self.highest}"


@dataclass(frozen=True)
class AnswerRow:
    """Segment in the table, with what the curves show of it."""

    time: str  # "" for a text alone
    start: float
    end: float
    text: str
    cells: tuple[str, ...]  # of each rating
    notes: str
    area: SegmentArea | None
    point: PlanePoint | None

    @property
    def summary(self) -> str:
        """Segment in words, for the cursor and for screen readers."""
        parts = [f"{self.time}: " if self.time else "", "; ".join(self.cells)]
        return "".join(parts) + (f"; “{self.text}”" if self.text else "")


def rating_scales(facts: ModelFacts) -> list[RatingScale]:
    """Return the scales of all ratings of a model.

    Args:
        facts: on the model
    """
    low, high = facts.scale or UNKNOWN
    return [
        RatingScale(
            name,
            f"{low:g} {DIRECTIONS[name][0]}",
            f"{(low + high) / 2:g}",
            f"{high:g} {DIRECTIONS[name][1]}",
        )
        for name in facts.targets
    ]


def caution(facts: ModelFacts) -> str:
    """Return the sentence that limits what predictions mean; "" for human ratings.

    Args:
        facts: on the model
    """
    sentence = NATURES.get(facts.nature, "")
    return sentence and f"{sentence}."


def render_answer(answer: ServingAnswer, facts: ModelFacts, sound: str = "") -> str:
    """Return an answer as HTML for the page.

    Args:
        answer: with predictions, or a sentence
        facts: on the model
        sound: address of the recording, relative to the page; "" for a text alone
    """
    template = _environment().get_template("answer.html")
    if not answer.segments:
        return template.render(sentence=printable(answer.sentence))
    scale = facts.scale or UNKNOWN
    (series, *_) = collect_series(answer.segments)
    segments = series.segments
    is_timed = all(each.end is not None for each in segments)
    panels: list[CurvePanel] = []
    if is_timed:
        panels = [curve_panel(series, name, scale) for name in facts.targets]
    return template.render(
        sentence="",
        scales=rating_scales(facts),
        scale_of={each.name: each for each in rating_scales(facts)},
        panels=panels,
        rows=list(_rows(segments, facts, scale, is_timed)),
        ticks=list(time_ticks(duration(segments))) if is_timed else [],
        has_plane={"valence", "arousal"} <= set(facts.targets),
        has_texts=any(each.text is not None for each in segments),
        sentences=[*describe_values(facts, with_bands=True), *answer.notes],
        sound=sound if is_timed else "",
        csv=base64.b64encode(_csv(answer, facts).encode()).decode(),
        csv_name=CSV_NAME,
    )


def _rows(
    segments: Sequence[PredictedSegment],
    facts: ModelFacts,
    scale: Scale,
    is_timed: bool,
) -> Iterator[AnswerRow]:
    """Yield the rows of all segments."""
    areas: list[SegmentArea | None] = [None] * len(segments)
    if is_timed:
        areas = [*segment_areas(segments)]
    has_plane = {"valence", "arousal"} <= set(facts.targets)
    for segment, area in zip(segments, areas, strict=True):
        start, end = segment.start or 0.0, segment.end or 0.0
        cells = (_cell(segment, name, facts, scale) for name in facts.targets)
        yield AnswerRow(
            time=f"{start:.1f}–{end:.1f} s" if is_timed else "",
            start=start,
            end=end,
            text=printable(segment.text or ""),
            cells=tuple(cells),
            notes=printable("; ".join(segment.notes)),
            area=area,
            point=plane_point(segment, scale) if has_plane else None,
        )


def _cell(
    segment: PredictedSegment, rating: str, facts: ModelFacts, scale: Scale
) -> str:
    """Return a rating in words, with its interval or deviation."""
    found = plotted_point(segment, rating, scale)
    if segment.ratings[rating].interval is not None:
        return f"{rating} {found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    if facts.models > 1:
        return f"{rating} {found.value:.2f} ± {found.high - found.value:.2f}"
    return f"{rating} {found.value:.2f}"


def _csv(answer: ServingAnswer, facts: ModelFacts) -> str:
    """Return the table that `predict --format csv` writes, of all segments."""
    assert answer.predictions is not None  # there are segments
    columns = PredictionColumns(facts)
    return "".join(csv_predictions.render(columns, [answer.predictions.segments]))


@cache
def _environment() -> "Environment":
    """Return the environment of the template, which escapes every value."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
