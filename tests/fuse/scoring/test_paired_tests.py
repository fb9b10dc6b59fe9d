import dataclasses

import numpy as np
import pytest
from statistic_runs import make_run

from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.cluster_resampling import swap_clusters
from affuse.fuse.scoring.paired_tests import holm, paired_difference, permutation_test
from affuse.fuse.scoring.statistics import folds


def test_holm_equals_a_hand_computed_example():
    # .005 * 4 = .02, .01 * 3 = .03, .03 * 2 = .06, .04 * 1 = .04, which rises to .06
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx((0.03, 0.06, 0.06, 0.02), abs=1e-15)


def test_holm_leaves_out_what_was_not_tested_and_stops_at_one():
    found = holm([0.6, float("nan"), 0.9])
    assert (found[0], found[2]) == (1, 1)
    assert np.isnan(found[1])
    assert holm([]) == ()


def naive(a, b, given, k):
    """The exchanged difference of one rating, built row by row."""
    rows = given[a.clusters].astype(bool)
    each = []
    for p in a.predicted[:, :, k]:
        for q in b.predicted[:, :, k]:
            pair = np.where(rows, q, p), np.where(rows, p, q)
            each.append(np.subtract(*(metrics.ccc(a.truth[:, k], x) for x in pair)))
    return np.mean(each)


def test_exchanges_equal_those_built_row_by_row(monkeypatch):
    a = folds(make_run(seeds=2), "dialogue")[0]
    b = folds(make_run(seeds=3, first=10), "dialogue")[0]
    coins = np.random.default_rng(5).integers(2, size=(20, 4), dtype=np.int8)
    (found,) = swap_clusters(a, b, 20, np.random.default_rng(5))
    for given, row in zip(coins, found, strict=True):
        expected = [naive(a, b, given, k) for k in range(3)]
        assert row == pytest.approx(expected, abs=1e-10)
    monkeypatch.setattr("affuse.fuse.scoring.cluster_resampling.BLOCK", 8 * 18 * 6)
    parts = list(swap_clusters(a, b, 20, np.random.default_rng(5)))
    assert [len(part) for part in parts] == [6, 6, 6, 2]


def test_identical_predictions_have_p_one_and_no_difference():
    run = make_run()
    assert permutation_test(run, run, permutations=99) == 1
    found = paired_difference(run, run)
    assert found.value == 0
    assert np.isnan([found.low, found.high]).all()  # nothing moves it


def test_one_seed_with_few_dialogues_has_the_exact_p():
    a = make_run(folds=1, seeds=1, dialogues=4, noise=0.05, gain=1)
    b = make_run(folds=1, seeds=1, dialogues=4, noise=0.8, first=1)
    # only 2 of the 16 exchanges, none and all, give a difference as large
    found = permutation_test(a, b, permutations=20_000)
    assert found == pytest.approx(2 / 16, abs=0.01)  # four standard deviations


def test_p_does_not_depend_on_the_order_and_repeats_with_its_seed():
    a, b = make_run(), make_run(first=10, seeds=2, gain=0.7)
    found = permutation_test(a, b, permutations=499)
    assert permutation_test(a, b, permutations=499) == found
    assert permutation_test(a, b, permutations=499, seed=1) != found
    assert permutation_test(b, a, permutations=499) == pytest.approx(found, abs=0.15)


def test_a_clear_difference_is_significant_and_none_is_not():
    a = make_run(dialogues=10, noise=0.2)
    worse = make_run(dialogues=10, noise=0.6, first=10)
    same = make_run(dialogues=10, noise=0.2, first=20)
    assert permutation_test(a, worse, permutations=999) < 0.01
    assert permutation_test(a, same, permutations=999) > 0.05


def test_a_single_cluster_shows_no_difference():
    one = {"folds": 1, "dialogues": 1}
    a, b = (make_run(**one, seeds=1, noise=n) for n in (0.1, 0.5))
    assert permutation_test(a, b, permutations=99) == 1
    assert np.isnan(paired_difference(a, b).low)
    several = make_run(**one, noise=0.1)
    assert permutation_test(several, b, permutations=99) == 1


def test_seeds_that_differ_are_not_taken_for_a_difference_of_designs():
    # each model is far from others of its design, and alike in all dialogues
    def shifted(first, shifts):
        run = make_run(folds=1, dialogues=20, first=first, noise=0.1)
        p = run.predictions
        more = np.array(shifts)[p.seed - first][:, None]
        moved = dataclasses.replace(p, predicted=p.predicted + more)
        return dataclasses.replace(run, predictions=moved)

    a, b = shifted(0, (0, 0, 0.8)), shifted(3, (0, 0.8, 0.9))
    assert permutation_test(a, b, permutations=999) > 0.05
    found = paired_difference(a, b)
    assert found.low < 0 < found.high


def test_p_is_nan_if_a_ccc_is_undefined():
    run = make_run(folds=1)
    same = np.full_like(run.predictions.truth, 0.1)
    flat = dataclasses.replace(run.predictions, truth=same, predicted=same)
    flat = dataclasses.replace(run, predictions=flat)
    assert np.isnan(permutation_test(flat, flat, permutations=9))
