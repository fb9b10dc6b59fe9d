"""Trained models as a rater whose ratings are adapted to those of a user."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.extract.inference.rater import RatedSegments
from affuse.extract.inference.segment_encoding import EncodedSegments
from affuse.extract.inference.trained_rater import TrainedRater
from affuse.fuse.adaptation.adaptation import Adaptation, AdaptedPredictions, apply
from affuse.fuse.adaptation.clip_inputs import ClipInputs
from affuse.fuse.trained.model_codes import encode
from affuse.fuse.wording import count


@dataclass
class AdaptedRater:
    """Models of a run or bundle, with an adaptation to the ratings of a user."""

    rater: TrainedRater
    adaptation: Adaptation
    _counts: Counter[str] = field(default_factory=Counter)  # of ratings and segments

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Recipes of all embeddings that the models of all folds take."""
        return self.rater.recipes

    @property
    def modalities(self) -> Sequence[str]:
        """Names of the modalities that the models take."""
        return self.rater.modalities

    @property
    def robust(self) -> bool:
        """True if segments are predicted that lack a modality."""
        return self.rater.robust

    def rate(self, encoded: EncodedSegments) -> RatedSegments:
        """Return the adapted mean prediction of all segments that were encoded.

        Args:
            encoded: with embeddings of each encoder
        """
        rated, codes = self.rater.rate(encoded), None
        if self.adaptation.needs_codes:
            codes = codes_of(self.rater, encoded, rated)
        adapted = apply(self.adaptation, ClipInputs(rated.mean, codes), rated.std)
        self._counts.update(
            ratings=len(rated.places) * len(self.adaptation.kept),
            clipped=adapted.clipped,
            without_codes=adapted.without_codes,
        )
        columns = self._columns(rated.calibrated, adapted)
        return RatedSegments(rated.places, adapted.mean, adapted.spread, columns)

    def _columns(
        self, calibrated: Mapping[str, np.ndarray], adapted: AdaptedPredictions
    ) -> dict[str, np.ndarray]:
        """Return calibrated columns; those of adapted ratings have the new intervals.

        An adapted rating without intervals has no such columns.
        """
        columns = dict(calibrated)
        for k, (name, rating) in enumerate(self.adaptation.ratings.items()):
            if not rating.kept:
                continue
            sides = {
                "calibrated": adapted.mean,
                "low": adapted.low,
                "high": adapted.high,
            }
            for side, values in sides.items():
                columns.pop(f"{name}_{side}", None)
                if rating.width is not None:
                    columns[f"{name}_{side}"] = values[:, k]
        return columns

    def remarks(self) -> Iterator[str]:
        """Yield a sentence on each fact about all predictions so far."""
        yield from self.rater.remarks()
        yield f"adapted to the ratings of a user: {', '.join(self.adaptation.kept)}"
        if clipped := self._counts["clipped"]:
            yield (
                f"{clipped} of {count(self._counts['ratings'], 'adapted rating')} were "
                f"outside the scale, and were clipped to its end"
            )
        if lacking := self._counts["without_codes"]:
            yield (
                f"{count(lacking, 'segment')} without some modality have no codes, and "
                f"were adapted by offset and gain"
            )


def codes_of(
    rater: TrainedRater, encoded: EncodedSegments, rated: RatedSegments
) -> np.ndarray:
    """Return the codes of rated segments: (n, size), NaN for segments without.

    Args:
        rater: that rated them
        encoded: with embeddings of each encoder
        rated: result of the rater
    """
    codes = encode(rater.models, rater.features(encoded))
    return codes.aligned([str(place) for place in rated.places])
