"""CCC of human raters on the test utterances of a run, with confidence intervals.

Two figures are estimated: that of one rater with the mean of the others, and the
ceiling for a prediction of the true opinion (`affuse.fuse.rater_variance`). As for a
design, a figure is computed on each fold and averaged over folds, and its interval is
that of the jackknife over the same clusters (`affuse.fuse.scoring.intervals`).

Both figures depend on the variance of the opinions. So, unlike those of designs, their
intervals are too narrow if opinions have heavy tails, which bounded scales prevent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.runs.run_predictions import Run
from affuse.data.single_ratings import Summaries
from affuse.fuse.rater_variance import (
    TERMS,
    mean_ceiling,
    one_rater_ccc,
    rater_terms,
    variance_components,
)
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    Jackknife,
    bias,
    cluster_variance,
    combine,
    figures,
    interval,
)
from affuse.fuse.scoring.statistics import Estimate, cluster_numbers


@dataclass(frozen=True)
class HumanFigures:
    """Figures of the human raters of a run's test utterances."""

    one_rater: Estimate  # one rater with the mean of the others
    ceiling: Estimate  # the true opinion with the mean of the raters
    reliability: Mapping[str, float]  # of the mean of the raters by rating, in [0, 1]
    fewest: int  # least number of raters of an utterance
    most: int
    average: float  # mean number of raters of an utterance


@dataclass(frozen=True)
class RatedFold:
    """Sums of rater terms over the clusters of one fold's test part."""

    sums: np.ndarray  # (clusters, targets, TERMS)
    utterances: int  # with single ratings
    several: int  # with two or more raters

    def jackknife(self, figure: Callable[[np.ndarray], np.ndarray]) -> Jackknife:
        """Return a figure of each rating and their mean, with and without clusters.

        Args:
            figure: maps sums (..., targets, TERMS) to (..., targets)
        """
        total = self.sums.sum(axis=0)
        without = figures(figure(total - self.sums))
        if len(self.sums) == 1:
            without = np.full_like(without, np.nan)
        return Jackknife(figures(figure(total)), without)


def human_figures(
    run: Run, raters: Mapping[str, Summaries], *, unit: ClusterUnit
) -> HumanFigures | None:
    """Return the figures of the human raters, or None if none can be computed.

    Args:
        run: with its test utterances
        raters: single ratings by utterance id; others than of test utterances have no
            effect
        unit: of the clusters

    Returns:
        figures of the ratings with single ratings. The mean is NaN if the run predicts
        another rating too. A value is NaN if a fold has no utterance with two raters.
    """
    p = run.predictions
    tested = {
        name: [id_ for id_ in np.unique(p.id[p.fold == name]).tolist() if id_ in raters]
        for name in np.unique(p.fold).tolist()
    }
    found = [raters[id_] for ids in tested.values() for id_ in ids]
    targets = [n for n in run.info.targets if any(n in each for each in found)]
    if not targets or not all(tested.values()):
        return None
    folds = _folds(run, raters, tested, targets, unit.name)
    counts = [each[n].raters for each in found for n in targets if n in each]
    total = [variance_components(fold.sums.sum(axis=0)).reliability for fold in folds]
    result = HumanFigures(
        one_rater=_estimate(run, folds, one_rater_ccc, targets, unit),
        ceiling=_estimate(run, folds, _ceiling, targets, unit),
        reliability=dict(zip(targets, np.mean(total, axis=0).tolist(), strict=True)),
        fewest=min(counts),
        most=max(counts),
        average=float(np.mean(counts)),
    )
    values = (each.value for each in result.ceiling.ratings.values())
    return result if any(value == value for value in values) else None


def _ceiling(sums: np.ndarray) -> np.ndarray:
    """Return the CCC of the true opinions with the means of the raters."""
    return mean_ceiling(variance_components(sums).reliability)


def _folds(
    run: Run,
    raters: Mapping[str, Summaries],
    tested: Mapping[str, Sequence[str]],
    targets: Sequence[str],
    unit: str,
) -> list[RatedFold]:
    """Return the sums of the clusters of each fold."""
    rows = {(row.fold, row.id): row for row in run.folds if row.part == "test"}
    centre = {
        name: float(np.mean([s[name].mean for s in raters.values() if name in s]))
        for name in targets
    }
    folds = []
    for fold, ids in tested.items():
        clusters = cluster_numbers(fold, ids, rows, unit)
        terms = rater_terms([raters[id_] for id_ in ids], targets, centre)
        sums = np.zeros((1 + int(clusters.max()), len(targets), TERMS))
        np.add.at(sums, clusters, terms)
        several = [any(s.raters > 1 for s in raters[id_].values()) for id_ in ids]
        folds.append(RatedFold(sums, len(ids), sum(several)))
    return folds


def _estimate(
    run: Run,
    folds: Sequence[RatedFold],
    figure: Callable[[np.ndarray], np.ndarray],
    targets: Sequence[str],
    unit: ClusterUnit,
) -> Estimate:
    """Return a figure of each rating and their mean, averaged over folds."""
    replicates = [fold.jackknife(figure) for fold in folds]
    variance, freedom = combine(cluster_variance(replicates))
    error = variance + np.mean([*map(bias, replicates)], axis=0) ** 2
    values = np.mean([each.estimates for each in replicates], axis=0)
    *each, mean = (
        interval(float(v), float(s), float(f), LEVEL, bounded=True)
        for v, s, f in zip(values, error, freedom, strict=True)
    )
    complete = len(targets) == len(run.info.targets)
    pairs = figure is one_rater_ccc
    return Estimate(
        ratings=dict(zip(targets, each, strict=True)),
        mean=mean if complete else Interval(np.nan, np.nan, np.nan),
        utterances=sum(fold.several if pairs else fold.utterances for fold in folds),
        folds=len(folds),
        seeds=0,
        unit=unit.name,
        clusters=sum(len(fold.sums) for fold in folds),
        fewest=min(len(fold.sums) for fold in folds),
        reason=unit.reason,
    )
