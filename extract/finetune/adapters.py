"""Low-rank adapters of encoders with peft (LoRA: Hu et al., 2021, arXiv:2106.09685).

An adapted matrix W, (out, in), is frozen. In ::

    y = W x + (alpha / rank) B A x,   A (rank, in), B (out, rank)

only A and B are trained. B begins at 0, so the first embeddings are those of the
checkpoint. After training, W + (alpha / rank) B A replaces W. All linear layers of a
block have adapters. With adapters of attention alone, as in Hu et al., results are
further from full fine-tuning (Dettmers et al., 2023, arXiv:2305.14314, section 4).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.extract.networks.hidden_layers import blocks

# Model types whose attention passes its matrices to torch directly. An adapter replaces
# the module of a matrix, so an adapter of attention would have no effect there.
NO_ATTENTION_ADAPTERS = ("wavlm",)
ATTENTION = "attention"  # part of the names of the modules of attention


def demand(tuning: Tuning) -> None:
    """Raise an error if adapters are chosen and peft is not installed.

    Args:
        tuning: settings of the encoders

    Raises:
        AffuseError: with the command that installs peft
    """
    if tuning.adapters and find_spec("peft") is None:
        raise AffuseError(
            "adapters need the package peft, which is not installed; "
            f"{extra_command('adapters')}"
        )


def add(
    backbones: Mapping[str, Backbone], tuning: Tuning, *, seed: int
) -> dict[str, Backbone]:
    """Add adapters to encoders in place, and freeze their other weights.

    Args:
        backbones: after `Backbone.freeze` with ``tuning.layers_trained``; their weights
            are not shared
        tuning: with a rank of 1 or more
        seed: of the initial A

    Returns:
        the same encoders, with their adapters
    """
    from peft import LoraConfig, LoraModel

    adapted = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for modality, backbone in backbones.items():
            config = LoraConfig(
                r=tuning.adapters,
                lora_alpha=tuning.adapter_alpha,
                target_modules=list(_matrices(backbone.model, tuning.layers_trained)),
            )
            model = LoraModel(backbone.model, config, "default")
            adapted[modality] = replace(backbone, adapters=model)
    return adapted


def merge(backbone: Backbone) -> Any:
    """Return the transformers model with its adapters merged into the weights.

    Args:
        backbone: with or without adapters

    Raises:
        ValueError: if a merged weight is not finite
    """
    if backbone.adapters is None:
        return backbone.model
    return backbone.adapters.merge_and_unload(safe_merge=True)


def _matrices(model: Any, layers_trained: int) -> Iterator[str]:
    """Yield the names of the linear layers to adapt, in all blocks for -1."""
    stack = blocks(model)
    assert stack is not None  # `Backbone.freeze` raises an error otherwise.
    first = len(stack) - layers_trained if layers_trained >= 0 else 0
    members = {id(module) for block in stack[first:] for module in block.modules()}
    skips_attention = model.config.model_type in NO_ATTENTION_ADAPTERS
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and id(module) in members:
            if not (skips_attention and ATTENTION in name):
                yield name


def demand_accelerate() -> None:
    """Raise an error if accelerate, which the Trainer needs, is not installed.

    Raises:
        AffuseError: with the command that installs accelerate
    """
    if find_spec("accelerate") is None:
        raise AffuseError(
            "fine-tuning needs the package accelerate, which is not installed; "
            f"{extra_command('finetune')}"
        )
