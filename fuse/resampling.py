"""Bootstrap replicates of the CCC by weighted moments.

No replicate is built row by row: its CCC needs only the sums of 1, t, p, tt, pp and tp,
which are products of how often each cluster was drawn with the sums of that cluster.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 2**22  # draws held at once: 32 MiB of float64
LEAST_SPREAD = 1e-14  # squared rating units, above the rounding of float64 sums


@dataclass(frozen=True)
class Fold:
    """The test part of one fold; utterances sorted by id."""

    name: str
    ids: np.ndarray  # (n,)
    clusters: np.ndarray  # (n,) counted from 0
    truth: np.ndarray  # (n, targets)
    predicted: np.ndarray  # (seeds, n, targets)


def draws(count: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of `count` things is drawn, `count` draws with replacement.

    Returns:
        (replicates, count) float64; every row adds up to `count`
    """
    drawn = rng.integers(count, size=(replicates, count))
    places = drawn + count * np.arange(replicates)[:, None]
    times = np.bincount(places.ravel(), minlength=replicates * count)
    return times.reshape(replicates, count).astype(np.float64)


def replicated(
    runs: Sequence[Sequence[Fold]], replicates: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """The figure of every run in every replicate, on the same draws of clusters.

    Args:
        runs: the folds of each run; the same utterances and clusters in all
        replicates: how many
        rng: draws clusters, then the seeds of each run, fold by fold

    Returns:
        for each run (replicates, targets), means over folds of the means over seeds;
        nan if a fold has but one cluster, because then its error is not known (drawing
        it again and again would make it 0)
    """
    found = [np.zeros((replicates, run[0].truth.shape[1])) for run in runs]
    for folds in zip(*runs, strict=True):
        sums = [_sums(fold) for fold in folds]
        for rows in _blocks(replicates, len(sums[0])):
            times = draws(len(sums[0]), len(rows), rng)
            for total, fold, columns in zip(found, folds, sums, strict=True):
                seeds = len(fold.predicted)
                chosen = draws(seeds, len(rows), rng) / seeds
                each = _ccc(times @ columns, seeds)
                total[rows] += np.einsum("rs,rst->rt", chosen, each) / len(runs[0])
    if any(fold.clusters.max() == 0 for fold in runs[0]):
        return [np.full_like(total, np.nan) for total in found]
    return found


def _blocks(replicates: int, count: int) -> Iterator[np.ndarray]:
    """Consecutive replicates, few enough for memory."""
    size = max(1, BLOCK // count)
    for first in range(0, replicates, size):
        yield np.arange(first, min(first + size, replicates))


def _sums(fold: Fold) -> np.ndarray:
    """(clusters, 1 + 2 targets + 3 seeds * targets): of 1, t, tt, p, pp, tp."""
    centre = fold.truth.mean(axis=0)  # small numbers lose less when subtracted
    t, p = fold.truth - centre, np.moveaxis(fold.predicted - centre, 0, 1)
    one = np.ones((len(t), 1))
    per_seed = [x.reshape(len(t), -1) for x in (p, p * p, p * t[:, None])]
    columns = np.hstack([one, t, t * t, *per_seed])
    found = np.zeros((1 + fold.clusters.max(), columns.shape[1]))
    np.add.at(found, fold.clusters, columns)
    return found


def _ccc(sums: np.ndarray, seeds: int) -> np.ndarray:
    """CCC from weighted sums, (replicates, columns) -> (replicates, seeds, targets)"""
    targets = (sums.shape[1] - 1) // (2 + 3 * seeds)
    means = sums[:, 1:] / sums[:, :1]
    t, tt = np.split(means[:, None, : 2 * targets], 2, axis=2)
    p, pp, tp = (
        x.reshape(len(sums), seeds, targets)
        for x in np.split(means[:, 2 * targets :], 3, axis=1)
    )
    spread = tt + pp - 2 * t * p  # var(t) + var(p) + (mean(t) - mean(p))^2
    known = spread > LEAST_SPREAD
    found = np.full_like(p, np.nan)
    np.divide(2 * (tp - t * p), spread, out=found, where=known)
    return found
