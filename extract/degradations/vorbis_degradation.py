"""Lossy coding with Vorbis at its lowest bit rate in libsndfile."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.lossy_codecs import LossyCodec, code

CODEC = LossyCodec("OGG", "VORBIS", 1.0)


def code_vorbis(samples: np.ndarray, _: float, draws: Draws) -> np.ndarray:
    """Return samples after coding with Vorbis.

    Args:
        samples: (n,) float32 at 16 kHz
        _: not used
        draws: not used

    Returns:
        (n,) float32
    """
    return code(samples, CODEC)


DEGRADATION = Degradation(
    modality="audio",
    meaning="coding with Vorbis at its lowest quality, about 25 kbit/s",
    apply=code_vorbis,
)
