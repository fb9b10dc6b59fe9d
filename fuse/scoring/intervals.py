"""Confidence intervals of a CCC: jackknife and Student's t on the scale of Fisher's z.

The variance over clusters, such as dialogues, is that of the jackknife that leaves out
one cluster of a fold at a time (CV3 of MacKinnon, Nielsen & Webb, 2023, Journal of
Econometrics 232:272), because utterances of one cluster are correlated. Folds with a
single cluster are collapsed: their variance is that between these folds (Wolter, 2007,
Introduction to Variance Estimation, 2.5). The variance over seeds is that of the mean
over folds, because models of one seed may share errors in all folds. Its interaction
with clusters is subtracted, because the variance over clusters contains it. Both
variances are added; the degrees of freedom are those of Satterthwaite (1946, Biometrics
Bulletin 2:110).

The bounds of a CCC are computed on the scale of Fisher's z, where its distribution is
nearly symmetric (Lin, 1989). The squared bias of the jackknife is added to the
variance. The bounds of a difference are computed without a transformation. Its degrees
of freedom are reduced if clusters differ in size or if a few of them dominate
(`freedom`).

``make test-coverage`` simulates how often such intervals contain the true value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from affuse.fuse.scoring.cluster_resampling import (
    FoldMoments,
    ccc,
    leave_out_clusters,
)

LEVEL = 0.95
ROUNDING_VARIANCE = 1e-20  # variance of figures that differ by rounding errors only


@dataclass(frozen=True)
class Interval:
    """Figure with the bounds of its confidence interval; NaN where unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Variance:
    """One component of the variance of figures, with its degrees of freedom."""

    values: np.ndarray  # (figures,)
    freedom: np.ndarray  # (figures,) degrees of freedom, at least 1


def figures(values: np.ndarray) -> np.ndarray:
    """Return the CCC of each rating, then their mean: (..., targets + 1)."""
    return np.concatenate([values, values.mean(axis=-1, keepdims=True)], axis=-1)


@dataclass(frozen=True)
class Jackknife:
    """Figures of one fold, or differences of two, with and without each cluster."""

    estimates: np.ndarray  # (figures,) means over seeds
    leave_one_out: np.ndarray  # (clusters, figures); NaN if there is only one cluster
    # (clusters,) numbers of utterances, if the degrees of freedom depend on them
    sizes: np.ndarray | None = None


def jackknife(fold: FoldMoments) -> Jackknife:
    """Return the figures of one fold with and without each of its clusters."""
    return Jackknife(
        figures_of_seeds(fold).mean(axis=0),
        figures(leave_out_clusters(fold)).mean(axis=1),
    )


def difference(a: FoldMoments, b: FoldMoments) -> Jackknife:
    """Return the figures of `a` minus those of `b` on the same utterances."""
    one, other = jackknife(a), jackknife(b)
    return Jackknife(
        one.estimates - other.estimates,
        one.leave_one_out - other.leave_one_out,
        np.bincount(a.clusters),
    )


def figures_of_seeds(fold: FoldMoments) -> np.ndarray:
    """Return (seeds, figures) of one fold."""
    return figures(ccc(fold.sums.weighted(np.ones((1, fold.count))))[0])


def cluster_variance(folds: Sequence[Jackknife]) -> list[Variance]:
    """Return the components of the variance over clusters of a mean over folds.

    Returns:
        one component per fold with several clusters, and one for all other folds
    """
    count = len(folds)
    parts = [
        _variance_within_fold(fold, count)
        for fold in folds
        if len(fold.leave_one_out) > 1
    ]
    single = np.array(
        [fold.estimates for fold in folds if len(fold.leave_one_out) == 1]
    )
    return [*parts, _variance_between_folds(single, count)] if len(single) else parts


def _variance_within_fold(fold: Jackknife, folds: int) -> Variance:
    """Return the component of one fold in the variance of a mean over `folds`."""
    count = len(fold.leave_one_out)
    spread = ((fold.leave_one_out - fold.leave_one_out.mean(axis=0)) ** 2).sum(axis=0)
    values = (count - 1) / count * spread / folds**2
    if fold.sizes is None:
        return Variance(values, np.full_like(values, count - 1))
    return Variance(values, freedom(fold.leave_one_out, fold.sizes))


def _variance_between_folds(whole: np.ndarray, folds: int) -> Variance:
    """Return the component of folds with a single cluster; NaN for one such fold."""
    count = len(whole)
    if count == 1:
        return Variance(np.full(whole.shape[1], np.nan), np.ones(whole.shape[1]))
    values = whole.var(axis=0, ddof=1) * count / folds**2
    return Variance(values, np.full_like(values, count - 1))


