"""White noise, whose power is equal at all frequencies."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import add_noise


def add_white_noise(samples: np.ndarray, snr: float, draws: Draws) -> np.ndarray:
    """Return samples with white Gaussian noise.

    Args:
        samples: (n,) float32 at 16 kHz
        snr: signal-to-noise ratio in dB, see `signal_levels.add_noise`
        draws: of the recording

    Returns:
        (n,) float32
    """
    return add_noise(samples, draws.generator.standard_normal(len(samples)), snr)


DEGRADATION = Degradation(
    modality="audio",
    meaning="white Gaussian noise at this signal-to-noise ratio, which is that of the "
    "RMS of the utterance and the RMS of the noise",
    apply=add_white_noise,
    unit="dB SNR",
    least=-20.0,
    most=60.0,  # about the quantisation noise of 16-bit speech
)
