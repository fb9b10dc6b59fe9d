"""Weights that gated designs give to each modality, for each test utterance.

A design has weights if its class has a method ``modality_weights``, which takes what
``forward`` takes, and returns {modality: (batch,)} with a sum of 1 for each row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from affuse.fuse.wording import figure

METHOD = "modality_weights"
SHARE = 90  # per cent of the utterances in the range of a summary


@dataclass(frozen=True)
class WeightSummary:
    """Weight of one modality over the test utterances of all models."""

    mean: float
    low: float  # of the range that holds the middle `SHARE` per cent of the utterances
    high: float

    def __str__(self) -> str:
        """Return the summary in words, such as ``.45 (.20 to .71)``."""
        return (
            f"{figure(self.mean, digits=2)} ({figure(self.low, digits=2)} to "
            f"{figure(self.high, digits=2)})"
        )


def weigh(module: nn.Module, features: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return the weight of each modality: {modality: (n,)}; {} if there are none.

    With a mix of layers for each rating, n is the number of utterances times ratings.

    Args:
        module: trained model
        features: {modality: (batch, dim)}, as cached
    """
    gated = [m for m in module.modules() if hasattr(type(m), METHOD)]
    if not gated:
        return {}
    found: dict[str, np.ndarray] = {}

    def keep(design: Any, arguments: tuple[Any, ...]) -> None:
        weights = getattr(design, METHOD)(*arguments)
        found.update({m: w.double().cpu().numpy() for m, w in weights.items()})

    handle = gated[0].register_forward_pre_hook(keep)
    try:
        with torch.inference_mode():
            module(features)
    finally:
        handle.remove()
    return found


def summarise(
    models: Sequence[Mapping[str, np.ndarray]],
) -> dict[str, WeightSummary]:
    """Return the summary of each modality over several models.

    Args:
        models: weights of each model's test utterances, as of `weigh`
    """
    tail = (100 - SHARE) / 2
    summaries = {}
    for modality in dict.fromkeys(name for each in models for name in each):
        every = np.concatenate([each[modality] for each in models if modality in each])
        low, high = np.percentile(every, (tail, 100 - tail))
        summaries[modality] = WeightSummary(every.mean().item(), low, high)
    return summaries
