"""How calibrated predictions do on the test parts, which nothing was learnt from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.scoring.metrics import ccc, rmse
from affuse.fuse.trained.fold_predictions import PredictedPart


@dataclass(frozen=True)
class CalibrationScores:
    """One rating on the test parts; CCC and RMSE are means over folds."""

    single: float  # CCC of one model, mean over seeds: that of the report
    together: float  # CCC of the seeds' mean
    mapped: float  # CCC of it after the map
    rmse: float  # of the seeds' mean
    rmse_mapped: float
    coverage: float  # share of all test utterances inside their intervals
    width: float  # mean over them, in units of the scale [-1, 1]
    by_speaker: Mapping[str, float]  # coverage of each known speaker
    growing: int  # folds whose intervals grow with the seeds' spread
    beyond: int = 0  # mapped predictions that were set to the end of the scale


@dataclass(frozen=True)
class CalibratedFold:
    """The calibrated predictions of one fold for one rating, and the truth."""

    fold: str
    truth: np.ndarray  # (n,)
    each: np.ndarray  # (seeds, n)
    mean: np.ndarray  # (n,) over seeds
    spread: np.ndarray  # (n,) over seeds
    mapped: np.ndarray  # (n,)
    low: np.ndarray  # (n,)
    high: np.ndarray  # (n,)
    speakers: tuple[str, ...]
    beyond: int = 0  # mapped predictions that were set to the end of the scale

    @property
    def inside(self) -> np.ndarray:
        """(n,) whether the interval holds the rating"""
        return (self.low <= self.truth) & (self.truth <= self.high)


def apply(
    parts: Sequence[PredictedPart], found: Calibrations
) -> dict[str, tuple[CalibratedFold, ...]]:
    """Calibrate every fold's part: {rating: one entry a fold}."""
    said: dict[str, tuple[CalibratedFold, ...]] = {}
    for k, target in enumerate(found.targets):
        said[target] = tuple(_said(part, found, k) for part in parts)
    return said


def _said(part: PredictedPart, found: Calibrations, k: int) -> CalibratedFold:
    calibration = found.folds[part.fold][k]
    mean, spread = part.mean[:, k], part.spread[:, k]
    low, high = calibration.bounds(mean, spread, clip=found.clip)
    return CalibratedFold(
        fold=part.fold,
        truth=part.truth[:, k],
        each=part.predicted[:, :, k],
        mean=mean,
        spread=spread,
        mapped=calibration.mapped(mean, clip=found.clip),
        low=low,
        high=high,
        speakers=part.speakers,
        beyond=int(calibration.beyond(mean).sum()) if found.clip else 0,
    )


def measure(
    said: Mapping[str, Sequence[CalibratedFold]], found: Calibrations
) -> dict[str, CalibrationScores]:
    """Figures of every rating.

    Args:
        said: what `apply` gives for the test parts
        found: what was learnt
    """
    growing = [
        sum(each[k].width.weight > 0 for each in found.folds.values())
        for k in range(len(found.targets))
    ]
    return {
        target: _measured(said[target], grown)
        for target, grown in zip(found.targets, growing, strict=True)
    }


def _measured(folds: Sequence[CalibratedFold], growing: int) -> CalibrationScores:
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
    """Coverage of every known speaker, by name."""
    inside: dict[str, list[bool]] = {}
    for fold in folds:
        for speaker, held in zip(fold.speakers, fold.inside.tolist(), strict=True):
            if speaker:
                inside.setdefault(speaker, []).append(held)
    return {name: float(np.mean(held)) for name, held in sorted(inside.items())}
