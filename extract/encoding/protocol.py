"""Interface of encoders, each of which is a file in `extract/encoders`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from affuse.extract.audio.refusal import Unusable
from affuse.extract.checkpoints.checkpoint_files import Checkpoint

T = TypeVar("T")
Packed = Callable[[Sequence[np.ndarray], Callable[..., Any]], list[Any]]


@dataclass(frozen=True)
class Prepared:
    """Input of one utterance as the model takes it."""

    blocks: tuple[np.ndarray, ...]  # one-dimensional; several only for a long input
    notes: tuple[str, ...] = ()  # changes to the input


PrepareStandardised = Callable[[np.ndarray], Prepared]
# Returns an `Unusable` in place of an input that cannot be encoded.
PrepareAll = Callable[[Sequence[Any]], "Sequence[Prepared | Unusable]"]


class Encoder(Protocol):
    """Encoder of one modality, which computes hidden states; see `EncoderPlugin`."""

    checkpoint: Checkpoint
    layers: tuple[int, ...]  # numbered as in `affuse.data.cache.recipe.LAYERS`
    inputs: Mapping[str, Any]  # settings of the preparation, part of the recipe
    head: tuple[str, ...]  # ratings that `regress` predicts; often none
    # Encodes packed inputs of any lengths. `each` gets the number of steps of each
    # input as `counts`. None if the encoder cannot pack.
    packed: "Packed | None"
    # Four optional attributes, which the functions of this module read:
    # ``pooled = True`` if the hidden states have one step, which describes the whole
    # utterance, and ``weightless = True`` if the encoder has no weights;
    # ``prepare_standardised`` and ``prepare_all``, which prepare inputs faster.

    def prepare(self, source: Any) -> Prepared:
        """Return one input as the model takes it.

        Args:
            source: (samples,) at 16 kHz, which may be changed in place; in other
                modalities the result of `affuse.data.modality.Modality.read`

        Raises:
            affuse.extract.audio.refusal.Unusable: if the input cannot be encoded
        """

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Encode a batch and return the result of `each` for every chosen layer.

        Args:
            batch: (n, length), without padding
            each: called with the hidden states (n, steps, dim) of a layer, on the
                device of the encoder, as soon as they are computed

        Returns:
            one result for each layer, lowest first
        """

    def compile(self) -> None:
        """Compile the parts of the model that `torch.compile` makes faster, if any."""

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """Predict ratings with the checkpoint's head.

        Args:
            mean: (dim,), mean of the last layer over time

        Returns:
            (ratings,)
        """


