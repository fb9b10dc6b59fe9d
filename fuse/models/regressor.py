"""What the designs share: the small regressor, and a modality asked for by name."""

from collections.abc import Mapping
from typing import TypeVar, cast

from torch import Tensor, nn

from affuse.data.errors import AffuseError

T = TypeVar("T")  # an embedding, or its size


class Regressor(nn.Module):
    """Fully connected, one hidden layer: what stands on every embedding alike."""

    def __init__(self, dim: int, *, hidden: int, targets: int, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, targets),
        )

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, dim) -> (batch, targets)"""
        return self.finish(self.first(embedding))

    @property
    def first(self) -> nn.Linear:
        """The first layer."""
        return cast(nn.Linear, self.layers[0])

    def finish(self, hidden: Tensor) -> Tensor:
        """What follows the first layer: (batch, hidden) -> (batch, targets)"""
        for layer in list(self.layers)[1:]:
            hidden = layer(hidden)
        return hidden


def pick(available: Mapping[str, T], modality: str) -> T:
    """The entry of one modality.

    Raises:
        AffuseError: naming the modality that is missing, and those that are there
    """
    if modality not in available:
        there = ", ".join(sorted(available)) or "nothing"
        raise AffuseError(
            f"this design needs {modality} embeddings, and there is only {there}; "
            f"extract {modality} first, or take a design, or a run of one, that does "
            f"without"
        )
    return available[modality]
