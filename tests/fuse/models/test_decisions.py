import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from affuse.fuse.models.decisions import (
    DecisionFusion,
    ccc_weights,
    scale_to_ccc,
    stacking_weights,
)
from affuse.fuse.scoring.metrics import ccc


def simulated_predictions(models=3, *, count=200, seed=0):
    """Models that know the ratings in part, each with its gain and shift."""
    rng = np.random.default_rng(seed)
    truth = 0.3 * rng.normal(size=count) + 0.2
    noise = rng.normal(size=(count, models)) @ rng.normal(size=(models, models))
    gains = rng.uniform(0.2, 2, models)
    return gains * (truth[:, None] + 0.3 * noise) + rng.normal(size=models), truth


def highest(y, truth, *, nonnegative):
    """The highest CCC that a numerical search finds, from several starts."""
    models = y.shape[1]
    low = 0 if nonnegative else None
    best = -1.0
    for seed in range(3):
        start = np.random.default_rng(seed).uniform(0.1, 1, models + 1)
        found = minimize(
            lambda x: -ccc(truth, y @ x[:-1] + x[-1]),
            start,
            bounds=[*[(low, None)] * models, (None, None)],
            method="L-BFGS-B",
            options={"maxiter": 500},
        )
        best = max(best, -found.fun)
    return best


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_search_finds_a_higher_ccc(seed, nonnegative):
    y, truth = simulated_predictions(seed=seed)
    weights, constant = ccc_weights(y, truth, nonnegative=nonnegative)
    expected = highest(y, truth, nonnegative=nonnegative)
    # the search stops where its gradient, by differences, is about 1e-5
    assert ccc(truth, y @ weights + constant) == pytest.approx(expected, abs=1e-4)
    assert not nonnegative or (weights >= 0).all()


def test_the_highest_ccc_is_the_multiple_correlation():
    y, truth = simulated_predictions()
    weights, constant = ccc_weights(y, truth)
    s, g = np.cov(y.T, bias=True), (y - y.mean(0)).T @ (truth - truth.mean()) / len(y)
    multiple = np.sqrt(g @ np.linalg.solve(s, g) / truth.var())
    fused = y @ weights + constant
    assert ccc(truth, fused) == pytest.approx(multiple, abs=1e-12)
    assert (fused.mean(), fused.std()) == pytest.approx((truth.mean(), truth.std()))


def test_without_a_bound_weights_may_be_negative():
    # the second model is the first one's error: it should be subtracted
    rng = np.random.default_rng(0)
    truth, error = rng.normal(size=(2, 100))
    y = np.stack([truth + error, error], axis=1)
    assert ccc_weights(y, truth)[0] == pytest.approx([1, -1])
    bounded, _ = ccc_weights(y, truth, nonnegative=True)
    assert bounded[0] > 0
    assert bounded[1] == 0


def test_models_with_a_negative_correlation_get_no_weight():
    _, truth = simulated_predictions()
    weights, constant = ccc_weights(-truth[:, None] - 3, truth, nonnegative=True)
    assert (weights.tolist(), constant) == ([0.0], pytest.approx(truth.mean()))


def test_equal_models_share_the_weight_of_one():
    y, truth = simulated_predictions(1)
    weights, constant = ccc_weights(np.hstack([y, y]), truth)
    single, same = ccc_weights(y, truth)
    assert (weights.sum(), constant) == pytest.approx((single[0], same))


def test_constant_predictions_get_no_weight():
    _, truth = simulated_predictions()
    weights, constant = scale_to_ccc(np.ones(1), np.full((200, 1), 0.1), truth)
    assert (weights[0], constant) == (0, pytest.approx(truth.mean()))


def test_stacking_uses_predictions_of_other_ratings():
    # nobody knows the truth, but somebody's arousal is what is left of it
    rng = np.random.default_rng(0)
    truth, other = rng.normal(size=(2, 300))
    y = np.stack([truth + other, 5 * other], axis=1)
    weights, constant = stacking_weights(y, truth)
    assert ccc(truth, y @ weights + constant) > 0.999
    assert weights == pytest.approx([1, -0.2], abs=0.01)


def test_decision_fusion_starts_as_the_mean():
    bases = {m: torch.nn.Linear(4, 2) for m in ("audio", "text")}

    class Base(torch.nn.Module):
        def __init__(self, modality):
            super().__init__()
            self.modality, self.linear = modality, bases[modality]

        def forward(self, features):
            return self.linear(features[self.modality])

    model = DecisionFusion({m: Base(m) for m in bases}, targets=2)
    features = {m: torch.randn(5, 4) for m in bases}
    said = [bases[m](features[m]) for m in bases]
    torch.testing.assert_close(model(features), sum(said) / 2)
    torch.testing.assert_close(model.base_predictions(features), torch.cat(said, dim=1))
