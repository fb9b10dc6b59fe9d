"""Fit of calibration maps and interval widths on the validation parts of a run.

Predictions are means over the seeds of one fold. `fit` takes validation parts only, so
no test part has an influence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.errors import AffuseError
from affuse.fuse.calibration.conformal import Width, least_count
from affuse.fuse.calibration.conformal import fit as fit_width
from affuse.fuse.scoring.affine import (
    AffineMap,
    concordant,
    least_squares,
    leave_one_out_errors,
)
from affuse.fuse.trained.fold_predictions import PredictedPart

BY = ("auto", "utterance", "speaker")  # units that are assumed to be exchangeable
SCALE = (-1.0, 1.0)  # bounds of the unified rating scale


@dataclass(frozen=True)
class Calibration:
    """Map and intervals for one rating in one fold."""

    map: AffineMap  # maximises the CCC
    centre: AffineMap  # centre of the interval; least squares make it narrower
    width: Width
    utterances: int  # number of utterances of the validation part
    groups: int  # number of exchangeable units among them

    def map_predictions(
        self, predicted: np.ndarray, *, clip: bool = False
    ) -> np.ndarray:
        """Return predictions after the map that maximises the CCC.

        Args:
            predicted: (n,) means over seeds
            clip: clip to the scale; call `bounds` with the same value, or a mapped
                prediction may lie outside its interval

        Returns:
            (n,) calibrated predictions
        """
        mapped = self.map(predicted)
        return np.clip(mapped, *SCALE) if clip else mapped

    def is_beyond_scale(self, predicted: np.ndarray) -> np.ndarray:
        """Return (n,) True where a mapped prediction lies outside the scale."""
        return np.asarray(np.abs(self.map(predicted)) > SCALE[1])

    def bounds(
        self, predicted: np.ndarray, spread: np.ndarray, *, clip: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the interval of each utterance, which contains its mapped prediction.

        Args:
            predicted: (n,) means over seeds
            spread: (n,) standard deviations over seeds
            clip: clip to the scale; coverage is unchanged if all ratings lie within it

        Returns:
            (n,) lower bounds, (n,) upper bounds
        """
        half, centre = self.width(spread), self.centre(predicted)
        mapped = self.map_predictions(predicted)
        low, high = np.minimum(centre - half, mapped), np.maximum(centre + half, mapped)
        if clip:
            return np.clip(low, *SCALE), np.clip(high, *SCALE)
        return low, high


@dataclass(frozen=True)
class Calibrations:
    """Calibrations of all ratings in all folds of a run."""

    level: float
    by: str  # "utterance" or "speaker"
    clip: bool  # clip mapped predictions and bounds to the scale
    seeds: tuple[int, ...]  # predictions are averaged over them
    targets: tuple[str, ...]
    folds: Mapping[str, tuple[Calibration, ...]]  # fold -> one calibration per target


def fit(
    parts: Sequence[PredictedPart],
    *,
    targets: Sequence[str],
    seeds: Sequence[int],
    level: float = 0.9,
    by: str = "auto",
    clip: bool = True,
) -> Calibrations:
    """Fit a map and an interval width for each rating of each fold.

    Args:
        parts: the validation part of every fold
        targets: names of the ratings
        seeds: of the models
        level: share of ratings that the intervals must contain
        by: exchangeable unit, one of BY; "auto" takes speakers if every part has
            enough of them, else utterances
        clip: clip mapped predictions and intervals to the scale

    Raises:
        AffuseError: if the level is not between 0 and 1, or if there are too few
            utterances or speakers for it
    """
    if not 0 < level < 1 or by not in BY:
        raise AffuseError(
            f"level={level}, by={by!r}: level must lie between 0 and 1, and by must be "
            f"one of {', '.join(BY)}"
        )
    if by == "auto":
        enough = all(count_speakers(part) >= least_count(level) for part in parts)
        by = "speaker" if enough else "utterance"
    _demand(parts, level, by)
    return Calibrations(
        level=level,
        by=by,
        clip=clip,
        seeds=tuple(seeds),
        targets=tuple(targets),
        folds={part.fold: _fold(part, level, by) for part in parts},
    )


def count_speakers(part: PredictedPart) -> int:
    """Return the number of speakers of a part, or 0 if a speaker is unknown."""
    names = set(part.speakers)
    return 0 if "" in names else len(names)


def _demand(parts: Sequence[PredictedPart], level: float, by: str) -> None:
    """Raise an error if a part is too small for a finite interval."""
    for part in parts:
        size = count_speakers(part) if by == "speaker" else len(part.ids)
        if size < least_count(level):
            remedy = "or --by utterance" if by == "speaker" else "or more data"
            raise AffuseError(
                f"fold '{part.fold}' has {size} known {by}s to validate on, but an "
                f"interval of level {level:g} needs {least_count(level)}; choose a "
                f"lower level, {remedy}"
            )


def _fold(part: PredictedPart, level: float, by: str) -> tuple[Calibration, ...]:
    """Return the calibrations of one fold, one for each rating."""
    groups = part.groups if by == "speaker" else np.arange(len(part.ids))
    mean, spread = part.mean, part.spread
    calibrations = []
    for k in range(mean.shape[1]):
        truth, predicted = part.truth[:, k], mean[:, k]
        errors = leave_one_out_errors(truth, predicted)
        calibrations.append(
            Calibration(
                map=concordant(truth, predicted),
                centre=least_squares(truth, predicted),
                width=fit_width(errors, spread[:, k], groups, level),
                utterances=len(truth),
                groups=int(groups.max()) + 1,
            )
        )
    return tuple(calibrations)
