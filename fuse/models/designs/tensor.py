"""Tensor fusion: all products of a unit of one modality and a unit of the other.

Zadeh et al., 2017, EMNLP, "Tensor fusion network for multimodal sentiment analysis".
The outer product of two codes would have 128 x 128 entries, and its regressor millions
of weights. So each code is first reduced to `SIDE` units.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
SIDE = 15  # units of each modality; with the constant 1 there are 16 x 16 products


class Fusion(nn.Module):
    """Design ``Y = FC([ReLU(W_a Z_a), 1] outer [ReLU(W_t Z_t), 1])``.

    The constant 1 keeps each modality's units beside the products.

    Args:
        dims: size of each modality's embedding
        hidden: units of the regressor
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
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
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        audio, text = (
            nn.functional.pad(subnet(pick(embeddings, modality)), (0, 1), value=1.0)
            for modality, subnet in self.subnets.items()
        )  # (batch, SIDE + 1) each
        products = torch.einsum("ba,bt->bat", audio, text).flatten(1)
        predictions: Tensor = self.regressor(products)
        return predictions
