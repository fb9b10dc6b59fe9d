"""Lossy coding with MP3 (MPEG-2 layer III) at its lowest bit rate in libsndfile."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.lossy_codecs import LossyCodec, code

CODEC = LossyCodec("MP3", "MPEG_LAYER_III", 0.99, "VARIABLE")


def code_mp3(samples: np.ndarray, _: float, draws: Draws) -> np.ndarray:
    """Return samples after coding with MP3.

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
    meaning="coding with MP3 (MPEG-2 layer III) at its lowest quality, about 21 kbit/s",
    apply=code_mp3,
    is_default=True,
)
