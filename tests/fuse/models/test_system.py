import pytest
import torch

from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings


def features(size=40):
    generator = torch.Generator().manual_seed(0)
    dims = {"audio": 10, "text": 12}
    return {m: 2 + torch.randn(size, d, generator=generator) for m, d in dims.items()}


def system(fusion="early", cached=None, **changes):
    settings = Settings(latent=5, autoencoder_hidden=8, hidden=8, **changes)
    components = settings.latent if settings.reduce == "pca" else None
    projections = {
        m: Projection.fitted(x, components=components) for m, x in features().items()
    }
    torch.manual_seed(0)
    return System(fusion, projections, targets=3, settings=settings, layers=cached)


@pytest.mark.parametrize("reduce", ["autoencoder", "pca", "none"])
def test_a_system_maps_cached_embeddings_to_ratings(reduce):
    assert system(reduce=reduce)(features()).shape == (40, 3)


@pytest.mark.parametrize(
    ("reduce", "size"), [("autoencoder", 5), ("pca", 5), ("none", 12)]
)
def test_a_design_gets_codes_of_the_requested_size(reduce, size):
    model = system("text", reduce=reduce)
    codes = model.encode(model.project(features()))
    assert {m: z.shape for m, z in codes.items()} == {"text": (40, size)}


def test_only_modalities_of_the_design_have_autoencoders():
    assert list(system("audio").autoencoders) == ["audio"]


def test_decoders_restore_the_standardised_embedding():
    model = system()
    projected = model.project(features())
    decoded = model.decode(model.encode(projected))
    assert {m: x.shape for m, x in decoded.items()} == {
        m: x.shape for m, x in projected.items()
    }
    assert system(reduce="pca").decode(projected) == {}


def test_embeddings_are_corrupted_in_training_only():
    model = system(input_dropout=0.5, dropout=0.0)
    assert not torch.equal(model(features()), model(features()))
    model.eval()
    assert torch.equal(model(features()), model(features()))


def test_the_state_restores_a_system():
    model = system(reduce="pca").eval()
    blank = {m: Projection(d, 5) for m, d in {"audio": 10, "text": 12}.items()}
    settings = Settings(latent=5, hidden=8, reduce="pca")
    other = System("early", blank, targets=3, settings=settings).eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(features()), model(features()))


def test_a_missing_modality_is_named():
    with pytest.raises(ValueError, match="needs audio embeddings, and there is only t"):
        system()({"text": features()["text"]})


LAYERS = {"audio": 2, "text": 3}  # of 10 and 12 features


def test_a_design_that_asks_for_tokens_gets_a_code_of_each_layer():
    model = system("crossattention", LAYERS)
    seen = model.project(features())
    codes = model.encode(seen)
    assert {m: z.shape for m, z in codes.items()} == {
        "audio": (40, 2 * 5),
        "text": (40, 3 * 5),
    }
    assert model(features()).shape == (40, 3)
    assert {m: x.shape for m, x in model.decode(codes).items()} == {
        m: x.shape for m, x in seen.items()
    }
    assert model.fusion.tokens["text"].count == 3


def test_layers_are_encoded_one_by_one():
    model = system("crossattention", LAYERS, input_dropout=0.0).eval()
    full = features()
    other = {**full, "text": full["text"].clone()}
    other["text"][:, 4:8] += 1  # the second of three layers
    before, after = (model.encode(model.project(x))["text"] for x in (full, other))
    changed = (before != after).any(dim=0).unflatten(0, (3, 5)).any(dim=1)
    assert changed.tolist() == [False, True, False]


def test_layers_share_a_code_where_an_autoencoder_serves_all_designs():
    model = system("crossattention", LAYERS, training="pretrain")
    codes = model.encode(model.project(features()))
    assert {m: z.shape for m, z in codes.items()} == {"audio": (40, 5), "text": (40, 5)}
    assert model.fusion.tokens["text"].count == 1


@pytest.mark.parametrize("reduce", ["pca", "none"])
def test_tokens_without_an_autoencoder(reduce):
    model = system("crossattention", LAYERS, reduce=reduce)
    assert model(features()).shape == (40, 3)
    # the principal components are of all layers together
    assert model.fusion.tokens["text"].count == (3 if reduce == "none" else 1)


def test_other_designs_get_all_layers_in_one_code():
    codes = system("early", LAYERS).encode(features())
    assert {z.shape for z in codes.values()} == {(40, 5)}


@pytest.mark.parametrize("layers", ["concat", "weighted"])
def test_the_training_mean_replaces_a_missing_modality(layers):
    model = system(cached=LAYERS, layers=layers, modality_dropout=0.3).eval()
    full = features()
    assert model.robust
    average = {**full, "text": full["text"].mean(dim=0).expand(40, -1)}
    found = model({"audio": full["audio"]})
    # the mean is projected to zero but for rounding
    torch.testing.assert_close(found, model(average), rtol=0, atol=1e-5)
    with pytest.raises(
        ValueError, match="needs audio embeddings, and there is only no"
    ):
        model({})


def test_a_tolerant_design_omits_a_missing_modality():
    model, full = system("experts").eval(), features()
    assert model.robust
    codes = model.encode(model.project(full))
    expected = model.fusion({"text": codes["text"]})
    assert torch.equal(model({"text": full["text"]}), expected)


def test_a_single_modality_cannot_be_missing():
    model = system("text", modality_dropout=0.5)
    assert not model.robust
    with pytest.raises(ValueError, match="needs text embeddings"):
        model({"audio": features()["audio"]})


def test_modalities_are_dropped_in_training_only():
    model = system(modality_dropout=0.9, input_dropout=0.0, dropout=0.0)
    seen = model.project(features())
    hidden = model.encode(seen)
    shown = model.eval().encode(seen)
    for modality, codes in hidden.items():
        gone = (codes != shown[modality]).any(dim=1)
        blank = model._autoencoder(modality).encode(torch.zeros_like(seen[modality]))
        torch.testing.assert_close(codes[gone], blank[gone], rtol=1e-5, atol=1e-6)
        assert 0 < gone.sum() < 40
