"""What stage one asks of an encoder; one file each in `extract/encoders`.

A file offers ``MODALITY``, ``CHECKPOINT`` (the default) and ``class Encoder`` with what
`Encoder` here lists, and the class methods ``pretrained(checkpoint, *, revision, head,
**options)`` and ``tiny(**options)``, the same class with small random weights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from affuse.extract.checkpoints.checkpoint_files import Checkpoint

T = TypeVar("T")
Packed = Callable[[Sequence[np.ndarray], Callable[..., Any]], list[Any]]


@dataclass(frozen=True)
class Prepared:
    """An utterance as the model takes it."""

    blocks: tuple[np.ndarray, ...]  # one-dimensional; several only if it is long
    notes: tuple[str, ...] = ()  # what was done to it


class Encoder(Protocol):
    """Turns inputs of equal length into hidden states."""

    checkpoint: Checkpoint
    layers: tuple[int, ...]  # counted as `affuse.data.cache.recipe.LAYERS` says
    inputs: Mapping[str, Any]  # how inputs are prepared; goes into the recipe
    head: tuple[str, ...]  # ratings that `regress` predicts; often none
    # as a call, but of inputs of any lengths, whose steps `each` is told as `counts`;
    # None where there is no such way
    packed: "Packed | None"

    def prepare(self, source: Any) -> Prepared:
        """Waveform or text to model inputs.

        Args:
            source: a text, or (samples,) at 16 kHz, which may be changed where they are

        Raises:
            affuse.extract.audio.decoding.Unusable: if nothing can be encoded
        """

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """What `each` makes of every wanted layer, lowest first, as it passes.

        Args:
            batch: (n, length), nothing of it padding
            each: given (n, steps, dim) on the device of the encoder
        """

    def compile(self) -> None:
        """Let `torch.compile` work on what gains by it; nothing where nothing does."""

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """(dim,) mean of the last layer -> (ratings,) of the checkpoint's own head."""


class SpeechEncoder(Encoder, Protocol):
    """One whose hidden states lie at known times."""

    hop: int  # samples between hidden states
    window: int  # samples that one of them sees, from the first on


def hidden(encoder: Encoder, batch: np.ndarray) -> Tensor:
    """(n, length), nothing of it padding -> (n, layers, steps, dim)"""
    return torch.stack(encoder(batch, lambda layer: layer), dim=1)
