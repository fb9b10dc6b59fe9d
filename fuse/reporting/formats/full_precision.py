"""Figures at full precision, for the formats that programs read."""

import math
from typing import Any

from affuse.fuse.reporting.table_records import Versus, is_known
from affuse.fuse.scoring.intervals import Interval

BOUNDS = ("", "_low", "_high")  # suffixes to the name of a figure
PARTS = ("correlation", "bias", "scale", "location")  # factors and shifts of a CCC


def comparison_cells(versus: Versus) -> dict[str, Any]:
    """Return the cells of a comparison by column.

    Args:
        versus: comparison of a row
    """
    return {
        "versus": versus.name,
        **figure_cells("difference", versus.difference),
        "p": finite_or_none(versus.p),
        "p_holm": finite_or_none(versus.adjusted),
        "verdict": versus.verdict,
        "not_marked_because": versus.reason,
        "compared_utterances": versus.utterances or None,
    }


def figure_cells(name: str, interval: Interval) -> dict[str, Any]:
    """Return a figure and its bounds as three cells by column.

    Args:
        name: of the figure
        interval: the figure with its bounds
    """
    return {
        name + bound: value
        for bound, value in zip(BOUNDS, with_bounds(interval).values(), strict=True)
    }


def finite_or_none(value: float) -> float | None:
    """Return None for NaN, which JSON lacks and a CSV reader may take for text.

    Args:
        value: any number
    """
    return value if math.isfinite(value) else None


def with_bounds(interval: Interval) -> dict[str, float | None]:
    """Return a figure and its bounds; bounds are None if the interval is unknown.

    Args:
        interval: the figure with its bounds
    """
    has_bounds = is_known(interval)
    return {
        "value": finite_or_none(interval.value),
        "low": interval.low if has_bounds else None,
        "high": interval.high if has_bounds else None,
    }
