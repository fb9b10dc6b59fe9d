"""Lossy coding with Opus (RFC 6716) at its lowest bit rate in libsndfile."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.lossy_codecs import LossyCodec, code

CODEC = LossyCodec("OGG", "OPUS", 1.0)


def code_opus(samples: np.ndarray, _: float, draws: Draws) -> np.ndarray:
    """Return samples after coding with Opus.

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
    meaning="coding with Opus (RFC 6716) at its lowest quality, about 6 kbit/s",
    apply=code_opus,
    is_default=True,
)
