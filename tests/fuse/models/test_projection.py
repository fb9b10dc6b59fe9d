import numpy as np
import pytest
import torch

from affuse.fuse.models.projection import Projection


def rows(n=50, dim=6):
    torch.manual_seed(0)
    return 3 + torch.randn(n, dim) * torch.arange(1, dim + 1)


def test_training_rows_are_standardised():
    x = rows()
    found = Projection.fitted(x)(x)
    # float32 holds numbers near 10 to 1e-6
    torch.testing.assert_close(found.mean(0), torch.zeros(6), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        found.std(0, correction=0), torch.ones(6), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -1000.0])
def test_a_constant_feature_is_ignored(value):
    x = rows()
    x[:, 2] = value
    projection = Projection.fitted(x)
    x[:, 2] = value + 50
    assert not projection(x)[:, 2].any()
    assert projection(x).abs().max() < 10


def test_the_unit_of_the_embeddings_does_not_matter():
    x = rows()
    expected, found = Projection.fitted(x)(x), Projection.fitted(1e-6 * x)(1e-6 * x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n", "wanted", "found"), [(50, 4, 4), (50, 9, 6), (3, 4, 3)])
def test_components_are_limited_by_rows_and_features(n, wanted, found):
    projection = Projection.fitted(rows(n), components=wanted)
    assert projection.size == found
    assert projection(rows(5)).shape == (5, found)


def test_components_are_uncorrelated_of_mean_variance_one():
    x = rows()
    found = Projection.fitted(x, components=4)(x).double().numpy()
    covariance = np.cov(found.T)  # n - 1, as sklearn divides
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-5)
    assert np.diag(covariance).mean() == pytest.approx(1, abs=1e-5)
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_a_projection_has_no_trainable_parameters():
    projection = Projection.fitted(rows(), components=2)
    assert list(projection.parameters()) == []
    assert sorted(projection.state_dict()) == ["mean", "rotation", "scale"]
