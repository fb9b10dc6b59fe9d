"""Tensor fusion: every product of a unit of one modality with a unit of the other.

Zadeh et al., 2017, EMNLP, "Tensor fusion network for multimodal sentiment analysis".
The outer product of whole codes would have 128 x 128 entries and a regressor of
millions of weights, so each code is first brought to `SIDE` units, whatever its size.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
SIDE = 15  # units of each modality; with the constant one, 16 x 16 products


class Fusion(nn.Module):
    """``Y = FC([ReLU(W_a Z_a), 1] outer [ReLU(W_t Z_t), 1])``

    The constant 1 keeps each modality's own units beside the products.

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
        self.subnets = nn.ModuleDict(
            {
                modality: nn.Sequential(
                    nn.Linear(pick(dims, modality), SIDE), nn.ReLU()
                )
                for modality in MODALITIES
            }
        )
        self.regressor = Regressor(
            (SIDE + 1) ** len(MODALITIES),
            hidden=hidden,
            targets=targets,
            dropout=dropout,
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        audio, text = (
            nn.functional.pad(subnet(pick(embeddings, modality)), (0, 1), value=1.0)
            for modality, subnet in self.subnets.items()
        )  # each (batch, SIDE + 1)
        products = torch.einsum("ba,bt->bat", audio, text).flatten(1)
        found: Tensor = self.regressor(products)
        return found
