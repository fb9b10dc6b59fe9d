"""Small regressor that the designs share, and lookup of a modality by name."""

from collections.abc import Mapping
from typing import TypeVar, cast

from torch import Tensor, nn

from affuse.data.errors import AffuseError

T = TypeVar("T")  # an embedding, or its size


class Regressor(nn.Module):
    """Fully connected network with one hidden layer.

    Args:
        dim: size of the embedding
        hidden: units of the hidden layer
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
    """

    def __init__(self, dim: int, *, hidden: int, targets: int, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, targets),
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the predictions of an embedding.

        Args:
            embedding: (batch, dim)

        Returns:
            (batch, targets)
        """
        return self.finish(self.first(embedding))

    @property
    def first(self) -> nn.Linear:
        """First linear layer."""
        return cast(nn.Linear, self.layers[0])

    def finish(self, hidden: Tensor) -> Tensor:
        """Return the output of all layers after the first.

        Args:
            hidden: (batch, hidden), output of the first layer

        Returns:
            (batch, targets)
        """
        for layer in list(self.layers)[1:]:
            hidden = layer(hidden)
        return hidden


def pick(available: Mapping[str, T], modality: str) -> T:
    """Return the entry of one modality.

    Args:
        available: {modality: entry}
        modality: to be looked up

    Raises:
        AffuseError: naming the missing modality and the available ones
    """
    if modality not in available:
        names = ", ".join(sorted(available)) or "nothing"
        raise AffuseError(
            f"this design needs {modality} embeddings, and there is only {names}; "
            f"extract {modality} first, or choose a design, or a run of one, that does "
            f"not need them"
        )
    return available[modality]
