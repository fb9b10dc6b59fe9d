"""CCC of a run on a test corpus, with its interval over clusters and seeds.

Every model of the run, of each fold and seed, predicts the whole test corpus. A figure
is the mean of their CCCs, so it is comparable with the figure of the run's own test
parts, which are predicted by one model each. It is not the CCC of an ensemble.
"""

from collections.abc import Sequence

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.fuse.scoring.cluster_resampling import FoldMoments
from affuse.fuse.scoring.clusters import ClusterUnit, choose
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Jackknife,
    bias,
    cluster_variance,
    combine,
    interval,
    jackknife,
    seed_variance,
)
from affuse.fuse.scoring.statistics import Estimate, folds, values


def estimate_test_corpus(
    run: Run, *, unit: ClusterUnit | str = "", level: float = LEVEL
) -> Estimate:
    """Return the CCC of every rating and their mean on a test corpus.

    A cluster of the corpus is left out of all folds at once, because their models
    predict the same utterances. The variance over seeds is that of
    `affuse.fuse.scoring.statistics.estimate`. The interval does not cover other
    divisions of the training corpus into folds.

    Args:
        run: with the test corpus as the test part of each fold
        unit: cluster that is assumed to be independent; "" selects it automatically
        level: share of such intervals that must contain the true value

    Raises:
        AffuseError: if there are no predictions, or the unit is unknown
    """
    chosen = choose(run, unit)
    moments = folds(run, chosen.name)
    # The interaction of seeds and clusters that is subtracted in `seed_variance` is
    # that of independent folds; it is too small here, so the interval is not too short.
    parts = [*cluster_variance([_joint(moments)]), *seed_variance(moments)]
    variance, freedom = combine(parts)
    error = variance + np.mean([bias(jackknife(fold)) for fold in moments], axis=0) ** 2
    *each, mean = (
        interval(float(v), float(s), float(f), level, bounded=True)
        for v, s, f in zip(values(moments), error, freedom, strict=True)
    )
    return Estimate(
        ratings=dict(zip(run.info.targets, each, strict=True)),
        mean=mean,
        utterances=len(moments[0].ids),
        folds=len(moments),
        seeds=min(len(fold.predicted) for fold in moments),
        unit=chosen.name,
        clusters=moments[0].count,
        fewest=moments[0].count,
        reason=chosen.reason,
    )


def _joint(moments: Sequence[FoldMoments]) -> Jackknife:
    """Return the mean of the figures of all folds, with and without each cluster."""
    each = [jackknife(fold) for fold in moments]
    return Jackknife(
        np.mean([fold.estimates for fold in each], axis=0),
        np.mean([fold.leave_one_out for fold in each], axis=0),
    )
