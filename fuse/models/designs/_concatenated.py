"""Base class of audio, text and early fusion: one regressor on concatenated codes."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick


class Concatenated(nn.Module):
    """Design ``Y = FC(concat(Z_1, Z_2, ...))``, or ``Y = FC(Z)`` for a single modality.

    Args:
        dims: size of each modality's embedding
        hidden: units of the regressor
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
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
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        parts = [pick(embeddings, modality) for modality in self.modalities]
        predictions: Tensor = self.regressor(torch.cat(parts, dim=1))
        return predictions
