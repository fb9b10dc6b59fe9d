"""Pooling of frames to vectors, and merging of blocks."""

import numpy as np
import pytest
import torch

from affuse.extract.encoding import pooling

LAYERS, STEPS, DIM = 2, 50, 6


@pytest.fixture
def hidden():
    """(batch, layers, steps, dim)"""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, LAYERS, STEPS, DIM)) * 3 + 5
    return torch.from_numpy(values.astype(np.float32))


def reduce_layers(hidden, how):
    return pooling.blocks([pooling.reduce(h, how) for h in hidden.unbind(1)])


def pool(hidden, how):
    return [pooling.vector(b, how) for b in reduce_layers(hidden, how)]


def test_mean_pooling_is_the_mean_over_steps(hidden):
    found = np.stack(pool(hidden, "mean"))
    assert found.shape == (3, LAYERS, DIM)
    # float32 sums of 50 values of size 5
    np.testing.assert_allclose(found, hidden.numpy().mean(axis=2), rtol=1e-5)


def test_deviation_is_that_of_the_population(hidden):
    found = np.stack(pool(hidden, "mean+std"))
    assert found.shape == (3, LAYERS, 2 * DIM)
    wanted = hidden.numpy().astype(np.float64).std(axis=2, ddof=0)
    np.testing.assert_allclose(found[..., DIM:], wanted, rtol=1e-5)  # float32
    np.testing.assert_array_equal(found[..., :DIM], np.stack(pool(hidden, "mean")))


def test_deviation_of_a_single_step_is_zero(hidden):
    found = np.stack(pool(hidden[:, :, :1], "mean+std"))
    np.testing.assert_array_equal(found[..., DIM:], 0.0)


def test_frames_are_steps_first(hidden):
    found = pool(hidden, "frames")
    assert [f.shape for f in found] == [(STEPS, LAYERS, DIM)] * 3
    np.testing.assert_array_equal(found[1][7, 1], hidden[1, 1, 7].numpy())


def test_half_precision_is_pooled_in_single(hidden):
    found = pool(hidden.half(), "mean")
    assert found[0].dtype == np.float32
    wanted = hidden.half().double().mean(dim=2)[0].numpy()
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5)  # float32 sums


@pytest.mark.parametrize("how", pooling.POOLINGS)
@pytest.mark.parametrize("cuts", [(25,), (1, 2, 40), (49,)])
def test_blocks_merge_to_the_whole(hidden, how, cuts):
    pieces = torch.tensor_split(hidden, cuts, dim=2)
    blocks = [reduce_layers(piece, how)[0] for piece in pieces]
    merged = pooling.merge(blocks)
    assert merged.steps == STEPS
    # float32 sums in another order
    np.testing.assert_allclose(
        pooling.vector(merged, how), pool(hidden, how)[0], rtol=1e-5, atol=1e-5
    )


def test_merging_far_from_zero_keeps_the_deviation():
    # the naive mean of squares minus square of the mean loses all digits here
    rng = np.random.default_rng(0)
    values = torch.from_numpy(rng.standard_normal((1, 1, 400, 3)) + 1e4).float()
    blocks = [reduce_layers(p, "mean+std")[0] for p in values.split(100, dim=2)]
    found = pooling.vector(pooling.merge(blocks), "mean+std")[0, 3:]
    wanted = values.double().numpy().std(axis=2)[0, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-3)  # 1e4 has a step of 1e-3


def test_an_unknown_pooling_is_named(hidden):
    block = reduce_layers(hidden, "mean")[0]
    with pytest.raises(ValueError, match=r"mean, mean\+std, frames, got 'median'"):
        pooling.vector(block, "median")
