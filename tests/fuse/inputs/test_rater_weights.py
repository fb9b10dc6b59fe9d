"""Weights of rows by the number of raters, estimated on training rows."""

import dataclasses

import numpy as np
import pytest
import torch
from learnable_corpus import corpus, labelled

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Utterance
from affuse.data.single_ratings import summaries
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.rater_weights import inverse_counts, rater_weights
from affuse.fuse.inputs.training_labels import demand_labels
from affuse.fuse.rater_variance import rater_terms, variance_components
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped.extra_supervision import row_weight

BY_RATERS = Settings(weighting="raters")


def weights(utterances):
    found = rater_weights(utterances)
    return row_weight(inverse_counts(utterances), found.typical, found.scale)[:, 0]


def rated(*ratings, name="valence"):
    return [
        Utterance(f"u{k}", ratings={name: 1.0}, raters=summaries({name: each}))
        for k, each in enumerate(ratings)
    ]


def test_weights_are_the_precision_of_the_means_scaled_to_a_mean_of_one():
    utterances = labelled(corpus()).utterances
    expected = []
    for name in RATINGS:
        found = [u.raters for u in utterances]
        sums = rater_terms(found, (name,), {name: 3.0}).sum(axis=0)
        parts = variance_components(sums)
        counts = np.array([summary[name].raters for summary in found])
        each = 1 / (parts.between + parts.within / counts)
        expected.append(each / each.mean())
    np.testing.assert_allclose(weights(utterances), np.mean(expected, 0), rtol=1e-5)
    assert float(weights(utterances).mean()) == pytest.approx(1, abs=1e-6)


def test_more_raters_weigh_more_and_without_noise_all_weigh_the_same():
    noisy = rated([1, 2], [2, 5, 4, 3], [5, 4], [3, 4, 5])
    found = weights(noisy).tolist()
    assert found[0] == found[2] < found[3] < found[1]
    exact = rated([1, 1], [2, 2, 2], [5, 5])
    torch.testing.assert_close(weights(exact), torch.ones(3))


def test_opinions_that_do_not_differ_are_weighted_by_the_number_of_raters():
    found = weights(rated([1, 5], [5, 1, 3, 3], [1, 5]))
    torch.testing.assert_close(
        found[1] / found[0], torch.tensor(2.0), rtol=1e-4, atol=0
    )


def test_a_rating_that_some_rows_lack_has_no_weight():
    first, second = rated([1, 2], [3, 3, 5])
    more = summaries({"valence": [3, 4, 5], "arousal": [1, 2, 2, 2]})
    third = dataclasses.replace(second, id="c", raters=more)
    alone = dataclasses.replace(third, raters={"valence": more["valence"]})
    found = weights([first, second, third])
    assert torch.equal(found, weights([first, second, alone]))


@pytest.mark.parametrize(
    ("utterances", "words"),
    [
        (
            [Utterance("u0"), Utterance("u1")],
            "the corpus has no single ratings; ",
        ),
        (rated([1], [2]), "each of the 2 training utterances has a single rater"),
        ([*rated([1, 2]), Utterance("u1")], "1 of 2 .* have no single ratings of val"),
    ],
)
def test_training_parts_without_enough_raters_are_refused(utterances, words):
    fold = Fold("1", ("u0", "u1"), (), ())
    with pytest.raises(AffuseError, match=f"^fold '1': weighting=raters: .*{words}"):
        demand_labels(utterances, BY_RATERS, [fold])


def test_only_training_utterances_need_raters():
    utterances = [*rated([1, 2], [2, 3]), Utterance("u2")]
    demand_labels(utterances, BY_RATERS, [Fold("1", ("u0", "u1"), ("u2",), ())])
