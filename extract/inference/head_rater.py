"""Regression head of a speech checkpoint as a rater: nothing is trained.

The heads of the audEERING family predict arousal, dominance and valence, about from 0
to 1 (Wagner et al., 2023, "Dawn of the transformer era in speech emotion recognition").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.data.rating_scales import RATINGS
from affuse.extract.inference.rater import RatedSegments
from affuse.extract.inference.segment_encoding import EncodedSegments

SCALE = (0.0, 1.0)  # of the ratings that these heads were trained on


@dataclass(frozen=True)
class HeadRater:
    """Head of one checkpoint, whose predictions come with its embeddings."""

    recipe: Recipe  # with the names of the head's ratings

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the predicted ratings, in order of columns."""
        return tuple(name for name in RATINGS if name in self.recipe.head)

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Recipe of the embeddings that the head takes."""
        return (self.recipe,)

    @property
    def modalities(self) -> Sequence[str]:
        """Name of the modality of the checkpoint."""
        return (self.recipe.modality,)

    @property
    def robust(self) -> bool:
        """False, because the head needs its only modality."""
        return False

    def rate(self, encoded: EncodedSegments) -> RatedSegments:
        """Return the predictions of the head on [-1, 1], for one model.

        Args:
            encoded: with embeddings and predictions of the head
        """
        (embeddings,) = encoded.embeddings.values()
        places = tuple(map(int, embeddings.ids))
        if embeddings.head is None:
            raise TypeError("the encoder was loaded without its head")
        columns = [self.recipe.head.index(name) for name in self.targets]
        low, high = SCALE
        mean = (2 * embeddings.head[:, columns] - low - high) / (high - low)
        return RatedSegments(places, mean.astype(np.float64), np.zeros(mean.shape))

    def remarks(self) -> Iterator[str]:
        """Yield nothing, because a head predicts every segment in the same way."""
        return iter(())
