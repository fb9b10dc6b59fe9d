"""Simulated coverage of the intervals, and p-values where nothing is to be found.

The population is known: ratings and predictions of two designs that are equally good,
with errors that are partly common to a dialogue and partly to both designs.
"""

from dataclasses import replace

import numpy as np
import pytest
from test_statistics import make_run

from data.predictions import Predictions
from fuse.paired import paired_difference, permutation_test
from fuse.statistics import estimate

SPREAD, GAIN, NOISE = 0.4, 0.6, 0.3
TRUE = 2 * GAIN * SPREAD**2 / (SPREAD**2 + GAIN**2 * SPREAD**2 + NOISE**2)
TRIALS = 600  # a share of .95 has a standard error of .009
LOW, HIGH = 0.93, 0.97


def pair_of(run, rng, *, drift=0.0):
    """Two runs of two equal designs, with `drift` between the seeds of each."""
    p = run.predictions
    ids, row = np.unique(p.id, return_inverse=True)  # in the toy unique over folds
    names = [id_.rpartition("_")[0] for id_ in ids.tolist()]
    dialogue = np.unique(names, return_inverse=True)[1]
    seeds, seed = np.unique(p.seed, return_inverse=True)

    def draw():
        """A third of the variance is of dialogues, the rest of utterances: (n, 1)"""
        of_dialogue = rng.normal(size=dialogue.max() + 1)[dialogue]
        own = rng.normal(size=len(ids))
        return (np.sqrt(1 / 3) * of_dialogue + np.sqrt(2 / 3) * own)[:, None]

    truth, common = SPREAD * draw(), draw()
    found = []
    for _ in range(2):
        error = NOISE * (np.sqrt(0.6) * common + np.sqrt(0.4) * draw())
        moved = drift * rng.normal(size=(len(seeds), 1))[seed]
        predicted = (GAIN * truth + error)[row] + moved
        drawn = Predictions(p.id, p.fold, p.seed, truth[row], predicted)
        found.append(replace(run, predictions=drawn))
    return found


def bare(**sizes):
    """A run of one rating, whose predictions are to be replaced."""
    run = make_run(**sizes)
    p = run.predictions
    one = replace(p, truth=p.truth[:, :1], predicted=p.predicted[:, :1])
    info = replace(run.info, targets=("valence",))
    return replace(run, info=info, predictions=one)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dialogues", "folds", "turns"),
    [(6, 1, 20), (10, 1, 20), (15, 1, 20), (31, 1, 10), (9, 5, 10)],
)
def test_intervals_cover_what_they_say(dialogues, folds, turns):
    run = bare(dialogues=dialogues, folds=folds, turns=turns, seeds=1)
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(TRIALS):
        a, b = pair_of(run, rng)
        single, difference = estimate(a).mean, paired_difference(a, b)
        hits += (
            single.low <= TRUE <= single.high,
            difference.low <= 0 <= difference.high,
        )
    found = hits / TRIALS
    assert (found >= LOW).all(), found
    assert (found <= HIGH).all(), found


@pytest.mark.slow
def test_p_is_uniform_where_designs_are_equal():
    run = bare(dialogues=12, folds=1, turns=20, seeds=1)
    rng = np.random.default_rng(1)
    p = [
        permutation_test(*pair_of(run, rng), permutations=199, seed=trial)
        for trial in range(TRIALS)
    ]
    # three standard errors
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        error = 3 * np.sqrt(level * (1 - level) / TRIALS)
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=error)


@pytest.mark.slow
def test_p_is_not_too_small_where_seeds_differ():
    run = bare(dialogues=12, folds=2, turns=20, seeds=3)
    rng = np.random.default_rng(2)
    p = [
        permutation_test(*pair_of(run, rng, drift=0.15), permutations=199, seed=trial)
        for trial in range(TRIALS)
    ]
    for level in (0.05, 0.25):
        error = 3 * np.sqrt(level * (1 - level) / TRIALS)
        assert np.mean(np.array(p) <= level) <= level + error


def test_the_simulated_population_is_the_one_that_is_said():
    run = bare(dialogues=400, folds=1, turns=25, seeds=1)
    for drawn in pair_of(run, np.random.default_rng(3)):
        found = estimate(drawn, unit="utterance").mean.value
        assert found == pytest.approx(TRUE, abs=0.04)  # three standard errors
