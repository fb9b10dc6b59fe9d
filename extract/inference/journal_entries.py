"""Entries of a journal of predictions: recordings with their segments as plain values.

`affuse.extract.inference.prediction_journal` writes them to a file and reads them.
"""

import math
from collections.abc import Mapping
from typing import Any

from affuse.data.system.schema import (
    Kind,
    ListOf,
    MapOf,
    Maybe,
    Number,
    Record,
    Text,
    Whole,
)
from affuse.extract.inference.predicted_segments import (
    PredictedRating,
    PredictedSegment,
)

ANY = Text(2**24)
FIGURES = ListOf(Maybe(Number()), least=5, most=5)
SEGMENT: Mapping[str, Kind] = {
    "file": ANY,
    "start": Maybe(Number()),
    "end": Maybe(Number()),
    "text": Maybe(ANY),
    "channel": Maybe(Whole()),
    "ratings": MapOf(FIGURES, name=Text(100)),
    "reason": ANY,
    "notes": ListOf(ANY),
}
OPTIONAL: Mapping[str, Kind] = {"speaker": ANY}  # missing in older journals
LIST = ListOf(Record(SEGMENT, OPTIONAL), most=2**30)
ENTRY = Record({"key": ANY, "stamp": ANY, "segments": LIST})


def packed(segment: PredictedSegment) -> dict[str, object]:
    """Return a segment as plain values.

    Args:
        segment: with or without a prediction
    """
    return {
        "file": segment.file,
        "start": _finite(segment.start),
        "end": _finite(segment.end),
        "text": segment.text,
        "channel": segment.channel,
        **({"speaker": segment.speaker} if segment.speaker else {}),
        "ratings": {
            name: [
                *map(_finite, (r.value, r.spread, r.calibrated)),
                *map(_finite, r.interval or (None, None)),
            ]
            for name, r in segment.ratings.items()
        },
        "reason": segment.reason,
        "notes": list(segment.notes),
    }


def unpacked(content: dict[str, Any]) -> PredictedSegment:
    """Return a segment from plain values.

    Args:
        content: as `packed` returned it
    """
    ratings = {name: _rating(*figures) for name, figures in content["ratings"].items()}
    notes = tuple(content["notes"])
    return PredictedSegment(**{**content, "ratings": ratings, "notes": notes})


def _rating(
    value: float | None,
    spread: float | None,
    calibrated: float | None,
    low: float | None,
    high: float | None,
) -> PredictedRating:
    """Return a rating from plain values; a value that is None was not finite."""
    interval = None if low is None or high is None else (low, high)
    mean, deviation = (math.nan if x is None else x for x in (value, spread))
    return PredictedRating(mean, deviation, calibrated, interval)


def _finite(value: float | None) -> float | None:
    """Return a plain number, or None if it is unknown or not finite."""
    return None if value is None or not math.isfinite(value) else float(value)
