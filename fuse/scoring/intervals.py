"""Intervals of a CCC from its jackknife: Student's t on the scale of Fisher's z.

The variance over clusters, such as dialogues, is that of the jackknife that leaves out
one cluster of a fold at a time (CV3 of MacKinnon, Nielsen & Webb, 2023, Journal of
Econometrics 232:272), because utterances of one cluster are alike. Folds with a single
cluster are collapsed: their variance is that between these folds (Wolter, 2007,
Introduction to Variance Estimation, 2.5). The variance over seeds is that of the mean
over folds, because models of one seed may have errors in common in all folds; what it
has in common with the variance over clusters is subtracted. Both are added; the degrees
of freedom are those of Satterthwaite (1946, Biometrics Bulletin 2:110).

The bounds of a CCC are found on the scale of Fisher's z, where its distribution is
nearly symmetric (Lin, 1989), with the square of the jackknife's bias added to the
variance. A difference has no such scale. Its bounds stand on its own scale, and its
degrees of freedom are fewer where clusters differ in size or where a few of them decide
(`freedom`).

``make test-coverage`` simulates how often such intervals hold the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from affuse.fuse.scoring.cluster_resampling import FoldMoments, ccc, left_out, sums

LEVEL = 0.95
EXACT = 1e-20  # variance of figures that are all the same, but for rounding


@dataclass(frozen=True)
class Interval:
    """A figure and what it could have been; the bounds are nan where unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Variance:
    """One part of the variance of figures, and what it rests on."""

    values: np.ndarray  # (figures,)
    freedom: np.ndarray  # (figures,) degrees of freedom, at least 1


def figures(values: np.ndarray) -> np.ndarray:
    """CCC of each rating, then their mean: (..., targets) -> (..., targets + 1)"""
    return np.concatenate([values, values.mean(axis=-1, keepdims=True)], axis=-1)


@dataclass(frozen=True)
class Jackknife:
    """Figures of one fold, or differences of two, with and without each cluster."""

    whole: np.ndarray  # (figures,) means over seeds
    without: np.ndarray  # (clusters, figures); nan if there is only one cluster
    # (clusters,) utterances, where the degrees of freedom shall depend on them
    sizes: np.ndarray | None = None


def jackknife(fold: FoldMoments) -> Jackknife:
    """Return the figures of one fold with and without each of its clusters."""
    return Jackknife(each_seed(fold).mean(axis=0), figures(left_out(fold)).mean(axis=1))


def difference(a: FoldMoments, b: FoldMoments) -> Jackknife:
    """Return the figures of one fold less those of another on the same utterances."""
    one, other = jackknife(a), jackknife(b)
    return Jackknife(
        one.whole - other.whole, one.without - other.without, np.bincount(a.clusters)
    )


def each_seed(fold: FoldMoments) -> np.ndarray:
    """The figures of one fold: (seeds, figures)"""
    return figures(ccc(sums(fold).weighted(np.ones((1, fold.count))))[0])


def over_clusters(folds: Sequence[Jackknife]) -> list[Variance]:
    """Return the parts of the variance over clusters of a mean over folds.

    Returns:
        one part for each fold of several clusters, and one for all others together
    """
    count = len(folds)
    parts = [_within(fold, count) for fold in folds if len(fold.without) > 1]
    single = np.array([fold.whole for fold in folds if len(fold.without) == 1])
    return [*parts, _between(single, count)] if len(single) else parts


def _within(fold: Jackknife, folds: int) -> Variance:
    """Return the part of one fold in the variance of a mean over `folds`."""
    count = len(fold.without)
    spread = ((fold.without - fold.without.mean(axis=0)) ** 2).sum(axis=0)
    values = (count - 1) / count * spread / folds**2
    if fold.sizes is None:
        return Variance(values, np.full_like(values, count - 1))
    return Variance(values, freedom(fold.without, fold.sizes))


