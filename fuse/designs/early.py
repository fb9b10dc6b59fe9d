"""Early fusion, equations 8 and 9: one regressor on the concatenated embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fuse.designs._regressor import Regressor, pick

MODALITIES = ("audio", "text")


class Fusion(nn.Module):
    """``Y = FC(concat(Z_a, Z_t))``

    Args:
        dims: size of each modality's embedding
        hidden: units of the regressor
        targets: ratings to predict
        dropout: share of hidden units left out in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.regressor = Regressor(
            sum(pick(dims, modality) for modality in MODALITIES),
            hidden=hidden,
            targets=targets,
            dropout=dropout,
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        parts = [pick(embeddings, modality) for modality in MODALITIES]
        found: Tensor = self.regressor(torch.cat(parts, dim=1))
        return found
