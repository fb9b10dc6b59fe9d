"""What validation parts teach about predictions: a map, and the width of intervals.

Predictions here are means over the seeds of one fold. Nothing of a test part is at
hand: `fit` is given validation parts alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.errors import AffuseError
from affuse.fuse.calibration.conformal import Width, needed
from affuse.fuse.calibration.conformal import fit as fit_width
from affuse.fuse.scoring.affine import AffineMap, concordant, least_squares, left_out
from affuse.fuse.trained.fold_predictions import PredictedPart

BY = ("auto", "utterance", "speaker")  # what is taken as exchangeable
SCALE = (-1.0, 1.0)  # of ratings


@dataclass(frozen=True)
class Calibration:
    """Of one rating in one fold."""

    map: AffineMap  # of the highest CCC
    centre: AffineMap  # of the least error: of the interval, which is narrower for it
    width: Width
    utterances: int  # that it was learnt from
    groups: int  # of them, taken as exchangeable

    def mapped(self, predicted: np.ndarray, *, clip: bool = False) -> np.ndarray:
        """Return predictions after the map of the highest CCC.

        Args:
            predicted: (n,) means over seeds
            clip: to the scale; `bounds` must be asked with the same value, or a mapped
                prediction may lie outside its interval

        Returns:
            (n,)
        """
        mapped = self.map(predicted)
        return np.clip(mapped, *SCALE) if clip else mapped

    def beyond(self, predicted: np.ndarray) -> np.ndarray:
        """Return (n,) True where the map alone leaves the scale."""
        return np.asarray(np.abs(self.map(predicted)) > SCALE[1])

    def bounds(
        self, predicted: np.ndarray, spread: np.ndarray, *, clip: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The interval of each utterance; it always holds the mapped prediction.

        Args:
            predicted: (n,) means over seeds
            spread: (n,) deviations over seeds
            clip: to the scale, which loses nothing where no rating lies outside

        Returns:
            (n,) low, (n,) high
        """
        half, centre = self.width(spread), self.centre(predicted)
        mapped = self.mapped(predicted)
        low, high = np.minimum(centre - half, mapped), np.maximum(centre + half, mapped)
        if clip:
            return np.clip(low, *SCALE), np.clip(high, *SCALE)
        return low, high


@dataclass(frozen=True)
class Calibrations:
    """Of all ratings in all folds of a run."""

    level: float
    by: str  # "utterance" or "speaker"
    clip: bool  # mapped predictions and bounds, to the scale
    seeds: tuple[int, ...]  # whose means are calibrated
    targets: tuple[str, ...]
    folds: Mapping[str, tuple[Calibration, ...]]  # one a target


def fit(
    parts: Sequence[PredictedPart],
    *,
    targets: Sequence[str],
    seeds: Sequence[int],
    level: float = 0.9,
    by: str = "auto",
    clip: bool = True,
) -> Calibrations:
    """Learn a map and a width for each rating of each fold.

    Args:
        parts: the validation part of every fold
        targets: names of the ratings
        seeds: of the models
        level: share of ratings that intervals shall hold
        by: of BY; "auto" is speakers if every part has enough of them, else utterances
        clip: mapped predictions and intervals to the scale

    Raises:
        AffuseError: if the level is no share, or there is too little for it
    """
    if not 0 < level < 1 or by not in BY:
        raise AffuseError(
            f"level={level}, by={by!r}: the level must lie between 0 and 1, and what "
            f"is exchangeable be one of {', '.join(BY)}"
        )
    if by == "auto":
        enough = all(speakers(part) >= needed(level) for part in parts)
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


def speakers(part: PredictedPart) -> int:
    """Known speakers of a part; 0 if one of them is unknown."""
    names = set(part.speakers)
    return 0 if "" in names else len(names)


def _demand(parts: Sequence[PredictedPart], level: float, by: str) -> None:
    """Refuse parts from which no finite interval follows."""
    for part in parts:
        found = speakers(part) if by == "speaker" else len(part.ids)
        if found < needed(level):
            remedy = "or --by utterance" if by == "speaker" else "or more data"
            raise AffuseError(
                f"fold '{part.fold}' has {found} known {by}s to validate on, and an "
                f"interval of level {level:g} takes {needed(level)}; choose a lower "
                f"level, {remedy}"
            )


def _fold(part: PredictedPart, level: float, by: str) -> tuple[Calibration, ...]:
    """One calibration a rating."""
    groups = part.groups if by == "speaker" else np.arange(len(part.ids))
    mean, spread = part.mean, part.spread
    found = []
    for k in range(mean.shape[1]):
        truth, said = part.truth[:, k], mean[:, k]
        found.append(
            Calibration(
                map=concordant(truth, said),
                centre=least_squares(truth, said),
                width=fit_width(left_out(truth, said), spread[:, k], groups, level),
                utterances=len(truth),
                groups=int(groups.max()) + 1,
            )
        )
    return tuple(found)
