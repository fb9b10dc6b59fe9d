import numpy as np
import pytest
import torch

from affuse.fuse import losses
from affuse.fuse.scoring import metrics


def batch(*shape, dtype=torch.float32):
    """Prediction and truth that agree in part."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(*shape, generator=generator, dtype=torch.float64) * 2 - 1
    noise = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return (0.6 * truth + 0.2 * noise + 0.1).to(dtype), truth.to(dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-12), (torch.float32, 1e-6)],  # rounding of the type
)
def test_the_ccc_loss_is_one_minus_the_reported_ccc(dtype, tolerance):
    prediction, truth = batch(200, 3, dtype=dtype)
    expected = np.mean([metrics.ccc(truth[:, k], prediction[:, k]) for k in range(3)])
    found = 1 - losses.ccc_loss(prediction, truth).item()
    assert found == pytest.approx(expected, abs=tolerance)


def test_mse_is_the_square_of_the_reported_rmse():
    prediction, truth = batch(200, 1, dtype=torch.float64)
    expected = metrics.rmse(truth[:, 0], prediction[:, 0]) ** 2
    assert losses.mse(prediction, truth).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradient_is_the_derivative(name):
    prediction, truth = batch(6, 2, dtype=torch.float64)
    loss = losses.loss(name, mix=0.3)
    assert torch.autograd.gradcheck(loss, (prediction.requires_grad_(), truth))


def gradient(prediction, truth):
    prediction = prediction.clone().requires_grad_()
    losses.ccc_loss(prediction, truth).backward()
    return prediction.grad


def test_a_constant_prediction_is_drawn_towards_the_truth():
    truth = torch.tensor([[-1.0], [0.0], [1.0]])
    found = gradient(torch.zeros(3, 1), truth)
    # d ccc / d p_i = 2 (t_i - mean) / n / var(t) = 2 t_i / 3 / (2 / 3) = t_i
    torch.testing.assert_close(found, -truth, rtol=1e-6, atol=1e-6)  # float32


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_the_same_constant_has_a_gradient_of_zero(value):
    same = torch.full((4, 3), value)
    assert losses.ccc_loss(same, same).item() == 1
    assert gradient(same, same).abs().max() < 1e-6  # rounding of the mean


def test_stacked_models_get_the_loss_each_would_get_alone():
    prediction, truth = batch(5, 40, 3)
    for loss in (losses.ccc_loss, losses.mse, losses.mix(0.5)):
        found = loss(prediction, truth)
        alone = [loss(prediction[k], truth[k]) for k in range(5)]
        assert found.shape == (5,)
        # float32; the order of summation may differ
        torch.testing.assert_close(found, torch.stack(alone), rtol=1e-6, atol=1e-6)


def test_half_precision_is_cast_up_inside_autocast():
    prediction, truth = batch(2000, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = losses.ccc_loss(prediction.bfloat16(), truth)
    assert found.dtype == torch.float32
    expected = losses.ccc_loss(prediction.bfloat16().float(), truth)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_reconstruction_does_not_grow_with_the_features():
    narrow, wide = torch.ones(4, 8), torch.ones(4, 1024)
    for features in (narrow, wide):
        found = losses.reconstruction(0.5 * features, features).item()
        assert found == pytest.approx(0.25, rel=1e-6)


def test_the_mix_is_weighted():
    prediction, truth = batch(20, 3)
    ccc, mse = losses.ccc_loss(prediction, truth), losses.mse(prediction, truth)
    found = losses.loss("mix", mix=0.25)(prediction, truth)
    torch.testing.assert_close(found, 0.25 * ccc + 0.75 * mse, rtol=1e-6, atol=1e-6)


def test_small_batches_are_biased_low():
    prediction, truth = batch(160 * losses.SMALLEST_BATCH, 1)
    whole = losses.ccc_loss(prediction, truth)

    def mean(size):
        parts = (x.view(-1, size, 1) for x in (prediction, truth))
        return losses.ccc_loss(*parts).mean()

    assert mean(4) - whole > 0.05
    assert abs(mean(losses.SMALLEST_BATCH) - whole) < 0.03
    assert abs(mean(128) - whole) < 0.01


def test_an_unknown_loss_lists_the_choices():
    with pytest.raises(ValueError, match="no loss 'mae': choose from ccc, mse, mix"):
        losses.loss("mae", mix=0.5)


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_a_weight_outside_the_unit_interval_is_refused(weight):
    with pytest.raises(ValueError, match="must be in"):
        losses.mix(weight)
