"""Late fusion: a network weights predictions of each modality; the paper's best."""

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
    """Branch of one modality: a convolution over the latent axis, Linear, ReLU, Dense.

    There is no activation between convolution and Linear, as in the paper. So both are
    one linear map: their weights are multiplied once for each batch, which replaces a
    convolution of every utterance. With ``late_activation="relu"``, a ReLU is between
    them, and the branch can learn more than one linear map.

    Args:
        dim: size of the embedding
        hidden: units of the hidden layer
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
        late_activation: "relu" or "none", between convolution and Linear
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
        """Return the predictions from one modality.

        Args:
            embedding: (batch, dim)

        Returns:
            (batch, targets)
        """
        if self.rectified:
            filtered: Tensor = self.convolution(embedding[:, None])
            predictions: Tensor = self.regressor(filtered.relu().flatten(1))
            return predictions
        return self.regressor.finish(functional.linear(embedding, *self.joined()))

    def joined(self) -> tuple[Tensor, Tensor]:
        """Return convolution and Linear as one map: (hidden, dim) and (hidden,)."""
        linear = self.regressor.first
        weight = linear.weight.unflatten(1, (CHANNELS, -1))  # (hidden, channels, dim)
        filters = self.convolution.weight[:, 0]  # (channels, kernel)
        # Weight k of a filter applies to the value that is k indices later.
        products = torch.einsum("ck,hcd->khd", filters, weight).unbind()
        spread = [
            functional.pad(m, (k, KERNEL - 1 - k)) for k, m in enumerate(products)
        ]
        begin = (KERNEL - 1) // 2
        matrix = sum(spread[1:], spread[0])[:, begin : begin + weight.shape[-1]]
        return matrix, linear.bias + weight.sum(dim=-1) @ self.convolution.bias


class Fusion(nn.Module):
    """Design ``Y = Dense2(ReLU(Dense1(concat(Y_a, Y_t))))``, with Y_m of a `Branch`.

    Args:
        dims: size of each modality's embedding
        hidden: units of each hidden layer
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training, in branches
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
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        votes = [
            branch(pick(embeddings, modality))
            for modality, branch in self.branches.items()
        ]
        predictions: Tensor = self.weigh(
            torch.cat(votes, dim=1)
        )  # (batch, 2 * targets)
        return predictions
