"""How far a CCC would move with other dialogues and other seeds: the bootstrap.

A replicate resamples, with replacement, the dialogues of each fold's test part and the
seeds of each fold; its figure is the mean over folds and seeds of the CCC, as in the
table. The interval is that of the percentiles. Utterances of one dialogue are alike, so
resampling them one by one would promise too narrow an interval. What it cannot know is
how another corpus, or other speakers, would do; and with a single seed, how another
training would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from data.predictions import FoldRow, Predictions, Run
from fuse import metrics
from fuse.resampling import Fold, replicated

REPLICATES = 2000
LEVEL = 0.95
UNITS = ("dialogue", "speaker", "utterance")  # what is resampled


@dataclass(frozen=True)
class Interval:
    """A figure and what it could have been; the bounds are nan where unknown."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """CCC of one run, and the sizes that the intervals rest on."""

    ratings: Mapping[str, Interval]
    mean: Interval  # over the ratings
    utterances: int  # scored, of all folds
    folds: int
    seeds: int  # the fewest of any fold
    unit: str  # one of UNITS
    clusters: int  # units resampled, of all folds


def bootstrap(
    run: Run,
    *,
    unit: str = "",
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> Estimate:
    """CCC of every rating and their mean, each with its interval.

    Args:
        run: with the same test utterances for every seed of a fold
        unit: what is resampled; by default dialogues if any is known, else utterances.
            An utterance without a known dialogue or speaker stands for itself
        replicates: the bounds of 2000 vary by about a twentieth of the interval
        level: share of replicates inside the interval
        seed: of the resampling; the same seed gives the same bounds

    Returns:
        means over folds of the means over seeds. A bound is nan if a fold has only one
        unit to resample, or if a replicate has no CCC because ratings and predictions
        were the same constant; a value is nan if that holds for a fold itself

    Raises:
        ValueError: if nothing was predicted, or the unit is unknown
    """
    unit = unit or default_unit(run)
    folds = _folds(run, unit)
    (found,) = replicated([folds], replicates, np.random.default_rng(seed))
    values = _values(folds)
    return Estimate(
        ratings={
            name: _interval(values[k], found[:, k], level)
            for k, name in enumerate(run.info.targets)
        },
        mean=_interval(values.mean(), found.mean(axis=1), level),
        utterances=sum(len(fold.ids) for fold in folds),
        folds=len(folds),
        seeds=min(len(fold.predicted) for fold in folds),
        unit=unit,
        clusters=sum(1 + int(fold.clusters.max()) for fold in folds),
    )


def paired_difference(
    a: Run,
    b: Run,
    *,
    unit: str = "",
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Mean CCC of `a` less that of `b`, on the same resampled utterances.

    What makes an utterance hard is hard for both and cancels, so the interval is
    narrower than the two single ones suggest. Seeds are drawn for each run on its own:
    seed 0 of one design has nothing in common with seed 0 of another.

    Args:
        a: the run that might be better
        b: the run to compare with; other arguments as for `bootstrap`

    Raises:
        ValueError: if the runs were not scored on the same utterances and ratings
    """
    unit = unit or default_unit(a)
    pair = _folds(a, unit), _folds(b, unit)
    for mine, yours in zip_longest(*pair):
        if a.info.targets != b.info.targets or not _comparable(mine, yours):
            raise ValueError(
                f"runs '{a.info.name}' and '{b.info.name}' were not scored on the same "
                f"utterances and ratings (fold '{(mine or yours).name}'); train both "
                f"on the same cache and protocol to compare them"
            )
    ours, theirs = replicated(pair, replicates, np.random.default_rng(seed))
    value = _values(pair[0]).mean() - _values(pair[1]).mean()
    return _interval(value, (ours - theirs).mean(axis=1), level)


def default_unit(run: Run) -> str:
    """``dialogue`` if the corpus knows any, else ``utterance``."""
    known = any(row.dialogue for row in run.folds if row.part == "test")
    return "dialogue" if known else "utterance"


def subset(run: Run, *, scripted: bool) -> Run | None:
    """The run with its scripted, or its improvised, test utterances only.

    Returns:
        None if there is none; utterances of which it is unknown are in neither
    """
    wanted = {
        (row.fold, row.id)
        for row in run.folds
        if row.part == "test" and row.scripted is scripted
    }
    p = run.predictions
    rows = [pair in wanted for pair in zip(p.fold.tolist(), p.id.tolist(), strict=True)]
    if not any(rows):
        return None
    kept = Predictions(
        p.id[rows], p.fold[rows], p.seed[rows], p.truth[rows], p.predicted[rows]
    )
    return replace(run, predictions=kept)


def _folds(run: Run, unit: str) -> list[Fold]:
    """The folds of a run, sorted by name."""
    if unit not in UNITS or not len(run.predictions):
        raise ValueError(
            f"run '{run.info.name}' has {len(run.predictions)} predictions to resample "
            f"by {unit!r}; there must be one at least, and a unit of {', '.join(UNITS)}"
        )
    rows = {(row.fold, row.id): row for row in run.folds if row.part == "test"}
    names = np.unique(run.predictions.fold).tolist()
    return [stack(run.predictions, name, rows, unit) for name in names]


def stack(
    p: Predictions, name: str, rows: Mapping[tuple[str, str], FoldRow], unit: str
) -> Fold:
    """One fold, its predictions stacked by seed."""
    rows_here = np.flatnonzero(p.fold == name)
    order = np.lexsort((p.id[rows_here], p.seed[rows_here]))
    seeds = len(np.unique(p.seed[rows_here]))
    here = rows_here[order].reshape(seeds, -1)  # (seeds, n)
    ids = p.id[here[0]]
    # the blank keeps an id from meeting a dialogue of the same name
    keys = [getattr(rows[name, i], unit, "") or f" {i}" for i in ids.tolist()]
    clusters = np.unique(keys, return_inverse=True)[1].reshape(-1)
    return Fold(name, ids, clusters, p.truth[here[0]], p.predicted[here])


def _comparable(a: Fold | None, b: Fold | None) -> bool:
    """Whether two folds hold the same utterances with the same ratings."""
    return (
        a is not None
        and b is not None
        and a.name == b.name
        and np.array_equal(a.ids, b.ids)
        and np.allclose(a.truth, b.truth, atol=1e-6)  # float32 in one, 64 in the other
    )


def _values(folds: Sequence[Fold]) -> np.ndarray:
    """Mean over folds of the mean over seeds of the CCC: (targets,)"""
    targets = range(folds[0].truth.shape[1])
    each = [
        [
            np.mean([metrics.ccc(f.truth[:, k], seed[:, k]) for seed in f.predicted])
            for k in targets
        ]
        for f in folds
    ]
    return np.asarray(np.mean(each, axis=0))


def _interval(value: float, replicates: np.ndarray, level: float) -> Interval:
    """Percentiles of the replicates; unknown if any of them is."""
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high))