def freedom(without: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the degrees of freedom of a jackknife's variance.

    ::

        min(n - 1,  (sum m)^2 / sum m^2 - 1,  2 n / (kurtosis - (n - 3) / (n - 1)))

    for n clusters of m utterances. The second is the effective number of clusters of
    unequal size (Kish, 1965, Survey Sampling, 11.7). The third is that of a chi-squared
    distribution whose variance equals that of the sample variance of n independent
    values with this kurtosis. It is low if a few outlying clusters dominate.

    Args:
        without: (clusters, figures) figures without each cluster
        sizes: (clusters,) numbers of utterances

    Returns:
        (figures,) at least 1
    """
    count = len(without)
    moved = without - without.mean(axis=0)
    second, fourth = (moved**2).mean(axis=0), (moved**4).mean(axis=0)
    kurtosis = np.full_like(second, 1.0)
    np.divide(fourth, second**2, out=kurtosis, where=second > ROUNDING_VARIANCE)
    excess = np.maximum(kurtosis - (count - 3) / (count - 1), 2 / count)
    effective = sizes.sum() ** 2 / (sizes**2).sum() - 1
    most = min(count - 1, effective)
    return np.asarray(np.maximum(1, np.minimum(most, 2 * count / excess)))


def seed_variance(folds: Sequence[FoldMoments]) -> list[Variance]:
    """Return the variance over seeds of the mean over folds; [] if each has one seed.

    The interaction of seeds and clusters is subtracted, because `cluster_variance`
    already contains it.

    Returns:
        one component; NaN if folds of several seeds have fewer than two in common
    """
    if all(len(fold.seeds) == 1 for fold in folds):
        return []
    common = sorted(set.intersection(*(set(fold.seeds.tolist()) for fold in folds)))
    if len(common) < 2:
        targets = folds[0].truth.shape[1]
        return [Variance(np.full(targets + 1, np.nan), np.ones(targets + 1))]
    chosen = [fold.with_seeds(common) for fold in folds]
    by_fold = [figures_of_seeds(fold) for fold in chosen]  # (seeds, figures) each
    each = np.mean(by_fold, axis=0)
    shared = np.sum([_interaction(fold) for fold in chosen], axis=0) / len(folds) ** 2
    total = each.var(axis=0, ddof=1) / len(common)
    values = np.maximum(0, total - shared)
    return [Variance(values, np.full_like(values, len(common) - 1))]


def _interaction(fold: FoldMoments) -> np.ndarray:
    """Return (figures,) the variance of seed means from seed × cluster interaction."""
    if fold.count == 1:
        return np.zeros(fold.truth.shape[1] + 1)
    without = figures(leave_out_clusters(fold))  # (clusters, seeds, figures)
    count, seeds = without.shape[:2]
    moved = without - without.mean(axis=1, keepdims=True)
    spread = ((moved - moved.mean(axis=0)) ** 2).sum(axis=(0, 1)) * (count - 1) / count
    return np.asarray(spread / (seeds * (seeds - 1)))


def bias(replicates: Jackknife) -> np.ndarray:
    """Return (figures,) the jackknife's estimate of the bias of figures.

    Few clusters vary less than the population of clusters, so a CCC over few clusters
    is biased downwards. The bias of a single cluster is unknown and set to 0.
    """
    count = len(replicates.leave_one_out)
    if count == 1:
        return np.zeros_like(replicates.estimates)
    moved = replicates.leave_one_out.mean(axis=0) - replicates.estimates
    return np.asarray((count - 1) * moved)


def combine(parts: Sequence[Variance]) -> tuple[np.ndarray, np.ndarray]:
    """Return variance and degrees of freedom of a sum of independent components.

    Args:
        parts: components of the variance

    Returns:
        (figures,) variances, and (figures,) degrees of freedom of Satterthwaite, which
        are infinite where the variance is 0
    """
    values = np.array([part.values for part in parts])
    freedom = np.array([part.freedom for part in parts])
    total = values.sum(axis=0)
    fourth = (values**2 / freedom).sum(axis=0)
    combined_freedom = np.full_like(total, np.inf)
    np.divide(total**2, fourth, out=combined_freedom, where=fourth > 0)
    return total, combined_freedom


def interval(
    value: float, variance: float, freedom: float, level: float, *, bounded: bool
) -> Interval:
    """Return a figure and its bounds, which are NaN if the variance is unknown or 0.

    Args:
        value: a CCC or a difference of two
        variance: of the value; NaN if unknown
        freedom: degrees of freedom of the variance
        level: share of such intervals that must contain the true value
        bounded: True for a CCC, which is in [-1, 1]; False for a difference
    """
    if not variance >= 0 or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    if variance < ROUNDING_VARIANCE:  # equal figures are no information on the variance
        return Interval(value, np.nan, np.nan)
    reach = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance))
    if not bounded:
        return Interval(value, value - reach, value + reach)
    centre, reach = np.arctanh(value), reach / (1 - value**2)
    low, high = np.tanh([centre - reach, centre + reach])
    return Interval(value, float(low), float(high))
