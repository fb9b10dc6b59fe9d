"""Reverberation of a room, by the statistical model of its impulse response.

The tail of the impulse response is Gaussian noise that decays exponentially (Polack,
1988, La transmission de l'énergie sonore dans les salles). The reverberation time RT60
is that in which its level falls by 60 dB.
"""

import math

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.signal_levels import SAMPLE_RATE, rms

DECAY = 3 * math.log(10)  # 60 dB as a logarithm of amplitudes


def impulse_response(seconds: float, draws: Draws) -> np.ndarray:
    """Return the impulse response of a room: the direct sound, then the tail.

    Both have the same energy, so the direct-to-reverberant ratio is 0 dB.

    Args:
        seconds: reverberation time RT60
        draws: of the recording

    Returns:
        (n,) float64 at 16 kHz, of the length RT60
    """
    count = max(2, round(seconds * SAMPLE_RATE))
    times = np.arange(count) / SAMPLE_RATE
    tail = draws.generator.standard_normal(count) * np.exp(-DECAY * times / seconds)
    tail[0] = 0.0
    tail /= np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return tail


def add_reverberation(samples: np.ndarray, seconds: float, draws: Draws) -> np.ndarray:
    """Return samples as a distant microphone in a room records them.

    The end of the reverberation that exceeds the utterance is cut off. The RMS stays
    that of the utterance.

    Args:
        samples: (n,) float32 at 16 kHz
        seconds: reverberation time RT60
        draws: of the recording

    Returns:
        (n,) float32
    """
    from scipy.signal import fftconvolve

    response = impulse_response(seconds, draws)
    wet = fftconvolve(samples.astype(np.float64), response)[: len(samples)]
    level = rms(wet)
    return np.asarray(wet * (rms(samples) / level if level else 0.0), np.float32)


DEGRADATION = Degradation(
    modality="audio",
    meaning="reverberation with this reverberation time RT60: exponentially decaying "
    "Gaussian noise (Polack, 1988), direct-to-reverberant ratio 0 dB",
    apply=add_reverberation,
    unit="s",
    least=0.05,
    most=10.0,
    values=(0.5, 1.5),
)
