"""CCC with clusters left out or exchanged, from weighted moments of the clusters.

Resampled sets are not built row by row. The CCC of a set needs only its sums of 1, t,
tt, p, pp and tp, for the truth t and the prediction p. These are the sums of its
clusters, weighted by the number of times that a cluster is in the set.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

BLOCK = 2**22  # largest number of float64 values in memory at once: 32 MiB
CACHED = 256  # exchanges that are computed at once, so that a processor caches them
LEAST_SPREAD = 1e-14  # in squared rating units; above rounding errors of float64 sums


@dataclass(frozen=True)
class FoldMoments:
    """Ratings, predictions and clusters of one fold's test part, sorted by id."""

    name: str
    ids: np.ndarray  # (n,)
    clusters: np.ndarray  # (n,) numbers of the clusters, from 0
    truth: np.ndarray  # (n, targets)
    predicted: np.ndarray  # (seeds, n, targets)
    seeds: np.ndarray  # (seeds,) sorted

    @property
    def count(self) -> int:
        """Number of clusters."""
        return 1 + int(self.clusters.max())

    @cached_property
    def sums(self) -> "Sums":
        """Sums of each cluster, which several statistics need."""
        return cluster_sums(self)

    def with_seeds(self, seeds: Sequence[int]) -> "FoldMoments":
        """Return the fold with these seeds only."""
        kept = np.isin(self.seeds, seeds)
        if kept.all():
            return self
        return replace(self, predicted=self.predicted[kept], seeds=self.seeds[kept])


@dataclass(frozen=True)
class Sums:
    """Sums over sets of utterances, one set per row, e.g. one per cluster."""

    shared: np.ndarray  # (rows, 1 + 2 targets) of 1, t, tt, which seeds share
    by_seed: np.ndarray  # (rows, 3, seeds, targets) of p, pp, tp, which differ by seed

    def weighted(self, times: np.ndarray) -> "Sums":
        """Return the weighted sums of rows, with weights `times` (sets, rows)."""
        return Sums(times @ self.shared, np.tensordot(times, self.by_seed, 1))


def cluster_sums(fold: FoldMoments) -> Sums:
    """Return the sums of each cluster of a fold; use `FoldMoments.sums`.

    Args:
        fold: its test part
    """
    centre = fold.truth.mean(axis=0)  # centred values lose less precision
    t, p = fold.truth - centre, np.moveaxis(fold.predicted - centre, 0, 1)
    one = np.ones((len(t), 1))
    shared = np.zeros((fold.count, 1 + 2 * t.shape[1]))
    np.add.at(shared, fold.clusters, np.hstack([one, t, t * t]))
    by_seed = np.zeros((fold.count, 3, *p.shape[1:]))
    np.add.at(by_seed, fold.clusters, np.stack([p, p * p, p * t[:, None]], axis=1))
    return Sums(shared, by_seed)


def ccc(rows: Sums) -> np.ndarray:
    """Return the CCC of every set of utterances.

    It is NaN if the truth is constant. Then the CCC is 0 for all predictions or
    undefined, and not informative.

    Args:
        rows: sums of each set

    Returns:
        (rows, seeds, targets), in [-1, 1]
    """
    size = rows.shared[:, :1, None]  # number of utterances, (rows, 1, 1)
    t, tt = np.split(rows.shared[:, None, 1:] / size, 2, axis=2)
    p, pp, tp = np.moveaxis(rows.by_seed / size[..., None], 1, 0)
    spread = tt + pp - 2 * t * p  # var(t) + var(p) + (mean(t) - mean(p))^2
    is_defined = (tt - t * t > LEAST_SPREAD) & (spread > LEAST_SPREAD)
    values = np.full_like(p, np.nan)
    np.divide(2 * (tp - t * p), spread, out=values, where=is_defined)
    return np.asarray(values)


