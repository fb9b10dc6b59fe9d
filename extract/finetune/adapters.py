"""Low-rank adapters (LoRA: Hu et al., 2021, arXiv:2106.09685) of encoders, by peft.

An adapted matrix W, (out, in), is frozen, and of ::

    y = W x + (alpha / rank) B A x,   A (rank, in), B (out, rank)

A and B are trained. B begins at 0, so the first embeddings are those of the checkpoint;
W + (alpha / rank) B A is an ordinary matrix again. All linear layers of a block have
adapters: those of attention alone, as in the paper, come less near to training the
weights themselves (Dettmers et al., 2023, arXiv:2305.14314, section 4).
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

# Whose attention hands its matrices to torch, past the modules that an adapter
# replaces, so that it would never be asked.
PAST = ("wavlm",)
ATTENTION = "attention"  # in the names of all that belongs to it


def demand(tuning: Tuning) -> None:
    """Refuse adapters where the package that makes them is not installed.

    Raises:
        AffuseError: saying what to type
    """
    if tuning.adapters and find_spec("peft") is None:
        raise AffuseError(
            "adapters need the package peft, which is not installed; "
            f"{extra_command('adapters')}"
        )


def add(
    backbones: Mapping[str, Backbone], tuning: Tuning, *, seed: int
) -> dict[str, Backbone]:
    """Give encoders adapters, in place, and freeze all else of them.

    Args:
        backbones: with weights that they share with nobody; so many blocks that
            `Backbone.freeze` took ``tuning.layers_trained``
        tuning: with a rank of 1 or more
        seed: of the first A

    Returns:
        the same encoders, which know their adapters
    """
    from peft import LoraConfig, LoraModel

    found = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for modality, backbone in backbones.items():
            config = LoraConfig(
                r=tuning.adapters,
                lora_alpha=tuning.adapter_alpha,
                target_modules=list(_matrices(backbone.model, tuning.layers_trained)),
            )
            made = LoraModel(backbone.model, config, "default")
            found[modality] = replace(backbone, adapters=made)
    return found


def merged(backbone: Backbone) -> Any:
    """The transformers model without adapters, which say the same in its weights.

    Raises:
        AffuseError: if a weight is not finite
    """
    if backbone.adapters is None:
        return backbone.model
    return backbone.adapters.merge_and_unload(safe_merge=True)


def _matrices(model: Any, layers_trained: int) -> Iterator[str]:
    """Names of what is adapted in the highest blocks; in all of them if -1."""
    found = blocks(model)
    assert found is not None  # `Backbone.freeze` saw to it
    first = len(found) - layers_trained if layers_trained >= 0 else 0
    wanted = {id(module) for block in found[first:] for module in block.modules()}
    past = model.config.model_type in PAST
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and id(module) in wanted:
            if not (past and ATTENTION in name):
                yield name


def demand_accelerate() -> None:
    """Refuse to begin without the package that the Trainer needs."""
    if find_spec("accelerate") is None:
        raise AffuseError(
            "fine-tuning needs the package accelerate, which is not installed; "
            f"{extra_command('finetune')}"
        )
