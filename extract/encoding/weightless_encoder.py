"""Base class of encoders that compute features without weights or a checkpoint."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from affuse.data.errors import AffuseError, OptionError
from affuse.extract.audio.refusal import Unusable
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.encoding.headless_encoder import HeadlessEncoder
from affuse.extract.encoding.protocol import Prepared

T = TypeVar("T")


class WeightlessEncoder(HeadlessEncoder, ABC):
    """Part of an encoder whose output is one vector of features for an utterance.

    A subclass defines `NAME`, `FEATURE_SET`, `SHORTEST` and `describe`. In the recipe
    of its embeddings, the checkpoint is the name of the feature set, the revision is
    empty, and the digest of the weights is that of the names of the features.
    Everything is computed on the CPU.

    Args:
        names: of the features, in the order of the vector
        settings: on which the features depend, for the recipe
        layers: ``last``, ``all`` or ``0``, which all mean the vector
        unused: options for models, such as the device, the precision and the length of
            blocks
    """

    NAME: ClassVar[str]  # of the plug-in, for messages
    FEATURE_SET: ClassVar[str]  # name that recipes have as the checkpoint
    SHORTEST: ClassVar[int]  # samples; shorter recordings are refused

    pooled = True
    weightless = True
    layer_meaning = "0 is the vector of features of the whole utterance"

    def __init__(
        self,
        names: Sequence[str],
        settings: Mapping[str, Any],
        *,
        layers: str = "last",
        **unused: Any,
    ):
        self.names = tuple(names)
        digest = hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]
        self.checkpoint = Checkpoint(None, self.FEATURE_SET, "", digest)
        self.layers = self._chosen(layers)
        self.inputs: Mapping[str, Any] = {**settings, "features": len(self.names)}

    @abstractmethod
    def describe(self, samples: np.ndarray) -> np.ndarray:
        """Return the features of an utterance, (features,) float32.

        Args:
            samples: (samples,) at 16 kHz as they were recorded, at least `SHORTEST`
        """

    @classmethod
    def _chosen(cls, layers: str) -> tuple[int, ...]:
        """Return the number of the only layer.

        Raises:
            OptionError: if another layer is named
        """
        if layers not in ("last", "all") and set(layers.split(",")) != {"0"}:
            raise OptionError(
                f"layers {layers!r}: the encoder '{cls.NAME}' has one layer, 0; choose "
                f"last, all or 0"
            )
        return (0,)

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **settings: Any
    ) -> Self:
        """Return the encoder, which needs no file.

        Args:
            checkpoint: name of the feature set
            revision: refused unless it is ""
            head: refused if True, because there is no head
            settings: further arguments of the class

        Raises:
            AffuseError: if a checkpoint, a revision or a head is asked for
        """
        cls.refuse_head(head)
        if checkpoint != cls.FEATURE_SET:
            raise AffuseError(
                f"the encoder '{cls.NAME}' has no checkpoint, because it computes its "
                f"features without weights; leave out the checkpoint {checkpoint!r}"
            )
        if revision:
            raise AffuseError(
                f"the encoder '{cls.NAME}' has no checkpoint and no revision; leave "
                f"out --revision {revision}"
            )
        return cls(**settings)

    @classmethod
    def tiny(cls, **settings: Any) -> Self:
        """Return the same encoder, which has no weights that could be random.

        Args:
            settings: further arguments of the class
        """
        return cls(**settings)

    def prepare(self, source: np.ndarray) -> Prepared:
        """Return the waveform as it was recorded, in one block of any length.

        Args:
            source: (samples,) at 16 kHz

        Raises:
            Unusable: if it is shorter than `SHORTEST`
        """
        if len(source) < self.SHORTEST:
            raise Unusable(
                f"has {len(source)} samples at 16 kHz, under the {self.SHORTEST} that "
                f"the encoder '{self.NAME}' needs"
            )
        return Prepared((source,))

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Return the result of `each` for the only layer.

        Args:
            batch: (n, samples)
            each: called with (n, 1, features)
        """
        rows = np.stack([self.describe(samples) for samples in batch])
        return [each(torch.from_numpy(rows).unsqueeze(1))]
