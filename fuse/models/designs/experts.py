"""Product of experts: each modality predicts the ratings and their precision.

Hinton, 2002, Neural Computation 14:1771. A product of normal densities is normal. Its
precision is the sum of the factors' precisions, and its mean is the mean of theirs
weighted by precision (Cao and Fleet, 2014, arXiv:1410.7827). A missing modality removes
one factor.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
TOLERANT = True  # it can predict where one of its modalities is missing


class Fusion(nn.Module):
    """Design ``Y = sum_m exp(S_m) Y_m / sum_m exp(S_m)``; ``[Y_m, S_m] = FC(Z_m)``.

    S is the logarithm of a precision, for each utterance and rating. The loss depends
    on Y only, so only ratios of precisions are meaningful, and they give no intervals.

    Args:
        dims: size of each modality's embedding
        hidden: units of each modality's regressor
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.experts = nn.ModuleDict(
            {
                modality: Regressor(
                    pick(dims, modality),
                    hidden=hidden,
                    targets=2 * targets,
                    dropout=dropout,
                )
                for modality in MODALITIES
            }
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions from the modalities that are present.

        Args:
            embeddings: {modality: (batch, dim)}, of at least one modality

        Returns:
            (batch, targets)

        Raises:
            AffuseError: if there is no modality
        """
        if not any(modality in embeddings for modality in MODALITIES):
            pick(embeddings, MODALITIES[0])
        means, precisions = self._judge(embeddings)
        return (precisions.softmax(dim=0) * means).sum(dim=0)

    def modality_weights(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the mean weight of each modality over the ratings.

        Args:
            embeddings: {modality: (batch, dim)}, of at least one modality

        Returns:
            {modality: (batch,)}, for the modalities that are present
        """
        weights = self._judge(embeddings)[1].softmax(dim=0).mean(dim=2)
        present = [m for m in self.experts if m in embeddings]
        return dict(zip(present, weights, strict=True))

    def _judge(self, embeddings: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return means and log precisions, both (modalities, batch, targets)."""
        outputs = [
            expert(embeddings[modality])
            for modality, expert in self.experts.items()
            if modality in embeddings
        ]
        means, precisions = torch.stack(outputs).chunk(2, dim=2)
        return means, precisions
