"""Clipping of an overloaded input: amplitudes are limited below the peak."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import factor


def clip_peaks(samples: np.ndarray, decibels: float, draws: Draws) -> np.ndarray:
    """Return samples whose amplitude is limited to a level below their peak.

    Args:
        samples: (n,) float32 at 16 kHz
        decibels: distance of the limit below the peak of the utterance
        draws: not used

    Returns:
        (n,) float32
    """
    limit = float(np.abs(samples).max()) * factor(-decibels)
    return np.asarray(np.clip(samples, -limit, limit), np.float32)


DEGRADATION = Degradation(
    modality="audio",
    meaning="amplitudes limited to this distance below the peak of the utterance",
    apply=clip_peaks,
    unit="dB",
    least=1.0,
    most=60.0,  # leaves some steps of 16-bit samples
    values=(20.0,),
)
