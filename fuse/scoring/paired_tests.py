"""Whether one design is better than another on the same utterances.

Two answers, which are found in different ways:

* the difference of the mean CCC and its interval, from the jackknife of the difference:
  what makes a dialogue hard is hard for both and cancels;
* the p-value of a permutation test (Fisher, 1935; Good, 2005). The null hypothesis: in
  every dialogue the predictions of the two designs could as well be exchanged. For
  every dialogue a coin decides whether they are, and the difference is found again;
  p is the share of such differences at least as large as the one observed, on either
  side, counting the latter.

Seeds are nested in designs: seed 0 of one has nothing in common with seed 0 of the
other. An exchange moves all seeds of a dialogue, and the figure is the mean over all
pairs of a seed of one and a seed of the other. Exchanges alone would only speak of the
models that happen to be trained; so the error that the means over seeds have of their
own is drawn from a normal distribution for every exchange, and may enlarge its
difference. What seeds and dialogues have in common is then counted twice, so p is, if
anything, too large. With one seed that error is unknown, and the answers are of the
trained models only.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.runs.run_predictions import Run
from affuse.fuse.scoring.cluster_resampling import FoldMoments, swapped
from affuse.fuse.scoring.clusters import ClusterUnit, choose
from affuse.fuse.scoring.intervals import (
    LEVEL,
    Interval,
    Variance,
    combined,
    difference,
    interval,
    over_clusters,
    over_seeds,
)
from affuse.fuse.scoring.statistics import folds, values

PERMUTATIONS = 9999  # with the observed one 10,000, so that p is a multiple of .0001
ROUNDING = 1e-12  # by which equal differences may differ
Pair = tuple[list[FoldMoments], list[FoldMoments]]


def paired_difference(
    a: Run, b: Run, *, unit: ClusterUnit | str = "", level: float = LEVEL
) -> Interval:
    """Mean CCC of `a` less that of `b`, on the same utterances.

    Args:
        a: the run that might be better
        b: the run to compare with
        unit, level: as for `affuse.fuse.scoring.statistics.estimate`

    Raises:
        AffuseError: if the runs were not scored on the same utterances and ratings
    """
    pair = _matched(a, b, unit)
    clusters = over_clusters([*map(difference, *pair)])
    variance, freedom = combined(
        [*clusters, *over_seeds(pair[0]), *over_seeds(pair[1])]
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
    """Two-sided p-value of the difference of the mean CCC of two runs.

    Args:
        a, b: two runs on the same utterances; their order does not matter
        unit: what is exchanged, as for `affuse.fuse.scoring.statistics.estimate`
        permutations: how many; the smallest p is 1 / (permutations + 1)
        seed: of the coins; the same seed gives the same p

    Returns:
        p in (0, 1]; nan if either run, or one of the exchanged, has no CCC. With n
        dialogues there are 2**n exchanges, two of them the observed difference or its
        negative, so p is about 2 / 2**n or more

    Raises:
        AffuseError: if the runs were not scored on the same utterances and ratings
    """
    pair = _matched(a, b, unit)
    rng = np.random.default_rng(seed)
    found = np.zeros(permutations)
    for mine, yours in zip(*pair, strict=True):
        blocks = swapped(mine, yours, permutations, rng)
        found += np.concatenate([block.mean(axis=1) for block in blocks])
    found, observed = found / len(pair[0]), _difference(pair)
    moved = found + _training(pair, permutations, rng)
    if np.isnan(observed) or np.isnan(moved).any():
        return float("nan")
    # what is as large is not made smaller, so that p is 2 / 2**n at least
    as_large = np.maximum(np.abs(found), np.abs(moved)) >= abs(observed) - ROUNDING
    return float((1 + as_large.sum()) / (1 + permutations))


def holm(found: Sequence[float]) -> tuple[float, ...]:
    """p-values adjusted for their number (Holm, 1979, Scand. J. Statistics 6:65).

    Those below .05 afterwards contain a false one in at most 5 % of such tables,
    however the tests depend on each other. A nan is no test, and stays.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)
    """
    p = np.asarray(found, np.float64)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]
    adjusted = np.full_like(p, np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return tuple(adjusted.tolist())


def _matched(a: Run, b: Run, unit: ClusterUnit | str) -> Pair:
    """The folds of both runs, on the same utterances, ratings and clusters."""
    name = choose(a, unit).name
    pair = folds(a, name), folds(b, name)
    for mine, yours in zip_longest(*pair):
        if a.info.targets != b.info.targets or not _comparable(mine, yours):
            raise AffuseError(
                f"runs '{a.info.name}' and '{b.info.name}' were not scored on the same "
                f"utterances and ratings (fold '{(mine or yours).name}'); train both "
                f"on the same cache and protocol to compare them"
            )
    alike = [
        replace(yours, truth=mine.truth, clusters=mine.clusters)
        for mine, yours in zip(*pair, strict=True)
    ]
    return pair[0], alike


def _comparable(a: FoldMoments | None, b: FoldMoments | None) -> bool:
    """Whether two folds hold the same utterances with the same ratings."""
    return (
        a is not None
        and b is not None
        and a.name == b.name
        and np.array_equal(a.ids, b.ids)
        and np.allclose(a.truth, b.truth, atol=1e-6)  # float32 in one, 64 in the other
    )


def _difference(pair: Pair) -> float:
    """The mean CCC of one run less that of the other."""
    return float(values(pair[0])[-1] - values(pair[1])[-1])


def _training(pair: Pair, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of the error that the means over seeds have: (count,)"""
    parts: list[Variance] = [*over_seeds(pair[0]), *over_seeds(pair[1])]
    if not parts:
        return np.zeros(count)
    variance, _ = combined(parts)
    if not variance[-1] > 0:
        return np.full(count, 0 * variance[-1])  # nan stays nan
    return np.asarray(np.sqrt(variance[-1]) * rng.standard_normal(count))
