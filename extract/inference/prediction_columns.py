"""Columns of predictions of recordings and texts, equal in all formats for programs.

======================= ===============================================================
``file``                recording as the user named it; empty for a text alone
``start``, ``end``      seconds in that file; empty without a recording
``channel``             counted from 1; only if channels are predicted separately
``speaker``             who talks longest in the segment; only if speakers are given
``text``                transcript as the user gave it, or as it was recognised
``valence``             mean over the models, on [-1, 1]; every rating has such columns
``valence_deviation``   standard deviation over the models; 0 for a single model
``valence_calibrated``  with ``valence_low`` and ``valence_high``: calibrated value and
                        interval; only if the model is calibrated
``valence_1_to_5``      each of these columns on the scale of the training data; the
                        name states the scale; missing if the scale is not known
``words``               nearest emotion words, if asked for
``model``               name of the model, and the beginning of its digest
``trained_on_ratings``  kind of the ratings the model was trained on: ``human``,
                        ``synthetic`` or ``proxy``
``notes``               changes to the input, such as resampling
``reason``              why there is no prediction; empty if there is one
======================= ===============================================================

The names and the arithmetic of ratings are those of
`affuse.fuse.commands.prediction_table`. A cell is empty, or null, if its value is
unknown. Read columns by name; others may be added.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from affuse.data.rating_scales import DIRECTIONS
from affuse.data.scale_columns import SPREAD, scaled_columns, scaled_name
from affuse.data.system.environment import version
from affuse.extract.inference.emotion_words import nearest_words
from affuse.extract.inference.predicted_segments import (
    Cell,
    ModelFacts,
    PredictedSegment,
)

NATURES = {  # {kind of ratings: sentence that each output for people states}
    "human": "",
    "synthetic": "The model was trained on synthetic speech, so its predictions are no "
    "result on people",
    "proxy": "The model was trained on proxy ratings, which a program computed: nobody "
    "rated these utterances on these scales",
}


@dataclass(frozen=True)
class PredictionColumns:
    """Columns of one output, and the cells of segments in them."""

    facts: ModelFacts
    channels: bool = False  # True to state the channel of each segment
    speakers: bool = False  # True to state the speaker of each segment
    words: bool = False  # True to add the nearest emotion words

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in their order."""
        place = ("file", "start", "end", *(("channel",) if self.channels else ()))
        place += ("speaker",) if self.speakers else ()
        words = ("words",) if self.words else ()
        last = ("model", "trained_on_ratings", "notes", "reason")
        return (*place, "text", *self.numbers, *words, *last)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns of ratings: on [-1, 1], then on the training scale."""
        calibrated = (
            () if self.facts.level is None else ("_calibrated", "_low", "_high")
        )
        ends = ("", SPREAD, *calibrated)
        names = tuple(name + end for end in ends for name in self.facts.targets)
        if self.facts.scale is None:
            return names
        return (*names, *(scaled_name(name, self.facts.scale) for name in names))

    def cells(self, segment: PredictedSegment) -> dict[str, Cell]:
        """Return the cells of one segment.

        Args:
            segment: of this model

        Returns:
            {column: text or number}, in the order of the columns; None if unknown
        """
        figures = dict(_figures(segment))
        if self.facts.scale is not None:
            figures |= scaled_columns(figures, self.facts.scale)
        values: dict[str, Cell] = {
            "file": segment.file,
            "start": segment.start,
            "end": segment.end,
            "channel": segment.channel,
            "speaker": segment.speaker,
            "text": segment.text,
            **figures,
            "model": self.facts.identity,
            "trained_on_ratings": self.facts.nature,
            "notes": "; ".join(segment.notes),
            "reason": segment.reason,
        }
        if self.words:
            values["words"] = ", ".join(nearest_words(best_values(segment)))
        return {name: values.get(name) for name in self.names}

    def all_cells(
        self, segments: Sequence[PredictedSegment]
    ) -> Iterator[dict[str, Cell]]:
        """Yield the cells of each segment; see `cells`."""
        return map(self.cells, segments)


def _figures(segment: PredictedSegment) -> Iterator[tuple[str, float]]:
    """Yield the name and the value of each known column of ratings on [-1, 1]."""
    for name, rating in segment.ratings.items():
        low, high = rating.interval or (None, None)
        for end, value in (
            ("", rating.value),
            (SPREAD, rating.spread),
            ("_calibrated", rating.calibrated),
            ("_low", low),
            ("_high", high),
        ):
            if value is not None and math.isfinite(value):
                yield name + end, float(value)


def best_values(segment: PredictedSegment) -> dict[str, float]:
    """Return the calibrated value of each rating, or its mean if not calibrated.

    Args:
        segment: of which ratings that are not finite are left out

    Returns:
        {rating: value on [-1, 1]}
    """
    pairs = (
        (name, rating.value if rating.calibrated is None else rating.calibrated)
        for name, rating in segment.ratings.items()
    )
    return {name: float(value) for name, value in pairs if math.isfinite(value)}


def describe_model(facts: ModelFacts) -> dict[str, object]:
    """Return the facts on a model that a JSON output states, as plain values.

    Args:
        facts: on the model

    Returns:
        name, digest, training corpus, kind of its ratings, scale, number of models,
        level of the intervals, adaptation, and the direction of each rating
    """
    return {
        "name": facts.name,
        "digest": facts.digest or None,
        "corpus": facts.corpus or None,
        "trained_on_ratings": facts.nature,
        "caution": NATURES.get(facts.nature) or None,
        "scale": None if facts.scale is None else list(facts.scale),
        "models": facts.models,
        "interval_level": facts.level,
        "adaptation": facts.adaptation or None,
        "ratings": {
            name: dict(zip(("lowest", "highest"), DIRECTIONS[name], strict=True))
            | {"range": [-1, 1]}
            for name in facts.targets
        },
        "affuse": version(),
    }
