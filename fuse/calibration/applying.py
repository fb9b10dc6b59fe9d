"""Calibrated predictions and intervals for any utterances, from all folds of a run.

Calibrations are fitted in `affuse.fuse.calibration.calibration_fitting`.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Calibrate
from affuse.fuse.calibration.calibration_file import read
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.trained.model_set import RunPrediction

log = logging.getLogger(__name__)


def calibrated_columns(run: Path, applied: RunPrediction) -> Mapping[str, np.ndarray]:
    """Return mapped predictions and the bounds of their intervals.

    The predictions of each fold's models are averaged over seeds and calibrated on the
    validation part of that fold. Over several folds, predictions are averaged. The
    bounds are medians over folds, widened to contain that average. An interval between
    medians covers at least 1 - 2 (1 - level) if each interval covers `level` (Gasparin
    and Ramdas, 2024, majority vote); it mostly covers more than `level`. With one fold,
    the guarantee is that of the fold.

    If the calibration clips, mapped predictions and bounds are clipped to the scale
    before they are averaged. A warning states how many predictions were clipped.

    Args:
        run: folder of a calibrated run
        applied: predictions of its models

    Returns:
        {"valence_calibrated": (n,), ..., "valence_low": ..., "valence_high": ...}, on
        the scale [-1, 1]

    Raises:
        FileNotFoundError: if the run was not calibrated
        AffuseError: if folds or seeds of the run changed after the calibration
    """
    record = read(run)
    _demand_same(run, record, applied)
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
    if beyond.any():
        log.warning(
            "%d of %d calibrated predictions were outside the scale in a fold, and "
            "were clipped to its end there",
            beyond.sum(),
            beyond.size,
        )
    mapped, low, high = (np.stack(side) for side in zip(*triples_by_fold, strict=True))
    sides = {
        "calibrated": mapped.mean(axis=0),
        **_bounds(mapped.mean(axis=0), low, high),
    }
    return {
        f"{target}_{side}": values[:, k]
        for side, values in sides.items()
        for k, target in enumerate(record.targets)
    }


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


def _demand_same(run: Path, record: Calibrations, applied: RunPrediction) -> None:
    """Raise an error if the calibration is of other models than those of the run."""
    models = sorted(zip(applied.folds, applied.seeds, strict=True))
    calibrated = sorted((fold, seed) for fold in record.folds for seed in record.seeds)
    if models != calibrated or applied.targets != record.targets:
        raise AffuseError(
            f"{run} was calibrated with {len(calibrated)} models and now has "
            f"{len(models)}, or other ones; calibrate again: {Calibrate(run=run)}; if "
            f"its training was interrupted, first repeat the training command"
        )
