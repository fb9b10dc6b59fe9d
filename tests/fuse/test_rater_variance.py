"""Variance components of raters, against examples and simulated raters."""

import numpy as np
import pytest

from affuse.data.single_ratings import summaries
from affuse.fuse.rater_variance import (
    mean_ceiling,
    one_rater_ccc,
    rater_terms,
    variance_components,
)
from affuse.fuse.scoring import metrics

# Table 2 of Shrout and Fleiss (1979): six targets, each rated by four judges.
JUDGES = [
    *([9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8]),
    *([7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]),
]


def sums(ratings, centre=0.0):
    """Return the sums of utterances, given the single ratings of each."""
    found = [summaries({"valence": each}) for each in ratings]
    return rater_terms(found, ("valence",), {"valence": centre}).sum(axis=0)


def drawn(rng, n, *, between=0.8, within=1.0, counts=(2, 3, 5)):
    """Return true opinions, and the single ratings of raters with known noise."""
    truth = rng.normal(3, between, n)
    raters = rng.choice(counts, n)
    noise = within * rng.normal(size=(n, max(counts)))
    pairs = zip(truth, noise, raters, strict=True)
    return truth, [t + e[:k] for t, e, k in pairs]


def test_the_reliability_is_that_of_the_published_example():
    found = variance_components(sums(JUDGES))
    assert found.reliability == pytest.approx(0.44, abs=0.005)  # ICC(1,4)
    single = found.between / (found.between + found.within)
    assert single == pytest.approx(0.17, abs=0.005)  # ICC(1,1)


def test_one_rater_is_compared_with_the_mean_of_each_others():
    ratings = [[1, 2, 4], [3, 3], [5, 4, 4, 2], [2]]
    pairs = [
        (rating, np.mean(each[:j] + each[j + 1 :]), 1 / len(each))
        for each in ratings
        if len(each) > 1
        for j, rating in enumerate(each)
    ]
    x, y, weight = np.array(pairs).T
    means = [np.average(v, weights=weight) for v in (x, y)]
    centred = x - means[0], y - means[1]
    products = centred[0] * centred[1], centred[0] ** 2, centred[1] ** 2
    covariance, *variances = (np.average(v, weights=weight) for v in products)
    shift = means[0] - means[1]
    expected = 2 * covariance / (sum(variances) + shift**2)
    for centre in (0.0, 3.0):
        assert one_rater_ccc(sums(ratings, centre)) == pytest.approx(expected)


def test_known_noise_of_raters_gives_the_known_ceiling():
    rng = np.random.default_rng(0)
    truth, ratings = drawn(rng, 10_000)
    found = variance_components(sums(ratings, 3.0))
    assert found.between == pytest.approx(0.64, rel=0.03)
    assert found.within == pytest.approx(1.0, rel=0.02)
    means = [np.mean(each) for each in ratings]
    ceiling = mean_ceiling(found.reliability)
    assert ceiling == pytest.approx(metrics.ccc(truth, means), abs=0.01)
    noise = np.mean([1 / k for k in (2, 3, 5)])
    assert ceiling == pytest.approx(2 * 0.64 / (2 * 0.64 + noise), abs=0.01)
    first = [each[0] for each in ratings]
    others = [np.mean(each[1:]) for each in ratings]
    expected = metrics.ccc(first, others)
    assert one_rater_ccc(sums(ratings, 3.0)) == pytest.approx(expected, abs=0.03)


def test_a_prediction_with_the_variance_of_the_means_reaches_the_root():
    truth, ratings = drawn(np.random.default_rng(1), 10_000)
    means = np.array([np.mean(each) for each in ratings])
    stretched = means.mean() + (truth - truth.mean()) * means.std() / truth.std()
    reliability = float(variance_components(sums(ratings, 3.0)).reliability[0])
    found = metrics.ccc(means, stretched)
    assert found == pytest.approx(reliability**0.5, abs=0.01)
    assert found > mean_ceiling(np.array(reliability))


def test_the_estimates_of_small_samples_are_not_biased():
    rng = np.random.default_rng(2)
    each = [drawn(rng, 40, counts=(1, 2, 4))[1] for _ in range(300)]
    found = [variance_components(sums(ratings, 3.0)) for ratings in each]
    assert np.mean([c.within for c in found]) == pytest.approx(1, abs=0.03)
    assert np.mean([c.between for c in found]) == pytest.approx(0.64, abs=0.03)


def test_a_single_rater_has_the_pooled_variance():
    pairs = [[1, 3], [2, 4], [5, 5]]
    alone = variance_components(sums([*pairs, [4]]))
    assert alone.within == pytest.approx(4 / 3)
    total = np.var([2, 3, 5, 4], ddof=1)
    noise = np.mean([1, 1, 0, 4 / 3])
    assert alone.reliability == pytest.approx(1 - noise / total)


@pytest.mark.parametrize("ratings", [[[1], [2], [3]], [[2, 2], [2, 2]], [[1, 3]]])
def test_without_enough_ratings_the_reliability_is_unknown(ratings):
    assert np.isnan(variance_components(sums(ratings)).reliability)


def test_raters_who_agree_less_than_by_chance_have_no_reliability():
    found = variance_components(sums([[1, 5], [5, 1], [2, 4.2]]))
    assert found.reliability == 0
    assert mean_ceiling(found.reliability) == 0
