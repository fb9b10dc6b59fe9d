"""Position embeddings of conformers that several threads may compute at once.

transformers stores the embeddings of the last length in the module. So a thread could
get the embeddings of another thread's length.
"""

import threading
from typing import Any

from torch import Tensor, nn


class Guarded(nn.Module):
    """Wrapper of position embeddings that lets one thread compute at a time."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner
        self._turn = threading.Lock()

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the position embeddings for hidden states, (n, steps, dim)."""
        with self._turn:
            embeddings: Tensor = self.inner(hidden)
        return embeddings


def guard(model: Any) -> None:
    """Wrap the position embeddings of a model's encoder in `Guarded`, if it has any."""
    encoder: Any = getattr(model, "encoder", None)
    if isinstance(getattr(encoder, "embed_positions", None), nn.Module):
        encoder.embed_positions = Guarded(encoder.embed_positions)
