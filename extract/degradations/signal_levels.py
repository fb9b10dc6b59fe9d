"""Levels of signals: root mean square, decibels, and noise of a given level."""

import numpy as np

SAMPLE_RATE = 16_000  # Hz, of all recordings that are degraded


def rms(samples: np.ndarray) -> float:
    """Return the root mean square of samples, computed in float64.

    Args:
        samples: (n,), n at least 1
    """
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def factor(decibels: float) -> float:
    """Return the factor of amplitudes for a number of decibels.

    Examples:
        >>> factor(20.0), factor(-20.0)
        (10.0, 0.1)
    """
    return float(10.0 ** (decibels / 20.0))


def add_noise(samples: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """Return samples with noise that has a level relative to theirs.

    The signal-to-noise ratio is 20 log10 of the RMS of the utterance, with its pauses,
    over the RMS of the noise. A silent recording stays silent. Sums above full scale
    are not clipped.

    Args:
        samples: (n,) float32
        noise: (n,) of any level
        snr: signal-to-noise ratio in dB

    Returns:
        (n,) float32
    """
    level = rms(noise)
    if not level:
        return samples.copy()
    scale = rms(samples) / level / factor(snr)
    return np.asarray(samples + scale * noise, np.float32)
