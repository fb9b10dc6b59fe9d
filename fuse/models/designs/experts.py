"""Product of experts: each modality says what it thinks, and how sure it is.

Hinton, 2002, Neural Computation 14:1771. A product of normal densities is normal
again; its precision is the sum of theirs, its mean theirs weighted by precision (Cao
and Fleet, 2014, arXiv:1410.7827). A modality that is missing is a factor less.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
TOLERANT = True  # it predicts from whichever of its modalities are given


class Fusion(nn.Module):
    """``Y = sum_m exp(S_m) Y_m / sum_m exp(S_m)`` where ``[Y_m, S_m] = FC(Z_m)``

    S is the logarithm of a precision, for each utterance and rating. The loss sees Y
    only, so precisions mean something relative to each other: they are no intervals.

    Args:
        dims: size of each modality's embedding
        hidden: units of each modality's regressor
        targets: ratings to predict
        dropout: share of hidden units left out in training
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
        """{modality: (batch, dim)}, at least one of them -> (batch, targets)

        Raises:
            AffuseError: if there is none
        """
        if not any(modality in embeddings for modality in MODALITIES):
            pick(embeddings, MODALITIES[0])
        said = [
            expert(embeddings[modality])
            for modality, expert in self.experts.items()
            if modality in embeddings
        ]
        means, precisions = torch.stack(said).chunk(2, dim=2)
        # each (modalities, batch, targets)
        return (precisions.softmax(dim=0) * means).sum(dim=0)
