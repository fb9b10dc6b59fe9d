"""CCC, RMSE, coverage and width of calibrated predictions on the test parts.

Calibrations are fitted elsewhere, on validation parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.scoring.metrics import ccc, rmse
from affuse.fuse.trained.fold_predictions import PredictedPart


@dataclass(frozen=True)
class CalibrationScores:
    """Figures of one rating on the test parts; CCC and RMSE are means over folds."""

    single: float  # CCC of one model, averaged over seeds, as the report prints it
    together: float  # CCC of the predictions averaged over seeds
    mapped: float  # CCC of these averages after the map
    rmse: float  # RMSE of the averages before the map
    rmse_mapped: float
    coverage: float  # share of all test utterances inside their intervals
    width: float  # mean width of all intervals, in units of the scale [-1, 1]
    by_speaker: Mapping[str, float]  # coverage of each known speaker
    growing: int  # number of folds whose intervals grow with the spread over seeds
    beyond: int = 0  # number of mapped predictions clipped to the end of the scale


@dataclass(frozen=True)
class CalibratedFold:
    """Calibrated predictions of one fold for one rating, and the human ratings."""

    fold: str
    truth: np.ndarray  # (n,)
    each: np.ndarray  # (seeds, n) predictions before calibration
    mean: np.ndarray  # (n,) mean over seeds
    spread: np.ndarray  # (n,) standard deviation over seeds
    mapped: np.ndarray  # (n,)
    low: np.ndarray  # (n,)
    high: np.ndarray  # (n,)
    speakers: tuple[str, ...]
    beyond: int = 0  # number of mapped predictions clipped to the end of the scale

    @property
    def inside(self) -> np.ndarray:
        """(n,) booleans: True where the interval contains the rating."""
        return (self.low <= self.truth) & (self.truth <= self.high)


def apply(
    parts: Sequence[PredictedPart], calibrations: Calibrations
) -> dict[str, tuple[CalibratedFold, ...]]:
    """Return the calibrated predictions of every rating and fold.

    Args:
        parts: one part of every fold
        calibrations: calibrations of the run

    Returns:
        {rating: one entry per part}
    """
    calibrated: dict[str, tuple[CalibratedFold, ...]] = {}
    for k, target in enumerate(calibrations.targets):
        calibrated[target] = tuple(_calibrated(part, calibrations, k) for part in parts)
    return calibrated


def _calibrated(
    part: PredictedPart, calibrations: Calibrations, k: int
) -> CalibratedFold:
    """Return the calibrated predictions of one fold for the rating at index `k`."""
    calibration = calibrations.folds[part.fold][k]
    mean, spread = part.mean[:, k], part.spread[:, k]
    low, high = calibration.bounds(mean, spread, clip=calibrations.clip)
    return CalibratedFold(
        fold=part.fold,
        truth=part.truth[:, k],
        each=part.predicted[:, :, k],
        mean=mean,
        spread=spread,
        mapped=calibration.map_predictions(mean, clip=calibrations.clip),
        low=low,
        high=high,
        speakers=part.speakers,
        beyond=int(calibration.is_beyond_scale(mean).sum()) if calibrations.clip else 0,
    )


def measure(
    calibrated: Mapping[str, Sequence[CalibratedFold]], calibrations: Calibrations
) -> dict[str, CalibrationScores]:
    """Return the figures of every rating on the test parts.

    Args:
        calibrated: calibrated predictions for the test parts, from `apply`
        calibrations: calibrations of the run
    """
    growing = [
        sum(each[k].width.weight > 0 for each in calibrations.folds.values())
        for k in range(len(calibrations.targets))
    ]
    return {
        target: _measured(calibrated[target], grown)
        for target, grown in zip(calibrations.targets, growing, strict=True)
    }


def _measured(folds: Sequence[CalibratedFold], growing: int) -> CalibrationScores:
    """Return the figures of one rating over all folds."""
    inside = np.concatenate([fold.inside for fold in folds])
    wide = np.concatenate([fold.high - fold.low for fold in folds])
    single = [np.mean([ccc(f.truth, seed) for seed in f.each]) for f in folds]
    return CalibrationScores(
        single=float(np.mean(single)),
        together=float(np.mean([ccc(f.truth, f.mean) for f in folds])),
        mapped=float(np.mean([ccc(f.truth, f.mapped) for f in folds])),
        rmse=float(np.mean([rmse(f.truth, f.mean) for f in folds])),
        rmse_mapped=float(np.mean([rmse(f.truth, f.mapped) for f in folds])),
        coverage=float(inside.mean()),
        width=float(wide.mean()),
        by_speaker=_by_speaker(folds),
        growing=growing,
        beyond=sum(f.beyond for f in folds),
    )


def _by_speaker(folds: Sequence[CalibratedFold]) -> dict[str, float]:
    """Return the coverage of every known speaker, sorted by name."""
    inside: dict[str, list[bool]] = {}
    for fold in folds:
        for speaker, flag in zip(fold.speakers, fold.inside.tolist(), strict=True):
            if speaker:
                inside.setdefault(speaker, []).append(flag)
    return {name: float(np.mean(flags)) for name, flags in sorted(inside.items())}
