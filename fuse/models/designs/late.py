"""Late fusion, the paper's best: each modality predicts, a small network weighs."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
EXTRA_SETTINGS = ("late_activation",)
CHANNELS = 4  # filters of each convolution
KERNEL = 3  # latent units that one filter sees


class Branch(nn.Module):
    """One modality: a convolution over the latent axis, then Dense(ReLU(Linear(.))).

    Nothing stands between convolution and Linear, as in the paper's description. So the
    two are one linear map, and their weights are multiplied once a batch, rather than
    every utterance with the filters. With ``late_activation="relu"``, a ReLU stands
    between them, and the convolution adds what no Linear could learn.
    """

    def __init__(
        self,
        dim: int,
        *,
        hidden: int,
        targets: int,
        dropout: float = 0,
        late_activation: str = "none",
    ):
        super().__init__()
        self.rectified = late_activation == "relu"
        self.convolution = nn.Conv1d(1, CHANNELS, KERNEL, padding="same")
        self.regressor = Regressor(
            CHANNELS * dim, hidden=hidden, targets=targets, dropout=dropout
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, dim) -> (batch, targets)"""
        if self.rectified:
            filtered: Tensor = self.convolution(embedding[:, None])
            found: Tensor = self.regressor(filtered.relu().flatten(1))
            return found
        return self.regressor.finish(functional.linear(embedding, *self.joined()))

    def joined(self) -> tuple[Tensor, Tensor]:
        """Convolution, then Linear: matrix (hidden, dim) and bias (hidden,)"""
        linear = self.regressor.first
        weight = linear.weight.unflatten(1, (CHANNELS, -1))  # (hidden, channels, dim)
        filters = self.convolution.weight[:, 0]  # (channels, kernel)
        # a value of the embedding meets the k-th weight of a filter k places further
        met = torch.einsum("ck,hcd->khd", filters, weight).unbind()
        spread = [functional.pad(m, (k, KERNEL - 1 - k)) for k, m in enumerate(met)]
        begin = (KERNEL - 1) // 2
        matrix = sum(spread[1:], spread[0])[:, begin : begin + weight.shape[-1]]
        return matrix, linear.bias + weight.sum(dim=-1) @ self.convolution.bias


class Fusion(nn.Module):
    """``Dense2(ReLU(Dense1(concat(Y_a, Y_t))))``

    Args:
        dims: size of each modality's embedding
        hidden: units of each hidden layer
        targets: ratings to predict
        dropout: share of hidden units left out in training, in the branches
        late_activation: "relu" or "none", between convolution and Linear of a branch
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        *,
        hidden: int,
        targets: int,
        dropout: float = 0,
        late_activation: str = "none",
    ):
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                modality: Branch(
                    pick(dims, modality),
                    hidden=hidden,
                    targets=targets,
                    dropout=dropout,
                    late_activation=late_activation,
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
