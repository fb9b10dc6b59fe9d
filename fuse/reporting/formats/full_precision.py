"""Figures at full precision, as the formats for programs share them."""

import math
from typing import Any

from affuse.fuse.reporting.table_records import Versus, is_known
from affuse.fuse.scoring.intervals import Interval

BOUNDS = ("", "_low", "_high")  # after the name of a figure
PARTS = ("correlation", "bias", "scale", "location")  # of a CCC, after a rating


def difference(versus: Versus) -> dict[str, Any]:
    """Return a comparison as cells, by column."""
    return {
        "versus": versus.name,
        **spread("difference", versus.difference),
        "p": finite(versus.p),
        "p_holm": finite(versus.adjusted),
        "verdict": versus.verdict,
        "not_marked_because": versus.reason,
    }


def spread(name: str, interval: Interval) -> dict[str, Any]:
    """Return a figure and its bounds as three cells, by column."""
    return {
        name + bound: value
        for bound, value in zip(BOUNDS, with_bounds(interval).values(), strict=True)
    }


def finite(value: float) -> float | None:
    """Return None for nan, which JSON lacks and a reader of CSV may take for text."""
    return value if math.isfinite(value) else None


def with_bounds(interval: Interval) -> dict[str, float | None]:
    """Return a figure and its bounds; None where the interval is not known."""
    known = is_known(interval)
    return {
        "value": finite(interval.value),
        "low": interval.low if known else None,
        "high": interval.high if known else None,
    }
