"""CCC of a run with its confidence interval over clusters and seeds, and its factors.

A figure of the table is the CCC over the whole test part of a fold, averaged over seeds
and then over folds. `affuse.fuse.scoring.intervals` describes its interval. The
interval does not cover other corpora or other speakers, nor, with a single seed, other
trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import FoldRow, Predictions, Run
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.cluster_resampling import FoldMoments
from affuse.fuse.scoring.clusters import ClusterUnit, choose, count_without_unit
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    bias,
    cluster_variance,
    combine,
    figures_of_seeds,
    interval,
    jackknife,
    seed_variance,
)
from affuse.fuse.scoring.metrics import CCCParts

# Least number of test utterances of each fold in a section that is scored separately.
LEAST_OF_SECTION = 10


@dataclass(frozen=True)
class Estimate:
    """CCC of one run, and the sample sizes of its intervals."""

    ratings: Mapping[str, Interval]
    mean: Interval  # over the ratings
    utterances: int  # number of scored utterances in all folds
    folds: int
    seeds: int  # least number of seeds in a fold
    unit: str  # one of affuse.fuse.scoring.clusters.UNITS
    clusters: int  # number of clusters in all folds
    fewest: int = 0  # least number of clusters in a fold
    reason: str = ""  # reason for the unit; "" if the user requested it
    alone: int = 0  # number of utterances without the unit; each is a cluster
    parts: Mapping[str, CCCParts] = field(default_factory=dict)  # by rating


def estimate(
    run: Run, *, unit: ClusterUnit | str = "", level: float = LEVEL
) -> Estimate:
    """Return the CCC of every rating and their mean, each with its interval.

    Args:
        run: with the same test utterances for every seed of a fold
        unit: cluster that is assumed to be independent; "" lets
            `affuse.fuse.scoring.clusters.choose` select it. An utterance without a
            known dialogue or speaker is a cluster of one.
        level: share of such intervals that must contain the true value

    Returns:
        means over seeds, averaged over folds. A bound is NaN if exactly one fold has a
        single cluster, if no replicate differs, or if the ratings are constant without
        one cluster. A value is NaN if the ratings of a fold are constant.

    Raises:
        AffuseError: if the run has no predictions, or the unit is unknown
    """
    chosen = choose(run, unit)
    moments = folds(run, chosen.name)
    replicates = [*map(jackknife, moments)]
    parts = [*cluster_variance(replicates), *seed_variance(moments)]
    variance, freedom = combine(parts)
    error = variance + np.mean([*map(bias, replicates)], axis=0) ** 2
    *each, mean = (
        interval(float(v), float(s), float(f), level, bounded=True)
        for v, s, f in zip(values(moments), error, freedom, strict=True)
    )
    return Estimate(
        ratings=dict(zip(run.info.targets, each, strict=True)),
        mean=mean,
        utterances=sum(len(fold.ids) for fold in moments),
        folds=len(moments),
        seeds=min(len(fold.predicted) for fold in moments),
        unit=chosen.name,
        clusters=sum(fold.count for fold in moments),
        fewest=min(fold.count for fold in moments),
        reason=chosen.reason,
        alone=_count_without_unit(run, moments, chosen.name),
        parts={name: _split(moments, k) for k, name in enumerate(run.info.targets)},
    )


def _count_without_unit(run: Run, moments: Sequence[FoldMoments], unit: str) -> int:
    """Return the number of scored utterances without the unit."""
    scored = {(fold.name, id_) for fold in moments for id_ in fold.ids.tolist()}
    rows = [row for place, row in run.test_rows.items() if place in scored]
    return count_without_unit(rows, unit)


def values(moments: Sequence[FoldMoments]) -> np.ndarray:
    """Return the figures of a run: means over seeds, averaged over folds.

    Args:
        moments: of each fold

    Returns:
        (figures,) the CCC of each rating and their mean
    """
    each = [figures_of_seeds(fold).mean(axis=0) for fold in moments]
    return np.asarray(np.mean(each, axis=0))


def _split(moments: Sequence[FoldMoments], k: int) -> CCCParts:
    """Return the factors of one rating's CCC, averaged over seeds and then folds."""
    each = [
        [metrics.split_ccc(fold.truth[:, k], seed[:, k]) for seed in fold.predicted]
        for fold in moments
    ]
    means = [
        np.mean([(s.correlation, s.bias, s.scale, s.location) for s in row], axis=0)
        for row in each
    ]
    return CCCParts(*map(float, np.mean(means, axis=0)))


def folds(run: Run, unit: str) -> list[FoldMoments]:
    """Return the test parts of a run's folds, sorted by name.

    Args:
        run: with predictions
        unit: of the clusters, one of `affuse.fuse.scoring.clusters.UNITS`

    Raises:
        AffuseError: if the run has no predictions
    """
    if not len(run.predictions):
        raise AffuseError(
            f"run '{run.info.name}' has no predictions to score; repeat its training, "
            f"or remove its folder"
        )
    names = np.unique(run.predictions.fold).tolist()
    return [stack(run.predictions, name, run.test_rows, unit) for name in names]


def stack(
    p: Predictions, name: str, rows: Mapping[tuple[str, str], FoldRow], unit: str
) -> FoldMoments:
    """Return one fold with its predictions stacked by seed.

    Args:
        p: predictions of a run
        name: of the fold
        rows: (fold, id) -> row of the fold table
        unit: of the clusters, one of `affuse.fuse.scoring.clusters.UNITS`
    """
    rows_here = np.flatnonzero(p.fold == name)
    order = np.lexsort((p.id[rows_here], p.seed[rows_here]))
    seeds = np.unique(p.seed[rows_here])
    here = rows_here[order].reshape(len(seeds), -1)  # (seeds, n)
    ids = p.id[here[0]]
    clusters = cluster_numbers(name, ids.tolist(), rows, unit)
    return FoldMoments(name, ids, clusters, p.truth[here[0]], p.predicted[here], seeds)


def cluster_numbers(
    name: str, ids: Sequence[str], rows: Mapping[tuple[str, str], FoldRow], unit: str
) -> np.ndarray:
    """Return the number of each utterance's cluster: (n,) int, from 0.

    Args:
        name: of the fold
        ids: of test utterances of the fold
        rows: (fold, id) -> row of the fold table
        unit: of the clusters, one of `affuse.fuse.scoring.clusters.UNITS`
    """
    # The blank distinguishes an id from a dialogue of the same name.
    keys = [getattr(rows[name, i], unit, "") or f" {i}" for i in ids]
    return np.unique(keys, return_inverse=True)[1].reshape(-1)
