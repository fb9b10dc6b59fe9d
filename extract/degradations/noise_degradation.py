"""Pink noise, whose power falls by 3 dB per octave, as that of many places does."""

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import SAMPLE_RATE, add_noise

LOWEST = 50.0  # Hz; the power of lower frequencies would be large and not audible


def add_pink_noise(samples: np.ndarray, snr: float, draws: Draws) -> np.ndarray:
    """Return samples with pink noise from 50 Hz to 8 kHz.

    Args:
        samples: (n,) float32 at 16 kHz
        snr: signal-to-noise ratio in dB, see `signal_levels.add_noise`
        draws: of the recording

    Returns:
        (n,) float32
    """
    count = len(samples)
    spectrum = np.fft.rfft(draws.generator.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    shape = np.zeros_like(frequencies)
    audible = frequencies >= LOWEST
    shape[audible] = frequencies[audible] ** -0.5
    return add_noise(samples, np.fft.irfft(spectrum * shape, count), snr)


DEGRADATION = Degradation(
    modality="audio",
    meaning="pink noise (1/f, 50 Hz to 8 kHz) at this signal-to-noise ratio, which is "
    "that of the RMS of the utterance and the RMS of the noise",
    apply=add_pink_noise,
    unit="dB SNR",
    least=-20.0,
    most=60.0,  # about the quantisation noise of 16-bit speech
    values=(20.0, 10.0, 0.0),
)
