"""Band of narrowband telephony, 300 to 3,400 Hz (ITU-T Recommendation G.712)."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import SAMPLE_RATE

BAND = (300.0, 3400.0)  # Hz, where the filter attenuates by 3 dB
ORDER = 10  # of the low-pass and of the high-pass side


def limit_band(samples: np.ndarray, _: float, draws: Draws) -> np.ndarray:
    """Return samples without the frequencies that a telephone does not transmit.

    The filter is a causal Butterworth band-pass. There is no companding, and the
    sampling rate stays 16 kHz.

    Args:
        samples: (n,) float32 at 16 kHz
        _: not used
        draws: not used

    Returns:
        (n,) float32
    """
    from scipy.signal import butter, sosfilt

    sections = butter(ORDER, BAND, "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfilt(sections, samples), np.float32)


DEGRADATION = Degradation(
    modality="audio",
    meaning="only the telephone band from 300 to 3,400 Hz (ITU-T G.712), 3 dB at its "
    "edges",
    apply=limit_band,
    is_default=True,
)
