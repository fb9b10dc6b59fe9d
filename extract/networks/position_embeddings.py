"""Position embeddings of conformers that several threads may compute at once.

transformers keeps the embeddings of the last length in the module. Where threads encode
inputs of other lengths meanwhile, one would be given the embeddings of another.
"""

import threading
from typing import Any

from torch import Tensor, nn


class Guarded(nn.Module):
    """Lets one thread at a time compute, and hands it the tensor of its own length."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner
        self._turn = threading.Lock()

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the position embeddings for hidden states, (n, steps, dim)."""
        with self._turn:
            found: Tensor = self.inner(hidden)
        return found


def guard(model: Any) -> None:
    """Guard the position embeddings of a model that has some beside its blocks."""
    encoder: Any = getattr(model, "encoder", None)
    if isinstance(getattr(encoder, "embed_positions", None), nn.Module):
        encoder.embed_positions = Guarded(encoder.embed_positions)
