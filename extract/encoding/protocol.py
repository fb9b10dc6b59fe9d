"""What stage one asks of an encoder; one file each in `extract/encoders`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

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
    """Turns inputs of one modality into hidden states; see `EncoderPlugin`."""

    checkpoint: Checkpoint
    layers: tuple[int, ...]  # counted as `affuse.data.cache.recipe.LAYERS` says
    inputs: Mapping[str, Any]  # how inputs are prepared; goes into the recipe
    head: tuple[str, ...]  # ratings that `regress` predicts; often none
    # as a call, but of inputs of any lengths, whose steps `each` is told as `counts`;
    # None where there is no such way
    packed: "Packed | None"

    def prepare(self, source: Any) -> Prepared:
        """Return what the model takes of one input.

        Args:
            source: (samples,) at 16 kHz, which may be changed where they are; in other
                modalities what their `affuse.data.modality.Modality.read` returns

        Raises:
            affuse.extract.audio.refusal.Unusable: if nothing can be encoded
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


class EncoderPlugin(Encoder, Protocol):
    """An encoder that is found by its name, and how it is loaded.

    A file in extract/encoders, whose name is that of the encoder, holds the class
    ``Encoder`` with all of this. The tests in tests/test_encoders.py demand of it:

    1. Beside the class, ``MODALITY`` names a file in data/modalities. ``CHECKPOINT`` is
       the checkpoint that is loaded where none is named. ``KINDS``, where it is there,
       lists the model types of transformers for which this encoder is chosen.
    2. `tiny` needs no file. Two calls give equal weights and equal hidden states, and
       the random state of torch is the same afterwards.
    3. Both class methods take the options ``layers``, ``device`` and ``dtype``, and
       those that its modality lists in `affuse.data.modality.Modality.options`.
    4. ``layers`` is ``last``, ``all`` or numbers divided by commas. The attribute has
       the numbers in ascending order, and any others are refused by an `OptionError`.
    5. `prepare` gives one-dimensional blocks. The same input gives the same blocks.
    6. A call gives as many results as there are layers, lowest first, each of hidden
       states of the shape (n, steps, dim), and keeps no gradient.
    7. No row depends on its neighbours: a batch agrees with its inputs one by one, but
       for the rounding of float32.
    8. The layers are those that are asked for: a choice of them equals the same layers
       among all, and no two layers are equal.
    9. In float16 and bfloat16 the means over steps are finite, and within 5 % of those
       in float32.
    10. A model, where the attribute ``model`` has one, is in evaluation mode.
    11. `inputs` has texts as names, and texts, numbers or flags as values.
    12. ``head=True`` of `pretrained` is refused where the checkpoint has no head, by an
        `AffuseError` that says to leave out ``--head``. `regress` of an encoder whose
        `head` is empty raises one too.
    13. On a GPU, hidden states agree with those on a CPU.
    """

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **settings: Any
    ) -> Self:
        """Return the encoder of a checkpoint.

        Args:
            checkpoint: name on the hub, or a folder
            revision: commit on the hub; "" for the newest
            head: keep the checkpoint's own head, for `regress`
            settings: ``layers``, ``device``, ``dtype`` and those of the modality

        Raises:
            AffuseError: if the checkpoint cannot be loaded, or has no head
        """

    @classmethod
    def tiny(cls, **settings: Any) -> Self:
        """Return an encoder of small, seeded random weights: nothing is downloaded.

        Args:
            settings: as of `pretrained`
        """


class SpeechEncoder(Encoder, Protocol):
    """One whose hidden states lie at known times."""

    hop: int  # samples between hidden states
    window: int  # samples that one of them sees, from the first on


def hidden(encoder: Encoder, batch: np.ndarray) -> Tensor:
    """(n, length), nothing of it padding -> (n, layers, steps, dim)"""
    return torch.stack(encoder(batch, lambda layer: layer), dim=1)
