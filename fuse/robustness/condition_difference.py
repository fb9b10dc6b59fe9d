"""Difference of the mean CCC of the same models in two conditions, with its interval.

The interval is that of `affuse.fuse.scoring.paired_tests.paired_difference`, with one
change: both conditions have the same models, so the difference is taken for each seed,
and the variance over seeds is that of these differences.
"""

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    Variance,
    cluster_variance,
    combine,
    difference,
    figures_of_seeds,
    interval,
)
from affuse.fuse.scoring.statistics import folds


def condition_difference(degraded: Run, clean: Run, unit: ClusterUnit) -> Interval:
    """Return the mean CCC in one condition minus that on clean inputs.

    Args:
        degraded: run with the predictions in the condition
        clean: run with the predictions of the same models for the same utterances
        unit: cluster that is assumed to be independent

    Returns:
        the difference and its interval; the interval does not cover other trainings if
        there is one seed
    """
    pairs = list(zip(folds(degraded, unit.name), folds(clean, unit.name), strict=True))
    moved = [figures_of_seeds(a) - figures_of_seeds(b) for a, b in pairs]
    parts = cluster_variance([difference(a, b) for a, b in pairs])
    counts = {len(each) for each in moved}
    if counts == {1}:
        seeds = []
    elif len(counts) == 1:
        seeds = [_seed_variance(np.mean(moved, axis=0))]
    else:
        unknown = np.full(moved[0].shape[1], np.nan)
        seeds = [Variance(unknown, np.ones_like(unknown))]
    variance, freedom = combine([*parts, *seeds])
    value = float(np.mean([each.mean(axis=0)[-1] for each in moved]))
    return interval(
        value, float(variance[-1]), float(freedom[-1]), LEVEL, bounded=False
    )


def _seed_variance(moved: np.ndarray) -> Variance:
    """Return the variance of a mean over seeds.

    Args:
        moved: (seeds, figures) differences, means over folds
    """
    values = moved.var(axis=0, ddof=1) / len(moved)
    return Variance(values, np.full_like(values, len(moved) - 1))
