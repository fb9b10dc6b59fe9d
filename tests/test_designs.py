import pytest
import torch

from data import plugins
from data.recipe import MODALITIES

DIMS = {"audio": 10, "text": 12}


def batch(size):
    generator = torch.Generator().manual_seed(size)
    return {m: torch.randn(size, d, generator=generator) for m, d in DIMS.items()}


@pytest.fixture(params=plugins.names("fuse.designs"))
def design(request):
    return plugins.load("fuse.designs", request.param)


@pytest.fixture
def model(design):
    torch.manual_seed(0)
    return design.Fusion(DIMS, hidden=16, targets=2).eval()


def test_the_four_of_the_paper_are_there():
    assert {"audio", "text", "early", "late"} <= set(plugins.names("fuse.designs"))


def test_modalities_are_named(design):
    assert design.MODALITIES
    assert set(design.MODALITIES) <= set(MODALITIES)


@pytest.mark.parametrize("size", [1, 5])
def test_one_row_each(model, size):
    assert model(batch(size)).shape == (size, 2)


def test_an_utterance_does_not_see_its_neighbours(model):
    full = batch(5)
    alone = {m: x[2:3] for m, x in full.items()}
    torch.testing.assert_close(model(full)[2:3], model(alone), rtol=1e-5, atol=1e-6)


def test_every_parameter_gets_a_gradient(model):
    model(batch(5)).square().sum().backward()
    idle = [name for name, p in model.named_parameters() if not p.grad.any()]
    assert idle == []


def test_every_modality_it_names_matters(design, model):
    full = batch(5)
    for modality in design.MODALITIES:
        other = {**full, modality: full[modality].flip(0)}
        assert not torch.allclose(model(other), model(full))


def test_only_the_modalities_it_names_are_needed(design, model):
    full = batch(5)
    only = {modality: full[modality] for modality in design.MODALITIES}
    assert torch.equal(model(only), model(full))


def test_a_missing_modality_is_named(design, model):
    for modality in design.MODALITIES:
        rest = {m: x for m, x in batch(5).items() if m != modality}
        with pytest.raises(ValueError, match=f"needs {modality} embeddings"):
            model(rest)
        with pytest.raises(ValueError, match=f"needs {modality} embeddings"):
            design.Fusion({m: DIMS[m] for m in rest}, hidden=16, targets=2)


def test_dropout_is_for_training_only(design):
    torch.manual_seed(0)
    model = design.Fusion(DIMS, hidden=16, targets=2, dropout=0.5)
    full = batch(5)
    assert not torch.equal(model(full), model(full))
    model.eval()
    assert torch.equal(model(full), model(full))


def test_late_fusion_weighs_six_votes():
    late = plugins.load("fuse.designs", "late")
    model = late.Fusion(DIMS, hidden=16, targets=3)
    assert model.weigh.layers[0].in_features == 6
    for modality, branch in model.branches.items():
        assert branch(batch(5)[modality]).shape == (5, 3)


def test_late_fusion_convolves_along_the_code():
    # a filter of three taps moves with its input: shifted code, shifted response
    late = plugins.load("fuse.designs", "late")
    branch = late.Branch(10, hidden=4, targets=2)
    code = torch.randn(1, 1, 10)
    moved = branch.convolution(code.roll(1, dims=2))[..., 2:-1]
    expected = branch.convolution(code)[..., 1:-2]
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-6)