def _between(whole: np.ndarray, folds: int) -> Variance:
    """Return the part of folds with a single cluster, nan if there is only one."""
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
    distribution whose variance is that of the sample variance of n independent values
    with this kurtosis: a few clusters that are far from all others decide the variance.

    Args:
        without: (clusters, figures) figures without each cluster
        sizes: (clusters,) utterances

    Returns:
        (figures,) at least 1
    """
    count = len(without)
    moved = without - without.mean(axis=0)
    second, fourth = (moved**2).mean(axis=0), (moved**4).mean(axis=0)
    kurtosis = np.full_like(second, 1.0)
    np.divide(fourth, second**2, out=kurtosis, where=second > EXACT)
    excess = np.maximum(kurtosis - (count - 3) / (count - 1), 2 / count)
    effective = sizes.sum() ** 2 / (sizes**2).sum() - 1
    most = min(count - 1, effective)
    return np.asarray(np.maximum(1, np.minimum(most, 2 * count / excess)))


def over_seeds(folds: Sequence[FoldMoments]) -> list[Variance]:
    """Return the variance over seeds of the mean over folds; [] if each has one seed.

    The part that differs from cluster to cluster, the interaction in a table of seeds
    and clusters, is in `over_clusters` already and must not count twice.

    Returns:
        one part; nan if folds of several seeds have fewer than two in common
    """
    if all(len(fold.seeds) == 1 for fold in folds):
        return []
    common = sorted(set.intersection(*(set(fold.seeds.tolist()) for fold in folds)))
    if len(common) < 2:
        targets = folds[0].truth.shape[1]
        return [Variance(np.full(targets + 1, np.nan), np.ones(targets + 1))]
    chosen = [fold.of(common) for fold in folds]
    each = np.mean([each_seed(fold) for fold in chosen], axis=0)  # (seeds, figures)
    shared = np.sum([_interaction(fold) for fold in chosen], axis=0) / len(folds) ** 2
    total = each.var(axis=0, ddof=1) / len(common)
    values = np.maximum(0, total - shared)
    return [Variance(values, np.full_like(values, len(common) - 1))]


def _interaction(fold: FoldMoments) -> np.ndarray:
    """Return what seeds differ by from cluster to cluster, of the mean: (figures,)"""
    if fold.count == 1:
        return np.zeros(fold.truth.shape[1] + 1)
    apart = figures(left_out(fold))  # (clusters, seeds, figures)
    count, seeds = apart.shape[:2]
    own = apart - apart.mean(axis=1, keepdims=True)
    spread = ((own - own.mean(axis=0)) ** 2).sum(axis=(0, 1)) * (count - 1) / count
    return np.asarray(spread / (seeds * (seeds - 1)))


def bias(fold: FoldMoments) -> np.ndarray:
    """Return the jackknife's estimate of the bias of a fold's figures: (figures,)

    Few clusters vary less than all there could be, so a CCC of few is biased low. Of a
    single cluster the bias is unknown, and taken as 0.
    """
    if fold.count == 1:
        return np.zeros(fold.truth.shape[1] + 1)
    found = jackknife(fold)
    moved = found.without.mean(axis=0) - found.whole
    return np.asarray((fold.count - 1) * moved)


def combined(parts: Sequence[Variance]) -> tuple[np.ndarray, np.ndarray]:
    """Variance and degrees of freedom of a sum of independent parts: (figures,) each.

    The degrees of freedom are infinite where there is no variance.
    """
    values = np.array([part.values for part in parts])
    freedom = np.array([part.freedom for part in parts])
    total = values.sum(axis=0)
    fourth = (values**2 / freedom).sum(axis=0)
    found = np.full_like(total, np.inf)
    np.divide(total**2, fourth, out=found, where=fourth > 0)
    return total, found


def interval(
    value: float, variance: float, freedom: float, level: float, *, bounded: bool
) -> Interval:
    """Return a figure and its bounds, which are nan where the variance is unknown or 0.

    Args:
        value: a CCC or a difference of two
        variance: of it; nan if unknown
        freedom: degrees of freedom of the variance
        level: share of such intervals that shall cover the truth
        bounded: whether the figure is a CCC, in [-1, 1], and not a difference
    """
    if not variance >= 0 or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    if variance < EXACT:  # figures that nothing moves tell nothing of others
        return Interval(value, np.nan, np.nan)
    reach = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance))
    if not bounded:
        return Interval(value, value - reach, value + reach)
    centre, reach = np.arctanh(value), reach / (1 - value**2)
    low, high = np.tanh([centre - reach, centre + reach])
    return Interval(value, float(low), float(high))
