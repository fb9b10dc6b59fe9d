"""The regression head that the audEERING checkpoints carry."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model, Wav2Vec2PreTrainedModel

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.terminal import printable


class _Head(nn.Module):
    """dense, tanh, out_proj: the regression head of the audEERING checkpoints."""

    def __init__(self, config: Wav2Vec2Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, mean: Tensor) -> Tensor:
        """(..., dim) -> (..., ratings)"""
        found: Tensor = self.out_proj(torch.tanh(self.dense(mean)))
        return found


class Wav2Vec2Regressor(Wav2Vec2PreTrainedModel):
    """Names the tensors as the audEERING checkpoints do, so that all are loaded."""

    def __init__(self, config: Wav2Vec2Config):
        super().__init__(config)
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = _Head(config)
        self.post_init()


def head_names(config: Any) -> tuple[str, ...]:
    """Return what the head's outputs are called; an order is never assumed.

    Raises:
        AffuseError: if they are no ratings, or not each another one
    """
    labels = config.id2label
    found = tuple(str(labels.get(i, "")).lower() for i in range(config.num_labels))
    if not set(found) <= set(RATINGS) or len(set(found)) < len(found) or not found:
        names = printable(", ".join(found))[:200]
        raise AffuseError(
            f"the head of this checkpoint predicts {names}, not {', '.join(RATINGS)}, "
            f"each once; leave out --head"
        )
    return found