class EncoderPlugin(Encoder, Protocol):
    """Encoder with the class methods that load it, as a plug-in defines it.

    A file in extract/encoders has the name of the encoder, and defines the class
    ``Encoder`` with this interface. The tests in tests/contracts/test_encoders.py
    require:

    1. Beside the class, ``MODALITY`` names a file in data/modalities. ``CHECKPOINT`` is
       the default checkpoint. ``KINDS``, which is optional, lists the model types of
       transformers for which this encoder is chosen. ``EXTRA``, which is optional,
       names the extra of setup.cfg that the encoder needs. Without its package, both
       class methods raise an `AffuseError` that says what to install. ``PACKAGES``,
       which is optional, lists further packages whose versions a cache records.
    2. `tiny` needs no file. Two calls give equal weights and equal hidden states, and
       leave the random state of torch unchanged.
    3. Both class methods take the options ``layers``, ``device`` and ``dtype``, and
       those that its modality lists in `affuse.data.modality.Modality.options`.
    4. ``layers`` is ``last``, ``all`` or numbers separated by commas. The attribute has
       the numbers in ascending order. Other values raise an `OptionError`.
    5. `prepare` returns one-dimensional blocks. Equal inputs give equal blocks.
    6. A call returns one result for each layer, lowest first. The hidden states have
       the shape (n, steps, dim) and no gradient.
    7. Rows are independent: a batch gives the same results as its inputs one by one,
       except for the rounding of float32.
    8. The layers are the chosen ones: they equal the same layers of the choice ``all``,
       and no two layers are equal.
    9. In float16 and bfloat16 the means over steps are finite, and within 5 % of those
       in float32.
    10. A model in the attribute ``model``, if there is one, is in evaluation mode.
    11. `inputs` has strings as names, and strings, numbers or flags as values.
    12. If the checkpoint has no head, ``head=True`` of `pretrained` raises an
        `AffuseError` that says to leave out ``--head``. So does `regress` of an encoder
        whose `head` is empty.
    13. On a GPU, hidden states agree with those on a CPU.
    14. Where the attribute ``pooled`` is True, the hidden states of any input have one
        step, and no input is cut into blocks. Other encoders return more steps for a
        longer input. The mean of such hidden states is the pooling in every recipe, and
        ``--pooling frames`` is refused.
    15. Where the attribute ``weightless`` is True, the encoder has no weights and no
        file. `tiny` and `pretrained` return equal encoders. `pretrained` refuses any
        checkpoint but ``CHECKPOINT``, and any revision. Hidden states are float32 on
        the CPU, equal to the bit for every device, precision and batch.
    16. Where there is a function ``prepare_standardised``, its results for a
        standardised waveform equal those of `prepare` for the waveform. Where there is
        a function ``prepare_all``, its results equal those of `prepare`, and an
        `Unusable` is returned in place of an input that `prepare` refuses.
    """

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **settings: Any
    ) -> Self:
        """Load the encoder of a checkpoint.

        Args:
            checkpoint: name on the hub, or a folder
            revision: commit on the hub; "" for the newest
            head: True to load the checkpoint's head, for `regress`
            settings: ``layers``, ``device``, ``dtype`` and those of the modality

        Raises:
            AffuseError: if the checkpoint cannot be loaded, or has no head
        """

    @classmethod
    def tiny(cls, **settings: Any) -> Self:
        """Return a small encoder with seeded random weights; download nothing.

        Args:
            settings: as for `pretrained`
        """


class SpeechEncoder(Encoder, Protocol):
    """Encoder of speech, whose hidden states have a fixed frame rate."""

    hop: int  # samples between the beginnings of two frames
    window: int  # samples in the receptive field of one frame


def is_pooled(encoder: "Encoder | type[Encoder]") -> bool:
    """Return True if hidden states have one step, which describes the utterance.

    Args:
        encoder: of any modality, or its class
    """
    return bool(getattr(encoder, "pooled", False))


def is_weightless(encoder: "Encoder | type[Encoder]") -> bool:
    """Return True if an encoder has no weights, and computes on the CPU in float32.

    Args:
        encoder: of any modality, or its class
    """
    return bool(getattr(encoder, "weightless", False))


def prepares_standardised(encoder: Encoder) -> PrepareStandardised | None:
    """Return the function of an encoder that prepares standardised waveforms.

    Its results equal those of `prepare`, which standardises the same waveforms itself.
    The decoding process standardises them then, beside the other work on a file.

    Args:
        encoder: of any modality

    Returns:
        None if the encoder has no such function
    """
    return getattr(encoder, "prepare_standardised", None)


def prepares_all(encoder: Encoder) -> PrepareAll | None:
    """Return the function of an encoder that prepares many inputs in one call.

    Its results equal those of `prepare` for each input, and it is faster.

    Args:
        encoder: of any modality

    Returns:
        None if the encoder has no such function
    """
    return getattr(encoder, "prepare_all", None)


def hidden(encoder: Encoder, batch: np.ndarray) -> Tensor:
    """Return the hidden states of a batch, (n, layers, steps, dim).

    Args:
        encoder: of any modality
        batch: (n, length), without padding
    """
    return torch.stack(encoder(batch, lambda layer: layer), dim=1)
