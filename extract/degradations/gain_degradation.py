"""Wrong recording level: gain before a 16-bit converter."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import factor

FULL_SCALE = 2**15  # of 16-bit samples


def change_gain(samples: np.ndarray, decibels: float, draws: Draws) -> np.ndarray:
    """Return samples with a gain, rounded to 16 bits and limited to full scale.

    So a negative gain adds noise of quantisation, and a positive one may clip. Most
    encoders standardise the waveform, so the gain itself has no effect on them.

    Args:
        samples: (n,) float32 at 16 kHz, full scale being 1
        decibels: gain
        draws: not used

    Returns:
        (n,) float32
    """
    rounded = np.rint(samples * np.float64(FULL_SCALE * factor(decibels)))
    limited = np.clip(rounded, -FULL_SCALE, FULL_SCALE - 1)
    return np.asarray(limited / FULL_SCALE, np.float32)


DEGRADATION = Degradation(
    modality="audio",
    meaning="this gain, then 16-bit quantisation and the limits of full scale",
    apply=change_gain,
    unit="dB",
    least=-60.0,  # leaves some steps of 16-bit samples
    most=60.0,
    mildest=1.0,
    values=(-30.0,),
)
