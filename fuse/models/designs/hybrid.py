"""Hybrid fusion: weighted predictions of each modality and of early fusion.

Atrey et al., 2010, Multimedia Systems 16:345, the "hybrid" level of their survey: the
prediction of feature-level fusion is combined with those of the modalities.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")


class Fusion(nn.Module):
    """Design ``Y = FC(concat(FC(concat(Z_a, Z_t)), FC(Z_a), FC(Z_t)))``.

    Args:
        dims: size of each modality's embedding
        hidden: units of each hidden layer
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training, in all
            regressors but the last
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
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        inputs = {modality: pick(embeddings, modality) for modality in MODALITIES}
        inputs["features"] = torch.cat(list(inputs.values()), dim=1)
        votes = [regress(inputs[name]) for name, regress in self.regressors.items()]
        predictions: Tensor = self.weigh(
            torch.cat(votes, dim=1)
        )  # (batch, 3 * targets)
        return predictions
