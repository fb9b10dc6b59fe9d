"""Sentences on an adaptation: what was kept, by how much it helps, and for whom."""

import math
from collections.abc import Iterator

from affuse.fuse.adaptation.adaptation import Adaptation, AdaptedRating
from affuse.fuse.adaptation.held_out_figures import LEVEL, HeldOutFigures
from affuse.fuse.wording import count, figure

HOW = {
    "affine": "by offset and gain",
    "regression": "by ridge regression on predictions and codes",
}
INTERVALS = (
    "; intervals of adapted ratings are for clips like those that the user rated"
)


def describe(adaptation: Adaptation) -> Iterator[str]:
    """Yield one sentence for each rating, then notes on what the figures mean.

    Args:
        adaptation: of a model
    """
    for name, rating in adaptation.ratings.items():
        yield f"{name}: {_outcome(rating)}"
    figures = [r.figures for r in adaptation.ratings.values() if r.figures is not None]
    if any(each.unit == "clip" for each in figures):
        yield (
            "Clips were held out, not speakers, because fewer than five speakers are "
            "named: for speakers who were not rated, the adaptation may help less"
        )


def summarise(adaptation: Adaptation) -> str:
    """Return one sentence that outputs of the adapted model state; "" if none is kept.

    Args:
        adaptation: of the model
    """
    parts = [
        f"{name} {HOW[rating.map.kind]} ({_change(rating.figures)})"
        for name, rating in adaptation.ratings.items()
        if rating.kept and rating.figures is not None
    ]
    others = [name for name in adaptation.targets if name not in adaptation.kept]
    if not parts:
        return ""
    rest = f"; not adapted: {', '.join(others)}" if others else ""
    bounds = INTERVALS if adaptation.has_intervals else ""
    return f"adapted to ratings of a user: {', '.join(parts)}{rest}{bounds}"


def _outcome(rating: AdaptedRating) -> str:
    """Return what was done with one rating, and its figures."""
    if rating.figures is None:
        return f"not adapted: {rating.reason}"
    change = _change(rating.figures)
    if not rating.kept:
        return f"not adapted: {rating.reason} ({change})"
    return f"adapted {HOW[rating.map.kind]}{_line(rating)} ({change})"


def _line(rating: AdaptedRating) -> str:
    """Return gain and offset in words; "" for a ridge regression."""
    if rating.map.kind != "affine":
        return ""
    offset = figure(rating.map.line.offset, digits=2, sign=True)
    return f": gain {rating.map.line.slope:.2f}, offset {offset}"


def _change(figures: HeldOutFigures) -> str:
    """Return the change of the CCC on held-out clips, with its interval."""
    low, high = figures.improvement.low, figures.improvement.high
    bounds = (figure(bound, digits=2, sign=True) for bound in (low, high))
    interval = "unknown" if math.isnan(low) else " to ".join(bounds)
    held = count(figures.clips, "held-out clip")
    people = f" of {count(figures.groups, 'speaker')}" * (figures.unit == "speaker")
    return (
        f"CCC of {held}{people} {figure(figures.before.value, digits=2)} → "
        f"{figure(figures.after.value, digits=2)}; change "
        f"{figure(figures.improvement.value, digits=2, sign=True)}, {LEVEL:.0%} "
        f"interval {interval}; RMSE {figure(figures.rmse_before, digits=2)} → "
        f"{figure(figures.rmse_after, digits=2)}"
    )
