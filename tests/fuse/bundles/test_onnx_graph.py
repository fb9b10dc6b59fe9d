"""The ONNX graph of every design predicts as torch does."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from learnable_corpus import recipe
from locations import ROOT

from affuse.data.cache.recipe import Recipe
from affuse.fuse.bundles import onnx_graph as onnx_export
from affuse.fuse.bundles.onnx_graph import onnx_graph, run_graph
from affuse.fuse.inputs.tensors import HEAD
from affuse.fuse.models.baselines import Ridge, Zeroshot
from affuse.fuse.models.baselines.svr import Kernel
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable
from affuse.fuse.settings import Settings
from affuse.fuse.trained.model_files import Description
from affuse.fuse.trained.model_set import LoadedModel, ModelSet

RATINGS = ("valence", "arousal", "dominance")
HEADED = ("arousal", "dominance", "valence")
DIMS = {"audio": 12, "text": 7}
LAYERS = {"audio": 2, "text": 1}
SMALL = Settings(latent=4, hidden=8, autoencoder_hidden=8)
FAST = "early"  # an export takes seconds, so that other designs are tried in slow tests

REFUSED = "svr"  # which cannot be exported; no bundle holds it

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason=f"{package} is not installed (extra onnx)")


def projections():
    """Return projections of random statistics, one feature of which is constant."""
    found = {}
    for modality, dim in DIMS.items():
        found[modality] = Projection(dim)
        found[modality].mean.copy_(torch.randn(dim))
        found[modality].scale.copy_(torch.rand(dim) + 0.1)
        found[modality].scale[0] = 0
    return found


def module(fusion, settings=SMALL):
    """Return a model of a design with random weights."""
    if fusion == "zeroshot":
        return Zeroshot(HEADED, targets=RATINGS)
    if fusion == "svr":
        made = Kernel(projections(), landmarks=5, targets=3)
        made.landmarks.normal_()
        return made
    if fusion in ("ridge", "pcaridge"):
        return Ridge(projections(), targets=3)
    design = find_trainable(fusion)
    return design.build(projections(), targets=3, settings=settings, layers=LAYERS)


def model_set(fusion, settings=SMALL, folds=("0", "1"), **changes):
    """Return a model of each fold; `changes` are of the last fold's audio recipe."""
    torch.manual_seed(1)
    models = []
    for fold in folds:
        taken = find_trainable(fusion).modalities(tuple(DIMS))
        recipes: dict[str, Recipe] = {m: recipe(m) for m in taken}
        if fold == folds[-1] and changes:
            recipes["audio"] = dataclasses.replace(recipes["audio"], **changes)
        facts = Description(
            fusion=fusion,
            fold=fold,
            seed=0,
            targets=RATINGS,
            head=HEADED,
            recipes=recipes,
            settings=settings,
            parameters=1,
        )
        made = module(fusion, settings).eval()
        models.append(LoadedModel(Path("run") / fold, fold, 0, made, facts))
    return ModelSet(Path("run"), tuple(models))


def demand_same_predictions(models):
    """Compare the graph with torch for batches of one row and of several rows."""
    graph = onnx_graph(models)
    fusion = models.models[0].description.fusion
    sizes = {**DIMS, HEAD: len(HEADED)}
    for rows in (1, 5):
        names = find_trainable(fusion).features(models.modalities)
        inputs = {name: torch.randn(rows, sizes[name]) for name in names}
        with torch.inference_mode():
            each = [model.module(inputs) for model in models.models]
        expected = torch.stack(each).mean(dim=0).numpy()
        found = run_graph(graph, {n: x.numpy() for n, x in inputs.items()})
        assert (found.shape, found.dtype) == ((rows, 3), np.float32)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    return graph


def test_the_graph_of_a_design_predicts_as_torch_and_names_no_file():
    graph = demand_same_predictions(model_set(FAST))
    for words in (str(ROOT).encode(), b"affuse", b".py", b"stack_trace"):
        assert words not in graph


@pytest.mark.slow
@pytest.mark.parametrize(
    "fusion", [n for n in design_names() if n not in (FAST, REFUSED)]
)
def test_the_graph_of_every_design_predicts_as_torch(fusion):
    demand_same_predictions(model_set(fusion))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"layers": "weighted", "modality_dropout": 0.3},
        {"reduce": "none"},
        {"late_activation": "relu"},
    ],
)
@pytest.mark.parametrize("fusion", ["crossattention", "late", "experts"])
def test_the_graph_of_other_settings_predicts_as_torch(fusion, changes):
    demand_same_predictions(
        model_set(fusion, dataclasses.replace(SMALL, **changes), folds=("0",))
    )


@pytest.mark.slow
def test_equal_models_give_equal_graphs():
    first, second = (onnx_graph(model_set("text")) for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_a_design_with_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match="'svr' cannot be exported to ONNX .*cdist"):
        onnx_graph(model_set(REFUSED))


def test_fold_specific_encoders_are_refused():
    with pytest.raises(ValueError, match="were fine-tuned for each fold"):
        onnx_graph(model_set(FAST, weights="1"))


def test_a_design_that_cannot_be_exported_is_named(monkeypatch):
    def fail(*_):
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr(onnx_export, "_export", fail)
    sentence = r"design 'early' cannot be exported to ONNX \(no such operator\); leave"
    with pytest.raises(ValueError, match=sentence):
        onnx_graph(model_set(FAST))


def test_a_graph_that_predicts_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_export, "_export", lambda *_: b"")
    monkeypatch.setattr(onnx_export, "run_graph", lambda *_: np.zeros((7, 3)))
    with pytest.raises(ValueError, match="'early' predicts otherwise than torch"):
        onnx_graph(model_set(FAST))


def test_without_the_extra_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match=r"--onnx needs the packages.*\[onnx\]"):
        onnx_graph(model_set(FAST))
