import dataclasses

import numpy as np
import pytest
import torch
from learnable import corpus, embeddings
from sklearn.linear_model import Ridge

from data.ratings import RATINGS
from fuse.loop import ccc
from fuse.references import (
    PENALTIES,
    Zeroshot,
    apply_zeroshot,
    fit_ridge,
)
from fuse.references._linear import decompose
from fuse.tensors import HEAD, Rows, align


def parts(*features):
    aligned = align(corpus(), embeddings())
    ids = aligned.ids
    return [aligned.rows(part, features=features) for part in (ids[:200], ids[200:250])]


@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])  # primal and dual
def test_every_penalty_has_the_closed_form(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    x, y = x - x.mean(0), y - y.mean(0)
    spectrum = decompose(torch.from_numpy(x), torch.from_numpy(y))
    found = spectrum.weights(len(spectrum.values))
    assert found.shape == (len(PENALTIES), shape[1], 2)
    for weights, penalty in zip(found, PENALTIES, strict=True):
        expected = Ridge(penalty * len(x), fit_intercept=False, solver="svd").fit(x, y)
        np.testing.assert_allclose(weights.numpy(), expected.coef_.T, atol=1e-9)


def test_ridge_finds_what_is_linear():
    train, validation = parts("audio", "text")
    fitted = fit_ridge(train, validation)
    with torch.no_grad():
        found = ccc(validation.truth, fitted.module(validation.features))
    assert min(found) > 0.9
    # weights are rounded from float64 to float32 between the two
    assert found == pytest.approx(fitted.history[0].scores, abs=1e-5)


def test_ridge_chooses_a_penalty_for_each_rating():
    # valence is what the one feature says; arousal is noise, best left at its mean
    rng = np.random.default_rng(0)
    feature = torch.from_numpy(rng.normal(size=(60, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(size=(60, 20)).astype(np.float32))
    truth = torch.cat([feature, noise[:, :1].roll(1, 0)], dim=1)
    x = torch.cat([feature, noise], dim=1)
    halves = [
        Rows({"text": x[rows]}, truth[rows]) for rows in (slice(30), slice(30, 60))
    ]
    fitted = fit_ridge(*halves)
    assert fitted.history[0].scores[0] > 0.99
    weights = fitted.module.linear.weight.abs().sum(dim=1)
    assert weights[0] > weights[1]


def test_ridge_takes_nothing_from_validation_but_the_penalty():
    train, validation = parts("text")
    poisoned = dataclasses.replace(
        validation, features={"text": 1e6 + validation.features["text"]}
    )
    good, bad = (fit_ridge(train, rows).module for rows in (validation, poisoned))
    for name, values in good.projections.state_dict().items():
        assert torch.equal(values, bad.projections.state_dict()[name])


def test_zeroshot_goes_by_name():
    train, validation = parts(HEAD)
    head = ("arousal", "dominance", "valence")
    fitted = apply_zeroshot(train, validation, head=head, targets=RATINGS)
    # the head of these embeddings is the truth; float32 holds it to 1e-7
    found = fitted.module(validation.features)
    torch.testing.assert_close(found, validation.truth, rtol=0, atol=1e-6)
    assert fitted.score == pytest.approx(1, abs=1e-6)
    assert list(fitted.module.parameters()) == []


def test_zeroshot_of_some_ratings():
    model = Zeroshot(("arousal", "valence"), targets=("valence",))
    assert model({HEAD: torch.tensor([[0.0, 0.75]])}).tolist() == [[0.5]]


@pytest.mark.parametrize("head", [(), ("arousal", "valence")])
def test_zeroshot_without_a_head_says_how_to_get_one(head):
    sentence = r"dominance, and the cache holds .*; extract audio with --head"
    with pytest.raises(ValueError, match=sentence):
        Zeroshot(head, targets=RATINGS)


def test_an_undefined_ccc_names_its_rating():
    alike = Rows({"text": torch.ones(6, 1)}, torch.zeros(6, 1), targets=("arousal",))
    with pytest.raises(ValueError, match="CCC of arousal is not defined"):
        fit_ridge(alike, alike)
