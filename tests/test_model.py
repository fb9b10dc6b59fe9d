import pytest
import torch

from fuse.model import System
from fuse.reduce import Projection
from fuse.settings import Settings


def features(size=40):
    generator = torch.Generator().manual_seed(0)
    dims = {"audio": 10, "text": 12}
    return {m: 2 + torch.randn(size, d, generator=generator) for m, d in dims.items()}


def system(fusion="early", **changes):
    settings = Settings(latent=5, autoencoder_hidden=8, hidden=8, **changes)
    components = settings.latent if settings.reduce == "pca" else None
    projections = {
        m: Projection.fitted(x, components=components) for m, x in features().items()
    }
    torch.manual_seed(0)
    return System(fusion, projections, targets=3, settings=settings)


@pytest.mark.parametrize("reduce", ["autoencoder", "pca", "none"])
def test_raw_embeddings_in_ratings_out(reduce):
    assert system(reduce=reduce)(features()).shape == (40, 3)


@pytest.mark.parametrize(
    ("reduce", "size"), [("autoencoder", 5), ("pca", 5), ("none", 12)]
)
def test_a_design_gets_codes_of_the_wanted_size(reduce, size):
    model = system("text", reduce=reduce)
    codes = model.encode(model.project(features()))
    assert {m: z.shape for m, z in codes.items()} == {"text": (40, size)}


def test_only_what_the_design_takes_is_compressed():
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


def test_the_state_is_all_there_is():
    model = system(reduce="pca").eval()
    blank = {m: Projection(d, 5) for m, d in {"audio": 10, "text": 12}.items()}
    settings = Settings(latent=5, hidden=8, reduce="pca")
    other = System("early", blank, targets=3, settings=settings).eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(features()), model(features()))


def test_a_missing_modality_is_named():
    with pytest.raises(ValueError, match="needs audio embeddings, and there is only t"):
        system()({"text": features()["text"]})
