"""Weights of gated designs are those that the forward pass uses."""

import numpy as np
import pytest
import torch
from learnable_corpus import embeddings
from torch import nn
from trained_runs import train_run

from affuse.fuse.models.design import find
from affuse.fuse.robustness.ablation import ablate
from affuse.fuse.robustness.modality_weights import summarise, weigh
from affuse.fuse.trained import model_files

GATED = ("gated", "experts")


def features():
    """Return random codes of eight utterances."""
    rng = torch.Generator().manual_seed(0)
    return {m: torch.randn(8, 5, generator=rng) for m in ("audio", "text")}


def opened(design, codes, favourite):
    """Set the gate of a design so that one modality has nearly all weight."""
    sign = 1 if favourite == "audio" else -1
    for name, values in design.named_parameters():
        if name.startswith("gate"):
            nn.init.constant_(values, 0 if values.dim() > 1 else 30.0 * sign)
        if name.startswith("experts.audio") and name.endswith("3.bias"):
            values.data[3:] = 30.0 * sign
    return design


@pytest.mark.parametrize("name", GATED)
def test_weights_are_positive_and_sum_to_one(name):
    torch.manual_seed(0)
    design = find(name).Fusion({"audio": 5, "text": 5}, hidden=4, targets=3).eval()
    found = weigh(design, features())
    assert set(found) == {"audio", "text"}
    assert found["audio"].shape == (8,)
    assert np.all(found["audio"] > 0)
    np.testing.assert_allclose(found["audio"] + found["text"], 1, atol=1e-6)
    assert found["audio"].std() > 0  # they depend on the utterance


@pytest.mark.parametrize("favourite", ["audio", "text"])
def test_a_modality_of_weight_one_decides_alone(favourite):
    torch.manual_seed(0)
    design = find("gated").Fusion({"audio": 5, "text": 5}, hidden=4, targets=3).eval()
    codes = features()
    opened(design, codes, favourite)
    assert weigh(design, codes)[favourite] == pytest.approx(1)
    (other,) = {"audio", "text"} - {favourite}
    changed = {**codes, other: codes[other] + 1}
    with torch.inference_mode():
        torch.testing.assert_close(design(codes), design(changed))


@pytest.mark.parametrize("layers", ["all", "weighted"])
@pytest.mark.parametrize("name", GATED)
def test_ablate_has_the_weights_of_a_trained_run(tmp_path, name, layers):
    run = train_run(tmp_path, name, layers=layers, seeds=[0, 1])
    found = ablate(run, embeddings())
    audio, text = (found.weights[m] for m in ("audio", "text"))
    assert audio.mean + text.mean == pytest.approx(1, abs=1e-6)
    assert 0 < audio.low <= audio.mean <= audio.high < 1
    assert f"audio {audio}, text {text}" in "\n".join(found.lines())


def test_a_design_without_a_gate_has_no_weights(tmp_path):
    run = train_run(tmp_path, "early")
    found = ablate(run, embeddings())
    assert found.weights == {}
    assert "weights" not in "\n".join(found.lines())


def test_the_hook_is_removed(tmp_path):
    run = train_run(tmp_path, "gated")
    (folder,) = [p.parent for p in run.rglob("model.safetensors")]
    module, _ = model_files.load(folder)
    x = {m: torch.zeros(1, e.width) for m, e in embeddings().items()}
    weigh(module, x)
    assert not any(m._forward_pre_hooks for m in module.modules())


def test_a_summary_is_over_all_models():
    models = [{"audio": np.array([0.0, 0.2])}, {"audio": np.array([0.4, 1.0])}]
    summary = summarise(models)["audio"]
    assert summary.mean == pytest.approx(0.4)
    assert str(summary) == ".40 (.03 to .91)"
