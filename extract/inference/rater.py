"""Interface of models from the embeddings of segments to ratings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.extract.inference.segment_encoding import EncodedSegments


@dataclass(frozen=True)
class RatedSegments:
    """Predictions of encoded segments; `places` are their positions in the chunk."""

    places: tuple[int, ...]
    mean: np.ndarray  # (n, targets), over models, on [-1, 1]
    std: np.ndarray  # (n, targets), over models
    # {"valence_calibrated": (n,), "valence_low": ..., ...}; empty if not calibrated
    calibrated: Mapping[str, np.ndarray] = field(default_factory=dict)


class Rater(Protocol):
    """Model from embeddings to ratings: trained models, or a checkpoint's head."""

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Recipes of all embeddings that the model takes."""

    @property
    def modalities(self) -> Sequence[str]:
        """Names of the modalities that the model takes."""

    @property
    def robust(self) -> bool:
        """True if segments are predicted that lack a modality."""

    def rate(self, encoded: EncodedSegments) -> RatedSegments:
        """Return the predictions of all segments that were encoded."""

    def remarks(self) -> Iterator[str]:
        """Yield a sentence on each fact about all predictions so far."""
