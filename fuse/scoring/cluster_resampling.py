"""The CCC with clusters left out, drawn again or swapped, by weighted moments.

No such set is built row by row: its CCC needs only the sums of 1, t, tt, p, pp and tp
(t: truth, p: prediction), which are products of how often each cluster counts with the
sums of that cluster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

BLOCK = 2**22  # numbers held at once: 32 MiB of float64
LEAST_SPREAD = 1e-14  # squared rating units, above the rounding of float64 sums


@dataclass(frozen=True)
class FoldMoments:
    """The test part of one fold; utterances sorted by id."""

    name: str
    ids: np.ndarray  # (n,)
    clusters: np.ndarray  # (n,) counted from 0
    truth: np.ndarray  # (n, targets)
    predicted: np.ndarray  # (seeds, n, targets)
    seeds: np.ndarray  # (seeds,) their numbers, sorted

    @property
    def count(self) -> int:
        """Number of clusters."""
        return 1 + int(self.clusters.max())

    def of(self, seeds: Sequence[int]) -> "FoldMoments":
        """Return the fold with some of its seeds only."""
        kept = np.isin(self.seeds, seeds)
        return replace(self, predicted=self.predicted[kept], seeds=self.seeds[kept])


@dataclass(frozen=True)
class Sums:
    """Of utterances: one set for each row, e.g. for each cluster."""

    shared: np.ndarray  # (rows, 1 + 2 targets): of 1, t, tt
    own: np.ndarray  # (rows, 3, seeds, targets): of p, pp, tp

    def weighted(self, times: np.ndarray) -> "Sums":
        """Sums of sums, each taken `times` (sets, rows)."""
        return Sums(times @ self.shared, np.tensordot(times, self.own, 1))


def sums(fold: FoldMoments) -> Sums:
    """Those of each cluster of a fold."""
    centre = fold.truth.mean(axis=0)  # small numbers lose less when subtracted
    t, p = fold.truth - centre, np.moveaxis(fold.predicted - centre, 0, 1)
    one = np.ones((len(t), 1))
    shared = np.zeros((fold.count, 1 + 2 * t.shape[1]))
    np.add.at(shared, fold.clusters, np.hstack([one, t, t * t]))
    own = np.zeros((fold.count, 3, *p.shape[1:]))
    np.add.at(own, fold.clusters, np.stack([p, p * p, p * t[:, None]], axis=1))
    return Sums(shared, own)


def ccc(found: Sums) -> np.ndarray:
    """Return the CCC of every set: (rows, seeds, targets).

    It is nan where the truth is constant: then it is 0 whatever is predicted, or has no
    value, and tells nothing.
    """
    size = found.shared[:, :1, None]  # utterances, (rows, 1, 1)
    t, tt = np.split(found.shared[:, None, 1:] / size, 2, axis=2)
    p, pp, tp = np.moveaxis(found.own / size[..., None], 1, 0)
    spread = tt + pp - 2 * t * p  # var(t) + var(p) + (mean(t) - mean(p))^2
    known = (tt - t * t > LEAST_SPREAD) & (spread > LEAST_SPREAD)
    values = np.full_like(p, np.nan)
    np.divide(2 * (tp - t * p), spread, out=values, where=known)
    return np.asarray(values)


def left_out(fold: FoldMoments) -> np.ndarray:
    """CCC of a fold without each of its clusters in turn.

    Returns:
        (clusters, seeds, targets), of all clusters but one; nan if there is only one
    """
    if fold.count == 1:
        return np.full((1, len(fold.predicted), fold.truth.shape[1]), np.nan)
    each = sums(fold)
    return ccc(Sums(each.shared.sum(0) - each.shared, each.own.sum(0) - each.own))


def swapped(
    a: FoldMoments, b: FoldMoments, draws: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """CCC of `a` less `b` after they exchanged their predictions of random clusters.

    Every seed of one meets every seed of the other, as many as each may have, so the
    numbers that seeds happen to have do not matter.

    Args:
        a, b: the same utterances, ratings and clusters
        draws: how many times a coin is thrown for every cluster

    Returns:
        in blocks (draws, targets), means over the pairs of seeds
    """
    mine, yours = sums(a), sums(b)
    pairs = len(a.predicted) * len(b.predicted) * a.truth.shape[1]
    size = max(1, BLOCK // max(a.count, 8 * pairs))
    for first in range(0, draws, size):
        shape = min(size, draws - first), a.count
        given = rng.integers(2, size=shape, dtype=np.int8).astype(np.float64)
        moved = [np.tensordot(given, each.own, 1) for each in (mine, yours)]
        whole = [each.own.sum(axis=0) for each in (mine, yours)]
        mixed = (
            (whole[0] - moved[0])[:, :, :, None] + moved[1][:, :, None],
            (whole[1] - moved[1])[:, :, None] + moved[0][:, :, :, None],
        )  # (draws, 3, seeds of a, seeds of b, targets)
        shared = np.broadcast_to(
            mine.shared.sum(axis=0), (len(given), mine.shared.shape[1])
        )
        values = [
            ccc(Sums(shared, each.reshape(len(given), 3, -1, each.shape[-1])))
            for each in mixed
        ]
        yield np.subtract(*(value.mean(axis=1) for value in values))
