"""The CCC of a run, how far other dialogues and seeds would move it, and its parts.

A figure is the mean over folds of the mean over seeds of the CCC over the whole test
part of a fold, as in the table; how its interval is found is said in
`affuse.fuse.scoring.intervals`. What the interval cannot know is how another corpus, or
other speakers, would do; and with a single seed, how another training would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import FoldRow, Predictions, Run
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.cluster_resampling import FoldMoments
from affuse.fuse.scoring.clusters import ClusterUnit, alone, choose
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    bias,
    combined,
    each_seed,
    interval,
    jackknife,
    over_clusters,
    over_seeds,
)
from affuse.fuse.scoring.metrics import CCCParts


@dataclass(frozen=True)
class Estimate:
    """CCC of one run, and the sizes that the intervals rest on."""

    ratings: Mapping[str, Interval]
    mean: Interval  # over the ratings
    utterances: int  # scored, of all folds
    folds: int
    seeds: int  # the fewest of any fold
    unit: str  # one of affuse.fuse.scoring.clusters.UNITS
    clusters: int  # units, of all folds
    fewest: int = 0  # units in the fold that has fewest
    reason: str = ""  # why this is the unit; "" if it was asked for
    alone: int = 0  # utterances that lack the unit and stand for themselves
    parts: Mapping[str, CCCParts] = field(default_factory=dict)  # by rating


def estimate(
    run: Run, *, unit: ClusterUnit | str = "", level: float = LEVEL
) -> Estimate:
    """CCC of every rating and their mean, each with its interval.

    Args:
        run: with the same test utterances for every seed of a fold
        unit: what is taken to be independent; by default as
            `affuse.fuse.scoring.clusters.choose` says. An utterance without a known
            dialogue or speaker stands for itself
        level: share of such intervals that shall cover the truth

    Returns:
        means over folds of the means over seeds. A bound is nan if there is only one
        fold with only one unit, if nothing moves the figure, or if leaving one unit out
        leaves ratings and predictions that are the same constant; a value is nan if
        that holds for a fold itself

    Raises:
        AffuseError: if nothing was predicted, or the unit is unknown
    """
    chosen = choose(run, unit)
    found = folds(run, chosen.name)
    parts = [*over_clusters([*map(jackknife, found)]), *over_seeds(found)]
    variance, freedom = combined(parts)
    error = variance + np.mean([bias(fold) for fold in found], axis=0) ** 2
    *each, mean = (
        interval(float(v), float(s), float(f), level, bounded=True)
        for v, s, f in zip(values(found), error, freedom, strict=True)
    )
    return Estimate(
        ratings=dict(zip(run.info.targets, each, strict=True)),
        mean=mean,
        utterances=sum(len(fold.ids) for fold in found),
        folds=len(found),
        seeds=min(len(fold.predicted) for fold in found),
        unit=chosen.name,
        clusters=sum(fold.count for fold in found),
        fewest=min(fold.count for fold in found),
        reason=chosen.reason,
        alone=_alone(run, found, chosen.name),
        parts={name: _split(found, k) for k, name in enumerate(run.info.targets)},
    )


def _alone(run: Run, found: Sequence[FoldMoments], unit: str) -> int:
    """Return how many of the utterances that are scored lack the unit."""
    scored = {(fold.name, id_) for fold in found for id_ in fold.ids.tolist()}
    tested = [row for row in run.folds if row.part == "test"]
    return alone([row for row in tested if (row.fold, row.id) in scored], unit)


def values(found: Sequence[FoldMoments]) -> np.ndarray:
    """Mean over folds of the mean over seeds of each CCC and their mean: (figures,)"""
    each = [each_seed(fold).mean(axis=0) for fold in found]
    return np.asarray(np.mean(each, axis=0))


def _split(found: Sequence[FoldMoments], k: int) -> CCCParts:
    """The parts of one rating's CCC, means over folds of the means over seeds."""
    each = [
        [metrics.split(fold.truth[:, k], seed[:, k]) for seed in fold.predicted]
        for fold in found
    ]
    means = [
        np.mean([(s.correlation, s.bias, s.scale, s.location) for s in row], axis=0)
        for row in each
    ]
    return CCCParts(*map(float, np.mean(means, axis=0)))


def folds(run: Run, unit: str) -> list[FoldMoments]:
    """The folds of a run, sorted by name.

    Raises:
        AffuseError: if nothing was predicted
    """
    if not len(run.predictions):
        raise AffuseError(
            f"run '{run.info.name}' has no predictions to score; repeat its training, "
            f"or remove its folder"
        )
    rows = {(row.fold, row.id): row for row in run.folds if row.part == "test"}
    names = np.unique(run.predictions.fold).tolist()
    return [stack(run.predictions, name, rows, unit) for name in names]


def stack(
    p: Predictions, name: str, rows: Mapping[tuple[str, str], FoldRow], unit: str
) -> FoldMoments:
    """One fold, its predictions stacked by seed."""
    rows_here = np.flatnonzero(p.fold == name)
    order = np.lexsort((p.id[rows_here], p.seed[rows_here]))
    seeds = np.unique(p.seed[rows_here])
    here = rows_here[order].reshape(len(seeds), -1)  # (seeds, n)
    ids = p.id[here[0]]
    # the blank keeps an id from meeting a dialogue of the same name
    keys = [getattr(rows[name, i], unit, "") or f" {i}" for i in ids.tolist()]
    clusters = np.unique(keys, return_inverse=True)[1].reshape(-1)
    return FoldMoments(name, ids, clusters, p.truth[here[0]], p.predicted[here], seeds)
