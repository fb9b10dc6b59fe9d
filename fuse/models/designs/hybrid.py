"""Hybrid fusion: decisions of each modality, and of all features, weighed together.

Atrey et al., 2010, Multimedia Systems 16:345, the "hybrid" level of their survey: what
feature-level fusion decides is one more decision among those of the modalities.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")


class Fusion(nn.Module):
    """``Y = FC(concat(FC(concat(Z_a, Z_t)), FC(Z_a), FC(Z_t)))``

    Args:
        dims: size of each modality's embedding
        hidden: units of each hidden layer
        targets: ratings to predict
        dropout: share of hidden units left out in training, below the last regressor
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        sizes = {modality: pick(dims, modality) for modality in MODALITIES}
        sizes["features"] = sum(sizes.values())
        self.regressors = nn.ModuleDict(
            {
                name: Regressor(size, hidden=hidden, targets=targets, dropout=dropout)
                for name, size in sizes.items()
            }
        )
        self.weigh = Regressor(len(sizes) * targets, hidden=hidden, targets=targets)

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        seen = {modality: pick(embeddings, modality) for modality in MODALITIES}
        seen["features"] = torch.cat(list(seen.values()), dim=1)
        votes = [regress(seen[name]) for name, regress in self.regressors.items()]
        found: Tensor = self.weigh(torch.cat(votes, dim=1))  # of (batch, 3 * targets)
        return found
