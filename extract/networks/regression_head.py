"""Regression head of the audEERING checkpoints."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model, Wav2Vec2PreTrainedModel

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.terminal import printable


class _Head(nn.Module):
    """Regression head with the tensor names of the audEERING checkpoints."""

    def __init__(self, config: Wav2Vec2Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, mean: Tensor) -> Tensor:
        """Return ratings, (..., ratings), for mean-pooled states, (..., dim)."""
        ratings: Tensor = self.out_proj(torch.tanh(self.dense(mean)))
        return ratings


class Wav2Vec2Regressor(Wav2Vec2PreTrainedModel):
    """Wav2Vec2 with a head; its tensors have the names of audEERING checkpoints."""

    def __init__(self, config: Wav2Vec2Config):
        super().__init__(config)
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = _Head(config)
        self.post_init()


def head_names(config: Any) -> tuple[str, ...]:
    """Return the names of the head's outputs, in the order that the checkpoint states.

    Args:
        config: of the checkpoint

    Raises:
        AffuseError: if an output is not named after a rating, or a name repeats
    """
    labels = config.id2label
    names = tuple(str(labels.get(i, "")).lower() for i in range(config.num_labels))
    if not set(names) <= set(RATINGS) or len(set(names)) < len(names) or not names:
        text = printable(", ".join(names))[:200]
        raise AffuseError(
            f"the head of this checkpoint predicts {text}, not {', '.join(RATINGS)}, "
            f"each once; leave out --head"
        )
    return names
