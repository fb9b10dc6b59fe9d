import ast
import copy
import re
import types

import pytest
import torch
from locations import ROOT
from torch.func import functional_call, stack_module_state, vmap

from affuse.data import plugins
from affuse.data.modality import modality_names
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.fuse.models.design import find
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.setting_resolution import DESIGN_SPECIFIC_SETTINGS

DIMS = {"audio": 10, "text": 12}


def documented_design():
    """Return the class `Fusion` of the only README example that defines a design."""
    folders = (ROOT / layer for layer in ("data", "extract", "fuse"))
    paths = [ROOT / "README.md", *(p for f in folders for p in f.rglob("README.md"))]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    blocks = re.findall(r"```python\n(.*?)```", "\n".join(texts), flags=re.DOTALL)
    (block,) = (block for block in blocks if "class Fusion" in block)
    nodes = ast.parse(block).body
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    until = nodes[: nodes.index(classes[-1]) + 1]  # what follows trains it
    module = types.ModuleType("documented_design")
    exec(compile(ast.Module(until, []), "README.md", "exec"), module.__dict__)
    return module.Fusion


def batch(size):
    generator = torch.Generator().manual_seed(size)
    return {m: torch.randn(size, d, generator=generator) for m, d in DIMS.items()}


@pytest.fixture(
    params=[*plugins.names(DESIGN_KIND), "late with a ReLU", "the README's own"]
)
def design(request):
    others = {"late with a ReLU": Rectified, "the README's own": documented_design()}
    return find(others.get(request.param, request.param))


@pytest.fixture
def model(design):
    torch.manual_seed(0)
    return design.Fusion(DIMS, hidden=16, targets=2).eval()


class Rectified(plugins.load(DESIGN_KIND, "late").Fusion):
    """Late fusion with a ReLU activation, tested like every design."""

    MODALITIES, EXTRA_SETTINGS = ("audio", "text"), ()

    def __init__(self, dims, **settings):
        super().__init__(dims, late_activation="relu", **settings)


def stacked(models, inputs):
    """Outputs of a model group, each model on its rows: (models, batch, targets)"""
    blank = copy.deepcopy(models[0]).to("meta")

    def call(state, embeddings):
        return functional_call(blank, state, (embeddings,))

    return vmap(call)(stack_module_state(models), inputs)


def test_the_four_designs_of_the_paper_are_listed():
    assert {"audio", "text", "early", "late"} <= set(plugins.names(DESIGN_KIND))


def test_modalities_are_named(design):
    assert design.modalities
    assert set(design.modalities) <= set(modality_names())


@pytest.mark.parametrize("size", [1, 5])
def test_a_design_returns_one_row_per_utterance(model, size):
    assert model(batch(size)).shape == (size, 2)


def test_predictions_do_not_depend_on_other_utterances(model):
    full = batch(5)
    alone = {m: x[2:3] for m, x in full.items()}
    torch.testing.assert_close(model(full)[2:3], model(alone), rtol=1e-5, atol=1e-6)


def test_every_parameter_gets_a_gradient(model):
    model(batch(5)).square().sum().backward()
    idle = [name for name, p in model.named_parameters() if not p.grad.any()]
    assert idle == []


def test_every_named_modality_affects_the_output(design, model):
    full = batch(5)
    for modality in design.modalities:
        other = {**full, modality: full[modality].flip(0)}
        assert not torch.allclose(model(other), model(full))


def test_only_the_named_modalities_are_needed(design, model):
    full = batch(5)
    only = {modality: full[modality] for modality in design.modalities}
    assert torch.equal(model(only), model(full))


def test_a_missing_modality_is_named(design, model):
    for modality in design.modalities:
        rest = {m: x for m, x in batch(5).items() if m != modality}
        if not design.tolerant:
            with pytest.raises(ValueError, match=f"needs {modality} embeddings"):
                model(rest)
        with pytest.raises(ValueError, match=f"needs {modality} embeddings"):
            design.Fusion({m: DIMS[m] for m in rest}, hidden=16, targets=2)


def test_dropout_is_applied_in_training_only(design):
    torch.manual_seed(0)
    model = design.Fusion(DIMS, hidden=16, targets=2, dropout=0.5)
    full = batch(5)
    assert not torch.equal(model(full), model(full))
    model.eval()
    assert torch.equal(model(full), model(full))


