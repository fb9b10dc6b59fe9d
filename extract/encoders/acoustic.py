"""Acoustic functionals: pitch, level, spectrum and rhythm of an utterance.

There is no model: every value is a statistic with a name, a unit and a published
definition, see `FEATURES`. They are computed with librosa (McFee et al., 2015). The
encoder is a reference for learnt embeddings, and a view of the data that can be read.
"""

from typing import Any

import numpy as np

from affuse.extract.acoustics import acoustic_functionals
from affuse.extract.audio.librosa_loading import load_librosa
from affuse.extract.audio.refusal import Unusable
from affuse.extract.encoding.protocol import Prepared
from affuse.extract.encoding.weightless_encoder import WeightlessEncoder

MODALITY = "audio"
CHECKPOINT = "acoustic"
PACKAGES = ("librosa", "scipy")  # that the values depend on
FEATURES = acoustic_functionals.FEATURES  # with units and sources
NAMES = acoustic_functionals.NAMES  # of the columns of an embedding, in their order


class Encoder(WeightlessEncoder):
    """Acoustic functionals of a whole utterance, as one hidden state.

    Args:
        options: layers, and options for models, which have no effect
    """

    NAME = FEATURE_SET = CHECKPOINT
    NO_HEAD = "the encoder 'acoustic' has no head for ratings"
    SHORTEST = acoustic_functionals.SHORTEST

    def __init__(self, **options: Any):
        load_librosa()  # here, since the first call takes seconds
        super().__init__(NAMES, acoustic_functionals.SETTINGS, **options)

    def prepare(self, source: np.ndarray) -> Prepared:
        """Return the waveform as it was recorded, in one block of any length.

        Args:
            source: (samples,) at 16 kHz

        Raises:
            Unusable: if it is too short, or so far above full scale that its power
                would overflow
        """
        prepared = super().prepare(source)
        peak = float(np.abs(source).max())
        if peak > acoustic_functionals.LOUDEST:
            raise Unusable(
                f"has samples of {peak:.0e}, where full scale is 1; the encoder "
                f"'acoustic' takes at most {acoustic_functionals.LOUDEST:.0e}"
            )
        return prepared

    def describe(self, samples: np.ndarray) -> np.ndarray:
        """Return the features of an utterance, (features,) float32.

        Args:
            samples: (samples,) at 16 kHz as they were recorded, at least `SHORTEST`
        """
        return acoustic_functionals.functionals(samples)
