"""Predictions for tests of formats and output files, without a model."""

import dataclasses

from affuse.data.rating_scales import RATINGS
from affuse.extract.inference.predicted_segments import (
    ModelFacts,
    PredictedRating,
    PredictedSegment,
)

FACTS = ModelFacts(
    "demo-early", RATINGS, "demo", "synthetic", (1.0, 5.0), models=5, digest="0f" * 32
)
CALIBRATED = dataclasses.replace(FACTS, level=0.9)


def segment(file="a.wav", begin=0.0, values=(0.5, -0.25, 0.0), **changes):
    """Return a segment of eight seconds with equal spreads, not calibrated."""
    ratings = {
        name: PredictedRating(value, 0.125)
        for name, value in zip(RATINGS, values, strict=False)
    }
    found = PredictedSegment(file, begin, begin + 8.0, ratings=ratings)
    return dataclasses.replace(found, **changes)


def calibrated(file="a.wav", begin=0.0, values=(0.5, -0.25, 0.0)):
    """Return a segment whose intervals reach from 0.5 below to 0.25 above the value."""
    ratings = {
        name: PredictedRating(value, 0.125, value / 2, (value - 0.5, value + 0.25))
        for name, value in zip(RATINGS, values, strict=True)
    }
    return dataclasses.replace(segment(file, begin), ratings=ratings)


def failed(file="bad.wav", reason="the file is empty"):
    """Return a recording that could not be predicted."""
    return PredictedSegment(file, reason=reason)


def recordings(count=3):
    """Return recordings of one to three segments, every fourth without prediction."""
    return {
        f"folder/{k}.wav": [failed(f"folder/{k}.wav")]
        if k % 4 == 3
        else [
            segment(f"folder/{k}.wav", 4.0 * n, (k / 10, -n / 10, 1 / 3), text="so, so")
            for n in range(k % 3 + 1)
        ]
        for k in range(count)
    }