def test_a_model_group_predicts_as_each_model_alone(design):
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        models.append(design.Fusion(DIMS, hidden=16, targets=2).eval())
    full = [batch(size) for size in (5, 5, 5)]
    full[1] = {m: x.flip(0) for m, x in full[1].items()}
    inputs = {m: torch.stack([rows[m] for rows in full]) for m in DIMS}
    with torch.no_grad():
        found = stacked(models, inputs)
        for model, rows, together in zip(models, full, found, strict=True):
            # batched products add in another order
            torch.testing.assert_close(together, model(rows), rtol=1e-5, atol=1e-6)


def test_gradients_of_a_model_group_equal_those_of_single_models(design):
    torch.manual_seed(0)
    models = [design.Fusion(DIMS, hidden=16, targets=2) for _ in range(2)]
    inputs = {m: torch.stack([x, x]) for m, x in batch(5).items()}
    parameters, buffers = stack_module_state(models)
    blank = copy.deepcopy(models[0]).to("meta")

    def loss(own, rows):
        return functional_call(blank, (own, buffers), (rows,)).square().mean()

    found = vmap(torch.func.grad(loss))(parameters, inputs)
    for place, model in enumerate(models):
        model(batch(5)).square().mean().backward()
        for name, alone in model.named_parameters():
            together = found[name][place]
            torch.testing.assert_close(together, alone.grad, rtol=1e-4, atol=1e-6)


def test_dropout_is_the_only_random_operation(design):
    """A model group draws the dropout masks of its models itself."""
    torch.manual_seed(0)
    model = design.Fusion(DIMS, hidden=16, targets=2, dropout=0.5).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    assert torch.equal(model(batch(5)), model(batch(5)))
    assert not any(True for _ in model.buffers())  # nothing like a running mean


def test_late_fusion_may_have_a_relu_that_no_linear_map_equals():
    late = plugins.load(DESIGN_KIND, "late")
    settings = {"hidden": 4, "targets": 2}
    torch.manual_seed(0)
    branch = late.Branch(10, late_activation="relu", **settings).double()
    plain = late.Branch(10, **settings).double()
    plain.load_state_dict(branch.state_dict())
    codes = torch.randn(7, 10, dtype=torch.float64)
    filtered = branch.convolution(codes[:, None]).relu().flatten(1)
    torch.testing.assert_close(branch(codes), branch.regressor(filtered))
    assert not torch.allclose(branch(codes), plain(codes))


def test_a_design_gets_the_further_settings_that_it_states():
    settings = Settings(late_activation="relu", latent=4, hidden=8)
    sizes = {m: Projection(d) for m, d in DIMS.items()}
    late, early = (
        System(name, sizes, targets=2, settings=settings).fusion
        for name in ("late", "early")
    )
    assert all(branch.rectified for branch in late.branches.values())
    assert find("late").extra_settings == ("late_activation",)
    assert find("early").extra_settings == ()
    assert early(dict.fromkeys(DIMS, torch.ones(1, 4))).shape == (1, 2)
    stated = {name for name in plugins.names(DESIGN_KIND) for name in
              find(name).extra_settings}  # fmt: skip
    assert stated == set(DESIGN_SPECIFIC_SETTINGS)


def test_further_settings_must_be_settings():
    class Fusion(torch.nn.Module):
        MODALITIES = ("text",)
        EXTRA_SETTINGS = ("late_activation", "depth")

    with pytest.raises(ValueError, match="names of settings in a tuple.*known are .*m"):
        find(Fusion)


def test_late_fusion_weighs_six_votes():
    late = plugins.load(DESIGN_KIND, "late")
    model = late.Fusion(DIMS, hidden=16, targets=3)
    assert model.weigh.layers[0].in_features == 6
    for modality, branch in model.branches.items():
        assert branch(batch(5)[modality]).shape == (5, 3)


def test_late_fusion_convolves_along_the_code():
    # a filter of three taps moves with its input: shifted code, shifted response
    late = plugins.load(DESIGN_KIND, "late")
    branch = late.Branch(10, hidden=4, targets=2)
    code = torch.randn(1, 1, 10)
    moved = branch.convolution(code.roll(1, dims=2))[..., 2:-1]
    expected = branch.convolution(code)[..., 1:-2]
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-6)


