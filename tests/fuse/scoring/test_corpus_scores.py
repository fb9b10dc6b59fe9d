"""CCC on a test corpus that every model predicts, and its interval."""

import dataclasses

import numpy as np
import pytest
from report_runs import info_of

from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.fuse.scoring.corpus_scores import estimate_test_corpus
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.scoring.statistics import estimate

SIZE, DIALOGUES = 80, 16


def applied_run(folds=("one", "two"), seeds=(0, 1), noise=0.3):
    """Return a run whose models all predict the same utterances of 16 dialogues."""
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 0.4, (SIZE, 3))
    ids = np.array([f"u{k:02d}" for k in range(SIZE)])
    shared = rng.normal(0, 0.2, (SIZE, 3))
    units = [
        Predictions(
            id=ids,
            fold=np.repeat(fold, SIZE),
            seed=np.repeat(seed, SIZE),
            truth=truth,
            predicted=0.7 * truth + shared + rng.normal(0, noise, (SIZE, 3)),
        )
        for fold in folds
        for seed in seeds
    ]
    names = [field.name for field in dataclasses.fields(Predictions)]
    joined = {n: np.concatenate([getattr(u, n) for u in units]) for n in names}
    rows = tuple(
        FoldRow(fold, "test", id_, "", f"d{k % DIALOGUES}")
        for fold in folds
        for k, id_ in enumerate(ids.tolist())
    )
    return Run(None, info_of("late"), Predictions(**joined), rows)


def test_a_figure_is_the_mean_ccc_of_all_models():
    run = applied_run()
    p, values = run.predictions, []
    for fold in ("one", "two"):
        for seed in (0, 1):
            rows = (p.fold == fold) & (p.seed == seed)
            values.append(ccc(p.truth[rows, 0], p.predicted[rows, 0]))
    found = estimate_test_corpus(run)
    assert found.ratings["valence"].value == pytest.approx(np.mean(values))
    assert (found.folds, found.seeds) == (2, 2)


def test_each_utterance_and_cluster_counts_once():
    found = estimate_test_corpus(applied_run())
    assert (found.utterances, found.clusters, found.unit) == (80, 16, "dialogue")


def test_models_of_more_folds_do_not_make_more_dialogues():
    """Folds with other test utterances halve the variance; the same ones do not."""
    run = applied_run(noise=0.0, seeds=(0,))
    one = estimate_test_corpus(applied_run(folds=("one",), noise=0.0, seeds=(0,)))
    two, wrong = estimate_test_corpus(run), estimate(run)
    assert two.mean.high - two.mean.low == pytest.approx(one.mean.high - one.mean.low)
    assert wrong.mean.high - wrong.mean.low < 0.8 * (two.mean.high - two.mean.low)


def test_one_fold_is_scored_as_any_run():
    run = applied_run(folds=("one",))
    assert estimate_test_corpus(run).ratings == estimate(run).ratings


def test_models_that_differ_by_seed_have_a_wider_interval():
    calm, noisy = (estimate_test_corpus(applied_run(noise=n)) for n in (0.0, 0.8))
    assert noisy.mean.high - noisy.mean.low > calm.mean.high - calm.mean.low
