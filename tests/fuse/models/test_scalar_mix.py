import dataclasses

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.fitted import ccc
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.scalar_mix import (
    PerRatingDesign,
    ScalarMix,
    blocks,
    layer_weights,
)
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit

LAYERS = {"audio": 3, "text": 2}
DIM = 4
SMALL = Settings(
    layers="weighted",
    latent=4,
    autoencoder_hidden=8,
    hidden=8,
    dropout=0.0,
    input_dropout=0.0,
    learning_rate=0.005,
    epochs=60,
    patience=60,
)


def rows(count=200, *, seed=0):
    """Rating 0 is in the last layer of speech, rating 1 in its first, each with noise.

    A layer holds the rating in all of its features; the other layers hold noise alone.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape):
        return torch.randn(*shape, generator=generator)

    truth = 0.4 * noise(count, 2)
    audio, text = (noise(count, LAYERS[m], DIM) for m in ("audio", "text"))
    audio[:, 2] += 4 * truth[:, :1]
    audio[:, 0] += 4 * truth[:, 1:]
    features = {"audio": audio.flatten(1), "text": text.flatten(1)}
    return Rows(features, truth, ("valence", "arousal"), LAYERS)


def system(fusion="early", **changes):
    settings = dataclasses.replace(SMALL, **changes)
    projections = {m: Projection.fitted(x) for m, x in rows().features.items()}
    torch.manual_seed(0)
    return System(fusion, projections, targets=2, settings=settings, layers=LAYERS)


def test_a_mixture_is_a_weighted_mean():
    mixture = ScalarMix(blocks(3, 12), 2)
    mixture.scores.data = torch.tensor([[0.0, 0, 0], [5, 0, 0]])
    x = torch.arange(12.0).reshape(1, 12)  # three layers of four features
    found = mixture(x)[0]
    torch.testing.assert_close(found[0], torch.tensor([4.0, 5, 6, 7]))
    torch.testing.assert_close(found[1], torch.tensor([0.0, 1, 2, 3]))


def test_each_rating_is_predicted_from_its_own_mixture():
    model = system().eval()
    before = model(rows().features)
    with torch.no_grad():
        model.mixtures["audio"].scores[1] += torch.tensor([3.0, 0, 0])
    after = model(rows().features)
    assert torch.equal(after[:, 0], before[:, 0])
    assert not torch.allclose(after[:, 1], before[:, 1])


def test_per_rating_takes_the_diagonal():
    design = torch.nn.Linear(3, 2)
    codes = torch.randn(5, 2, 3)

    class One(torch.nn.Module):
        def forward(self, embeddings):
            return design(embeddings["text"])

    found = PerRatingDesign(One())({"text": codes})
    for rating in range(2):
        expected = design(codes[:, rating])[:, rating]
        torch.testing.assert_close(found[:, rating], expected)


@pytest.mark.parametrize("reduce", ["autoencoder", "none"])
@pytest.mark.parametrize("fusion", ["early", "late", "crossattention", "experts"])
def test_every_design_takes_mixtures(fusion, reduce):
    model = system(fusion, reduce=reduce)
    seen = model.project(rows(7).features)
    codes = model.encode(seen)
    assert {z.shape for z in codes.values()} == {(7, 2, 4)}
    assert model(rows(7).features).shape == (7, 2)
    restored = model.decode(codes)
    assert {m: x.shape for m, x in restored.items()} == (
        {m: x.shape for m, x in seen.items()} if reduce == "autoencoder" else {}
    )


def test_the_layer_that_holds_a_rating_gets_its_weight():
    train, validation = rows(), rows(100, seed=1)
    fitted = fit(train, validation, fusion="audio", settings=SMALL, seed=0)
    weights = layer_weights(fitted.module)
    assert list(weights) == ["audio"]
    assert weights["audio"].sum(dim=1).tolist() == pytest.approx([1, 1], abs=1e-6)
    assert weights["audio"].argmax(dim=1).tolist() == [2, 0]
    with torch.no_grad():
        found = ccc(validation.truth, fitted.module(validation.features))
    assert min(found) > 0.8  # the layer alone: 1.6 of signal, .5 of noise


def test_concatenated_layers_have_no_weights():
    assert layer_weights(system(layers="concat")) == {}
    assert layer_weights(torch.nn.Linear(1, 1)) == {}


def test_systems_predict_the_same_under_vmap():
    models = [system().eval() for _ in range(2)]
    with torch.no_grad():
        for number, model in enumerate(models):
            model.mixtures["audio"].scores.copy_(torch.randn(2, 3) + number)
    inputs = {m: torch.stack([x, 2 * x]) for m, x in rows(6).features.items()}

    def call(state, features):
        return functional_call(models[0], state, (features,))

    with torch.no_grad():
        found = vmap(call)(stack_module_state(models), inputs)
        for place, model in enumerate(models):
            alone = model({m: x[place] for m, x in inputs.items()})
            torch.testing.assert_close(found[place], alone, rtol=1e-5, atol=1e-6)
