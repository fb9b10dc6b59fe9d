"""Calibrated predictions of any utterances, by all folds of a run."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Calibrate
from affuse.fuse.calibration.calibration_file import read
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.trained.prediction import Applied

log = logging.getLogger(__name__)


def columns(run: Path, applied: Applied) -> Mapping[str, np.ndarray]:
    """Mapped predictions and the bounds of their intervals.

    Each fold's models are averaged over seeds and calibrated by that fold's validation
    part; of several folds, predictions are averaged and bounds are medians, widened to
    hold that average. A median of bounds covers at least 1 - 2 (1 - level) if each
    interval covers `level` (Gasparin and Ramdas, 2024, majority vote); mostly it covers
    more than `level`. With one fold, the promise is that of the fold.

    Where the calibration clips, mapped predictions are clipped to the scale before they
    are averaged, as the bounds are; a warning says how many were.

    Args:
        run: a run folder that was calibrated
        applied: what its models say

    Returns:
        {"valence_calibrated": (n,), ..., "valence_low": ..., "valence_high": ...}

    Raises:
        FileNotFoundError: if the run was not calibrated
        AffuseError: if it has other folds or seeds now than then
    """
    found = read(run)
    _demand_same(run, found, applied)
    folds = np.array(applied.folds)
    each = []  # of (3, n, targets)
    beyond = np.zeros(applied.mean.shape, bool)
    for fold, calibrations in found.folds.items():
        said = applied.said[folds == fold]
        mean, spread = said.mean(axis=0), said.std(axis=0)
        triples = [
            (c.mapped(m, clip=found.clip), *c.bounds(m, s, clip=found.clip))
            for c, m, s in zip(calibrations, mean.T, spread.T, strict=True)
        ]
        each.append(np.array(triples).transpose(1, 2, 0))
        outside = [c.beyond(m) for c, m in zip(calibrations, mean.T, strict=True)]
        beyond |= np.stack(outside, axis=1) & found.clip
    if beyond.any():
        log.warning(
            "%d of %d calibrated predictions lay beyond the scale in a fold, and were "
            "set to its end there",
            beyond.sum(),
            beyond.size,
        )
    mapped, low, high = (np.stack(side) for side in zip(*each, strict=True))
    sides = {
        "calibrated": mapped.mean(axis=0),
        **_bounds(mapped.mean(axis=0), low, high),
    }
    return {
        f"{target}_{side}": values[:, k]
        for side, values in sides.items()
        for k, target in enumerate(found.targets)
    }


def _bounds(
    middle: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, np.ndarray]:
    """Return medians over folds, widened to hold the mean.

    Args:
        middle: (n, targets), what is written between them
        low, high: (folds, n, targets)
    """
    return {
        "low": np.minimum(np.median(low, axis=0), middle),
        "high": np.maximum(np.median(high, axis=0), middle),
    }


def _demand_same(run: Path, found: Calibrations, applied: Applied) -> None:
    """Refuse a calibration of other models than those that are there."""
    now = sorted(zip(applied.folds, applied.seeds, strict=True))
    then = sorted((fold, seed) for fold in found.folds for seed in found.seeds)
    if now != then or applied.targets != found.targets:
        raise AffuseError(
            f"{run} was calibrated with {len(then)} models and has {len(now)} now, or "
            f"others; calibrate again: {Calibrate(run=run)}; if its "
            f"training was interrupted, repeat that before"
        )
