import pytest
import torch
from torch import nn

from affuse.fuse.losses import reconstruction
from affuse.fuse.models.autoencoder import Autoencoder


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Autoencoder(12, hidden=8, latent=3)


@pytest.mark.parametrize("batch", [1, 5])
def test_shapes(model, batch):
    x = torch.randn(batch, 12)
    assert model.encode(x).shape == (batch, 3)
    assert model(x).shape == (batch, 12)


def test_the_decoder_mirrors_the_encoder(model):
    def sizes(half):
        layers = [layer for layer in half if isinstance(layer, nn.Linear)]
        return [(layer.in_features, layer.out_features) for layer in layers]

    assert sizes(model.encoder) == [(12, 8), (8, 3)]
    assert sizes(model.decoder) == [(3, 8), (8, 12)]


def test_every_parameter_gets_a_gradient(model):
    model(torch.randn(5, 12)).square().sum().backward()
    assert [n for n, p in model.named_parameters() if not p.grad.any()] == []


def test_it_learns_to_restore_what_three_numbers_determine(model):
    x = torch.randn(200, 3) @ torch.randn(3, 12)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    for _ in range(300):
        optimizer.zero_grad()
        loss = reconstruction(model(x), x)
        loss.backward()
        optimizer.step()
    # of a variance of 3; a linear code of three numbers would leave nothing
    assert loss < 0.15