def test_late_fusion_filters_every_utterance_by_weights_joined_once():
    late = plugins.load(DESIGN_KIND, "late")
    branch = late.Branch(10, hidden=4, targets=2).double()
    codes = torch.randn(7, 10, dtype=torch.float64)
    filtered = branch.convolution(codes[:, None]).flatten(1)
    torch.testing.assert_close(branch(codes), branch.regressor(filtered))


def fusion(name, **changes):
    torch.manual_seed(0)
    return plugins.load(DESIGN_KIND, name).Fusion(DIMS, hidden=16, targets=2, **changes)


@torch.no_grad()
def test_an_open_gate_uses_speech_only():
    model, full = fusion("gated"), batch(5)
    model.gate.bias.fill_(1e3)
    other = {**full, "text": full["text"].flip(0)}
    torch.testing.assert_close(model(other), model(full))
    model.gate.bias.fill_(-1e3)
    assert not torch.allclose(model(other), model(full))


@torch.no_grad()
def test_tensor_fusion_is_the_outer_product():
    model, full = fusion("tensor"), batch(1)
    units = [model.subnets[m](full[m])[0].tolist() + [1.0] for m in DIMS]
    products = [a * t for a in units[0] for t in units[1]]
    expected = model.regressor(torch.tensor([products]))
    torch.testing.assert_close(model(full), expected)


@torch.no_grad()
def test_low_rank_fusion_is_a_tensor_of_low_rank():
    # h_k = sum_ij T_kij [a, 1]_i [t, 1]_j with T = sum_r of outer products of factors
    model, full = fusion("lowrank"), batch(1)
    factors = []
    for layer in model.factors.values():
        weights = torch.cat([layer.weight, layer.bias[:, None]], dim=1)
        factors.append(weights.unflatten(0, (4, 16)))  # (rank, hidden, dim + 1)
    tensor = torch.einsum("rki,rkj->kij", *factors)
    audio, text = (torch.cat([full[m][0], torch.ones(1)]) for m in DIMS)
    fused = torch.einsum("kij,i,j->k", tensor, audio, text)
    torch.testing.assert_close(model(full)[0], model.regressor(fused))


@torch.no_grad()
def test_experts_weigh_by_precision():
    model, full = fusion("experts"), batch(5)
    means, precisions = zip(
        *(model.experts[m](full[m]).split(2, dim=1) for m in DIMS), strict=True
    )
    weights = [p.exp() for p in precisions]
    expected = sum(w * y for w, y in zip(weights, means, strict=True)) / sum(weights)
    torch.testing.assert_close(model(full), expected)


@torch.no_grad()
def test_one_expert_is_enough_and_none_is_not():
    model, full = fusion("experts"), batch(5)
    alone = model({"text": full["text"]})
    assert torch.equal(alone, model.experts["text"](full["text"])[:, :2])
    with pytest.raises(ValueError, match="needs audio embeddings, and there is only n"):
        model({})


@torch.no_grad()
def test_hybrid_fusion_weighs_nine_votes_of_three_ratings():
    hybrid = plugins.load(DESIGN_KIND, "hybrid")
    model = hybrid.Fusion(DIMS, hidden=16, targets=3)
    assert list(model.regressors) == ["audio", "text", "features"]
    assert model.weigh.layers[0].in_features == 9


@torch.no_grad()
def test_attention_sees_layers_as_tokens():
    model, full = fusion("crossattention", tokens={"audio": 5, "text": 3}), batch(4)
    shapes = {m: model.tokens[m](full[m]).shape for m in DIMS}
    assert shapes == {"audio": (4, 5, 4), "text": (4, 3, 4)}
    audio, text = (model.tokens[m](full[m]) for m in DIMS)
    found = model.attention["audio"](audio, text)
    attend = model.attention["audio"]
    for row in range(4):  # equation by equation
        scores = attend.query(audio[row]) @ attend.key(text[row]).T / 2  # sqrt(4)
        expected = audio[row] + scores.softmax(dim=1) @ attend.value(text[row])
        torch.testing.assert_close(found[row], expected)
    # equal layers in another order: only their places tell them apart
    swapped = {**full, "text": full["text"].unflatten(1, (3, 4)).flip(1).flatten(1)}
    assert not torch.allclose(model(swapped), model(full))


@torch.no_grad()
def test_attention_divides_a_single_layer_into_slices():
    model = fusion("crossattention")
    assert model.tokens["text"](batch(5)["text"]).shape == (5, 8, 4)