def leave_out_clusters(fold: FoldMoments) -> np.ndarray:
    """Return the CCC of a fold without each of its clusters in turn.

    Args:
        fold: its test part

    Returns:
        (clusters, seeds, targets), each over all clusters but one; NaN for one cluster
    """
    if fold.count == 1:
        return np.full((1, len(fold.predicted), fold.truth.shape[1]), np.nan)
    each = fold.sums
    return ccc(
        Sums(each.shared.sum(0) - each.shared, each.by_seed.sum(0) - each.by_seed)
    )


def swap_clusters(
    a: FoldMoments, b: FoldMoments, draws: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the CCC of `a` minus that of `b` after exchanges of random clusters.

    Two designs exchange their predictions of each cluster with a probability of one
    half. Every seed of one is paired with every seed of the other, so the numbers of
    the seeds do not matter.

    Args:
        a: fold of one design
        b: fold of another design on the same utterances, ratings and clusters
        draws: number of exchanges
        rng: generator of the exchanges

    Yields:
        (block of draws, targets), means over the pairs of seeds
    """
    mine, yours = _terms(a), _terms(b)
    pairs = len(a.predicted) * len(b.predicted) * a.truth.shape[1]
    size = max(1, BLOCK // max(a.count, 8 * pairs))
    for first in range(0, draws, size):
        shape = min(size, draws - first), a.count
        exchanges = rng.integers(2, size=shape, dtype=np.int8).astype(np.float64)
        rows = np.array_split(exchanges, -(-len(exchanges) // CACHED))
        yield np.concatenate([_exchanged(mine, yours, each.T) for each in rows])


@dataclass(frozen=True)
class Terms:
    """Terms of a CCC, ``2 N / S``, that are sums over clusters.

    N is the covariance, and S the sum of both variances and of the squared difference
    of the means. Both are linear in the sums of p, pp and tp, because the truth does
    not depend on the exchange.
    """

    each: np.ndarray  # (2, targets, seeds, clusters), N and S without the truth's part
    truth: np.ndarray  # (targets,), the part of S that the truth has alone


def _terms(fold: FoldMoments) -> Terms:
    """Return the terms of a fold; the part of the truth is NaN if it is constant."""
    of_clusters = fold.sums
    shared = of_clusters.shared.sum(axis=0)
    size = shared[0]
    t, tt = np.split(shared[1:] / size, 2)
    p, pp, tp = np.moveaxis(of_clusters.by_seed / size, 1, 0)
    each = np.stack([tp - t * p, pp - 2 * t * p])  # (2, clusters, seeds, targets)
    alone = np.where(tt - t * t > LEAST_SPREAD, tt, np.nan)
    return Terms(np.ascontiguousarray(np.transpose(each, (0, 3, 2, 1))), alone)


def _exchanged(mine: Terms, yours: Terms, exchanges: np.ndarray) -> np.ndarray:
    """Return the mean CCC of one design minus that of another after each exchange.

    The draws are the last axis of all arrays, because NumPy is fast along it.

    Args:
        mine: terms of one design
        yours: terms of the other
        exchanges: (clusters, draws), 1 for a cluster whose predictions are exchanged

    Returns:
        (draws, targets), means over the pairs of seeds
    """
    moved = [np.tensordot(side.each, exchanges, 1) for side in (mine, yours)]
    kept = [
        side.each.sum(axis=-1, keepdims=True) - gone
        for side, gone in zip((mine, yours), moved, strict=True)
    ]
    for rest in kept:
        rest[1] += mine.truth[:, None, None]
    return np.asarray(_mean_ccc(kept[0], moved[1]) - _mean_ccc(kept[1], moved[0])).T


def _mean_ccc(kept: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return the mean CCC over pairs of seeds: (targets, draws).

    Args:
        kept: (2, targets, seeds, draws), terms of the clusters that a design keeps
        moved: (2, targets, other seeds, draws), terms of the clusters that it gets
    """
    covariance, spread = kept[:, :, :, None] + moved[:, :, None]
    if not spread.min() > LEAST_SPREAD:  # NaN may hide that another target has less
        spread[spread <= LEAST_SPREAD] = np.nan
    covariance /= spread
    return np.asarray(2 * covariance.mean(axis=(1, 2)))
