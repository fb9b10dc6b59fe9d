"""What audio, text and early fusion share: one regressor on codes side by side."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick


class Concatenated(nn.Module):
    """``Y = FC(concat(Z_1, Z_2, ...))``; of a single modality, ``Y = FC(Z)``

    Args:
        dims: size of each modality's embedding
        hidden: units of the regressor
        targets: ratings to predict
        dropout: share of hidden units left out in training
    """

    modalities: ClassVar[tuple[str, ...]]

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.regressor = Regressor(
            sum(pick(dims, modality) for modality in self.modalities),
            hidden=hidden,
            targets=targets,
            dropout=dropout,
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        parts = [pick(embeddings, modality) for modality in self.modalities]
        found: Tensor = self.regressor(torch.cat(parts, dim=1))
        return found
