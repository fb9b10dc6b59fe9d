"""Trained models of a run or bundle as a rater of encoded segments."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from affuse.data.cache.recipe import Recipe
from affuse.extract.inference.rater import RatedSegments
from affuse.extract.inference.segment_encoding import EncodedSegments
from affuse.fuse.calibration.applying import calibrate, clipping_sentence
from affuse.fuse.calibration.calibration_fitting import Calibrations
from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.scoring.failure_notes import UnratedSummary
from affuse.fuse.trained.model_set import ModelSet, RunPrediction
from affuse.fuse.wording import count


@dataclass
class TrainedRater:
    """Models of a run or bundle, with their calibration."""

    models: ModelSet
    calibrations: Calibrations | None = None
    _partial: Counter[str] = field(default_factory=Counter)  # segments, by modalities
    _clipped: Counter[str] = field(default_factory=Counter)  # calibrated predictions
    _summary: UnratedSummary = field(default_factory=UnratedSummary)

    @property
    def recipes(self) -> Sequence[Recipe]:
        """Recipes of all embeddings that the models of all folds take."""
        return [r for each in self.models.recipes.values() for r in each.values()]

    @property
    def modalities(self) -> Sequence[str]:
        """Names of the modalities that the models take."""
        return self.models.modalities

    @property
    def robust(self) -> bool:
        """True if segments are predicted that lack a modality."""
        return self.models.robust

    def rate(self, encoded: EncodedSegments) -> RatedSegments:
        """Return the mean prediction of all models for all segments that were encoded.

        Args:
            encoded: with embeddings of each encoder
        """
        applied = self.models.predict(self.features(encoded))
        self._partial.update(applied.partial)
        if applied.ids:
            self._summary.add(applied.by_model)
        places = tuple(map(int, applied.ids))
        return RatedSegments(
            places, applied.mean, applied.std, self._calibrated(applied)
        )

    def features(self, encoded: EncodedSegments) -> FoldEmbeddings:
        """Return the embeddings of encoded segments that the models of each fold take.

        Args:
            encoded: with embeddings of each encoder
        """
        return {
            fold: encoded.features(recipes)
            for fold, recipes in self.models.recipes.items()
        }

    def _calibrated(self, applied: RunPrediction) -> Mapping[str, np.ndarray]:
        """Return calibrated columns; {} if the models are not calibrated."""
        if self.calibrations is None:
            return {}
        calibrated = calibrate(self.calibrations, applied)
        self._clipped.update(clipped=calibrated.clipped, count=calibrated.count)
        return calibrated.columns

    def remarks(self) -> Iterator[str]:
        """Yield a sentence on partial inputs, failed models and clipped predictions."""
        for present, number in self._partial.items():
            verb = "is" if number == 1 else "are"
            yield f"{count(number, 'segment')} {verb} predicted from {present} alone"
        yield from self._summary.sentences(self.models.targets)
        if self._clipped["clipped"]:
            yield clipping_sentence(self._clipped["clipped"], self._clipped["count"])
