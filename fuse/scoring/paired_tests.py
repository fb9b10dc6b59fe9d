"""Paired comparison of two designs on the same utterances: difference and p-value.

* The difference of the mean CCC has an interval from the jackknife of the difference.
  Difficult dialogues are difficult for both designs, so their effect cancels.
* The p-value is that of a permutation test (Fisher, 1935; Good, 2005). Under the null
  hypothesis, the predictions of both designs are exchangeable in every dialogue. They
  are exchanged at random in each dialogue, and the difference is computed again. p is
  the share of differences, the observed one included, whose absolute value is at least
  the observed one.

Seeds are nested in designs: equal numbers of seeds do not pair two models. An exchange
moves all seeds of a dialogue, and the figure is the mean over all pairs of seeds.
A test by exchanges alone would be valid for the trained models only. So for every
exchange, the error of the means over seeds is drawn from a normal distribution, and it
may enlarge the difference. The interaction of seeds and dialogues then counts twice, so
p is too large rather than too small. With one seed, that error is unknown, and both
results hold for the trained models only.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.fuse.scoring.cluster_resampling import FoldMoments, swap_clusters
from affuse.fuse.scoring.clusters import ClusterUnit, choose
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    Variance,
    cluster_variance,
    combine,
    difference,
    interval,
    seed_variance,
)
from affuse.fuse.scoring.statistics import folds, values

PERMUTATIONS = 9999  # 10,000 with the observed one, so that p is a multiple of .0001
ROUNDING = 1e-12  # tolerance for rounding errors between equal differences
Pair = tuple[list[FoldMoments], list[FoldMoments]]


def paired_difference(
    a: Run, b: Run, *, unit: ClusterUnit | str = "", level: float = LEVEL
) -> Interval:
    """Return the mean CCC of `a` minus that of `b`, on the same utterances.

    Args:
        a: the run that might be better
        b: the run to compare with
        unit: as for `affuse.fuse.scoring.statistics.estimate`
        level: share of such intervals that must contain the true difference

    Raises:
        AffuseError: if the runs were not scored on the same utterances and ratings
    """
    pair = _match_folds(a, b, unit)
    clusters = cluster_variance([*map(difference, *pair)])
    variance, freedom = combine(
        [*clusters, *seed_variance(pair[0]), *seed_variance(pair[1])]
    )
    return interval(
        _difference(pair), float(variance[-1]), float(freedom[-1]), level, bounded=False
    )


def permutation_test(
    a: Run,
    b: Run,
    *,
    unit: ClusterUnit | str = "",
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value of the difference of the mean CCC of two runs.

    Args:
        a: a run
        b: another run on the same utterances; the order does not matter
        unit: of exchange, as for `affuse.fuse.scoring.statistics.estimate`
        permutations: number of exchanges; the smallest p is 1 / (permutations + 1)
        seed: of the exchanges; the same seed gives the same p

    Returns:
        p in (0, 1]; NaN if the CCC of a run is undefined before or after an exchange.
        With n dialogues there are 2**n exchanges. Two of them give the observed
        difference or its negative, so p is about 2 / 2**n or more.

    Raises:
        AffuseError: if the runs were not scored on the same utterances and ratings
    """
    pair = _match_folds(a, b, unit)
    rng = np.random.default_rng(seed)
    sums = np.zeros(permutations)
    for mine, yours in zip(*pair, strict=True):
        blocks = swap_clusters(mine, yours, permutations, rng)
        sums += np.concatenate([block.mean(axis=1) for block in blocks])
    exchanged, observed = sums / len(pair[0]), _difference(pair)
    moved = exchanged + _seed_errors(pair, permutations, rng)
    if np.isnan(observed) or np.isnan(moved).any():
        return float("nan")
    # The error of the seeds may enlarge a difference but not reduce it, so that p is at
    # least 2 / 2**n.
    size = np.maximum(np.abs(exchanged), np.abs(moved))
    as_large = size >= abs(observed) - ROUNDING
    return float((1 + as_large.sum()) / (1 + permutations))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for their number (Holm, 1979).

    At most 5 % of such tables have a false positive among their adjusted p-values below
    .05, for any dependence between the tests. NaN is not counted as a test and stays.
    Source: Scandinavian Journal of Statistics 6:65.

    Args:
        p_values: in [0, 1], or NaN

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]
    adjusted = np.full_like(p, np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return tuple(adjusted.tolist())


def _match_folds(a: Run, b: Run, unit: ClusterUnit | str) -> Pair:
    """Return the folds of both runs, on the same utterances, ratings and clusters."""
    name = choose(a, unit).name
    pair = folds(a, name), folds(b, name)
    for mine, yours in zip_longest(*pair):
        if a.info.targets != b.info.targets or not _comparable(mine, yours):
            raise AffuseError(
                f"runs '{a.info.name}' and '{b.info.name}' were not scored on the same "
                f"utterances and ratings (fold '{(mine or yours).name}'); train both "
                f"on the same cache and protocol to compare them"
            )
    matched = [
        replace(yours, truth=mine.truth, clusters=mine.clusters)
        for mine, yours in zip(*pair, strict=True)
    ]
    return pair[0], matched


def _comparable(a: FoldMoments | None, b: FoldMoments | None) -> bool:
    """Return True if two folds hold the same utterances with the same ratings."""
    return (
        a is not None
        and b is not None
        and a.name == b.name
        and np.array_equal(a.ids, b.ids)
        and np.allclose(a.truth, b.truth, atol=1e-6)  # one may be float32, one float64
    )


def _difference(pair: Pair) -> float:
    """Return the mean CCC of one run minus that of the other."""
    return float(values(pair[0])[-1] - values(pair[1])[-1])


def _seed_errors(pair: Pair, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return (count,) random draws of the error of the means over seeds."""
    parts: list[Variance] = [*seed_variance(pair[0]), *seed_variance(pair[1])]
    if not parts:
        return np.zeros(count)
    variance, _ = combine(parts)
    if not variance[-1] > 0:
        return np.full(count, 0 * variance[-1])  # 0, or NaN if the variance is NaN
    return np.asarray(np.sqrt(variance[-1]) * rng.standard_normal(count))
