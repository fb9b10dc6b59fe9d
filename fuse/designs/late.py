"""Late fusion, the paper's best: each modality predicts, a small network weighs."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fuse.designs._regressor import Regressor, pick

MODALITIES = ("audio", "text")
CHANNELS = 4  # filters of each convolution
KERNEL = 3  # latent units that one filter sees


class Branch(nn.Module):
    """One modality: a convolution over the latent axis, then Dense(ReLU(Linear(.))).

    Nothing stands between convolution and Linear, as in the paper's description.
    """

    def __init__(self, dim: int, *, hidden: int, targets: int, dropout: float = 0):
        super().__init__()
        self.convolution = nn.Conv1d(1, CHANNELS, KERNEL, padding="same")
        self.regressor = Regressor(
            CHANNELS * dim, hidden=hidden, targets=targets, dropout=dropout
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, dim) -> (batch, targets)"""
        filtered = self.convolution(embedding[:, None])  # (batch, channels, dim)
        found: Tensor = self.regressor(filtered.flatten(1))
        return found


class Fusion(nn.Module):
    """``Dense2(ReLU(Dense1(concat(Y_a, Y_t))))``

    Args:
        dims: size of each modality's embedding
        hidden: units of each hidden layer
        targets: ratings to predict
        dropout: share of hidden units left out in training, in the branches
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                modality: Branch(
                    pick(dims, modality),
                    hidden=hidden,
                    targets=targets,
                    dropout=dropout,
                )
                for modality in MODALITIES
            }
        )
        self.weigh = Regressor(
            len(MODALITIES) * targets, hidden=hidden, targets=targets
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        votes = [
            branch(pick(embeddings, modality))
            for modality, branch in self.branches.items()
        ]
        found: Tensor = self.weigh(torch.cat(votes, dim=1))  # of (batch, 2 * targets)
        return found
