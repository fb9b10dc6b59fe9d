"""Calibrated predictions and intervals for any utterances, from all folds of a run.

Calibrations are fitted in `affuse.fuse.calibration.calibration_fitting`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Calibrate
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.calibration.calibration_file import read
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.trained.model_set import ModelSet, RunPrediction

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalibratedPrediction:
    """Calibrated predictions of utterances, with the bounds of their intervals."""

    # {"valence_calibrated": (n,), "valence_low": ..., "valence_high": ...}, on [-1, 1]
    columns: Mapping[str, np.ndarray]
    clipped: int  # predictions outside the scale in a fold, which were clipped
    count: int  # of all predictions


def calibrated_columns(run: Path, applied: RunPrediction) -> Mapping[str, np.ndarray]:
    """Return mapped predictions of a run and the bounds of their intervals.

    A warning states how many predictions were clipped; see `calibrate`.

    Args:
        run: folder of a calibrated run
        applied: predictions of its models

    Returns:
        columns of a `CalibratedPrediction`

    Raises:
        FileNotFoundError: if the run was not calibrated
        AffuseError: if folds or seeds of the run changed after the calibration
    """
    record = read(run)
    demand_same_models(run, record, applied.folds, applied.seeds, applied.targets)
    calibrated = calibrate(record, applied)
    if calibrated.clipped:
        log.warning("%s", clipping_sentence(calibrated.clipped, calibrated.count))
    return calibrated.columns


def clipping_sentence(clipped: int, number: int) -> str:
    """Return a sentence on calibrated predictions that were outside the scale.

    Args:
        clipped: number of these predictions
        number: of all predictions
    """
    return (
        f"{clipped} of {number} calibrated predictions were outside the scale in a "
        f"fold, and were clipped to its end there"
    )


def calibrate(record: Calibrations, applied: RunPrediction) -> CalibratedPrediction:
    """Return mapped predictions and the bounds of their intervals.

    The predictions of each fold's models are averaged over seeds and calibrated on the
    validation part of that fold. Over several folds, predictions are averaged. The
    bounds are medians over folds, widened to contain that average. An interval between
    medians covers at least 1 - 2 (1 - level) if each interval covers `level` (Gasparin
    and Ramdas, 2024, majority vote); it mostly covers more than `level`. With one fold,
    the guarantee is that of the fold.

    If the calibration clips, mapped predictions and bounds are clipped to the scale
    before they are averaged.

    Args:
        record: calibrations of the models
        applied: predictions of the same models
    """
    folds = np.array(applied.folds)
    triples_by_fold = []  # mapped, low and high of each fold: (3, n, targets)
    beyond = np.zeros(applied.mean.shape, bool)
    for fold, calibrations in record.folds.items():
        predicted = applied.by_model[folds == fold]
        mean, spread = predicted.mean(axis=0), predicted.std(axis=0)
        triples = [
            (c.map_predictions(m, clip=record.clip), *c.bounds(m, s, clip=record.clip))
            for c, m, s in zip(calibrations, mean.T, spread.T, strict=True)
        ]
        triples_by_fold.append(np.array(triples).transpose(1, 2, 0))
        outside = [
            c.is_beyond_scale(m) for c, m in zip(calibrations, mean.T, strict=True)
        ]
        beyond |= np.stack(outside, axis=1) & record.clip
    mapped, low, high = (np.stack(side) for side in zip(*triples_by_fold, strict=True))
    sides = {
        "calibrated": mapped.mean(axis=0),
        **_bounds(mapped.mean(axis=0), low, high),
    }
    columns = {
        f"{target}_{side}": values[:, k]
        for side, values in sides.items()
        for k, target in enumerate(record.targets)
    }
    return CalibratedPrediction(columns, int(beyond.sum()), beyond.size)


def _bounds(
    middle: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the medians of bounds over folds, widened to contain the prediction.

    Args:
        middle: (n, targets) predictions averaged over folds
        low: (folds, n, targets) lower bounds
        high: (folds, n, targets) upper bounds
    """
    return {
        "low": np.minimum(np.median(low, axis=0), middle),
        "high": np.maximum(np.median(high, axis=0), middle),
    }


def read_calibrations(path: Path, models: ModelSet) -> Calibrations | None:
    """Return the calibrations of a run or bundle; None if it is not calibrated.

    Args:
        path: of the run or bundle
        models: its loaded models

    Raises:
        DamagedFileError: if the file of the calibrations is damaged
        AffuseError: if they are of other models
    """
    if not RunFolder(path).calibration.exists():
        return None
    record = read(path)
    places = [(m.fold, m.seed) for m in models.models if m.seed is not None]
    folds, seeds = [fold for fold, _ in places], [seed for _, seed in places]
    demand_same_models(path, record, folds, seeds, models.targets)
    return record


def demand_same_models(
    path: Path,
    record: Calibrations,
    folds: Sequence[str],
    seeds: Sequence[int],
    targets: Sequence[str],
) -> None:
    """Raise an error if a calibration is of other models than those of a run.

    Args:
        path: of the run or bundle, for the error
        record: its calibrations
        folds: fold of each model
        seeds: seed of each model
        targets: names of the predicted ratings

    Raises:
        AffuseError: if models or ratings differ
    """
    models = sorted(zip(folds, seeds, strict=True))
    calibrated = sorted((fold, seed) for fold in record.folds for seed in record.seeds)
    if models != calibrated or tuple(targets) != record.targets:
        raise AffuseError(
            f"{path} was calibrated with {len(calibrated)} models and now has "
            f"{len(models)}, or other ones; calibrate again: {Calibrate(run=path)}; if "
            f"its training was interrupted, first repeat the training command"
        )
