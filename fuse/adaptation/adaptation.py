"""Adaptation of a model to the ratings of a user: records, and their application."""

from dataclasses import dataclass

import numpy as np

from affuse.data.errors import AffuseError
from affuse.fuse.adaptation.clip_inputs import ClipInputs
from affuse.fuse.adaptation.held_out_figures import HeldOutFigures
from affuse.fuse.adaptation.rating_maps import SCALE, RatingMap
from affuse.fuse.calibration.conformal import Width


@dataclass(frozen=True)
class AdaptedRating:
    """Map of one rating, the width of its intervals, and why it was kept or not."""

    map: RatingMap  # of kind "none" if no adaptation was kept
    width: Width | None = None  # of intervals of the user's ratings; None: no intervals
    figures: HeldOutFigures | None = None  # None if nothing was tried
    reason: str = ""  # why no adaptation was kept; "" if one was

    @property
    def kept(self) -> bool:
        """True if the adaptation changes the predictions."""
        return self.map.kind != "none"


@dataclass(frozen=True)
class Adaptation:
    """Adaptation of all ratings of a model."""

    level: float  # share of the user's ratings in the intervals
    size: int  # of the codes of the model; 0 without codes
    ratings: dict[str, AdaptedRating]  # by name, in the order of the predictions

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the predicted ratings, in order of columns."""
        return tuple(self.ratings)

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the ratings whose adaptation was kept."""
        return tuple(name for name, each in self.ratings.items() if each.kept)

    @property
    def has_intervals(self) -> bool:
        """True if an adapted rating has intervals."""
        return any(each.width is not None for each in self.ratings.values())

    @property
    def needs_codes(self) -> bool:
        """True if `apply` uses codes."""
        return any(each.map.ridge is not None for each in self.ratings.values())


@dataclass(frozen=True)
class AdaptedPredictions:
    """Predictions after an adaptation, on [-1, 1]."""

    mean: np.ndarray  # (n, targets); unchanged for ratings that are not adapted
    spread: np.ndarray  # (n, targets), standard deviations over models
    low: np.ndarray  # (n, targets) of the intervals; NaN for ratings without
    high: np.ndarray  # (n, targets) of the intervals; NaN for ratings without
    clipped: int  # number of adapted values that were clipped to the scale
    without_codes: int  # number of clips adapted by offset and gain for lack of codes


def apply(
    adaptation: Adaptation, inputs: ClipInputs, spread: np.ndarray
) -> AdaptedPredictions:
    """Return adapted predictions, with the intervals of the user's ratings.

    An adapted rating is clipped to the scale. Its spread is multiplied by the gain,
    also for a ridge regression, which has no spread of its own. The intervals of the
    model's own calibration no longer apply to an adapted rating: they describe the
    raters of the training data. They are replaced by intervals from the errors on
    held-out clips. A clip without codes is adapted by offset and gain.

    Args:
        adaptation: of the model
        inputs: predictions of n clips, with codes if the adaptation needs them
        spread: (n, targets) standard deviations over models

    Raises:
        AffuseError: if the predictions or codes are of another model
    """
    _demand_same_model(adaptation, inputs)
    mean, wide = inputs.mean.copy(), spread.copy()
    low, high = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    clipped = 0
    for k, rating in enumerate(adaptation.ratings.values()):
        if not rating.kept:
            continue
        mean[:, k] = rating.map(inputs, k)
        clipped += int((np.abs(rating.map.unclipped(inputs, k)) > SCALE[1]).sum())
        wide[:, k] *= rating.map.line.slope
        if rating.width is not None:
            half = rating.width(wide[:, k])
            low[:, k] = np.clip(mean[:, k] - half, *SCALE)
            high[:, k] = np.clip(mean[:, k] + half, *SCALE)
    lacking = int((~inputs.has_codes).sum()) if adaptation.needs_codes else 0
    return AdaptedPredictions(mean, wide, low, high, clipped, lacking)


def _demand_same_model(adaptation: Adaptation, inputs: ClipInputs) -> None:
    """Raise an error if predictions or codes differ in size from those of the fit."""
    targets = inputs.mean.shape[1]
    if targets != len(adaptation.targets):
        raise AffuseError(
            f"the adaptation is for {len(adaptation.targets)} ratings "
            f"({', '.join(adaptation.targets)}), and the model predicts {targets}; "
            f"adapt the model again"
        )
    size = 0 if inputs.codes is None else inputs.codes.shape[1]
    if adaptation.needs_codes and size and size != adaptation.size:
        raise AffuseError(
            f"the adaptation was fitted to codes of size {adaptation.size}, and those "
            f"of the model have size {size}; adapt the model again"
        )
