"""What happens to a voice between the mouth and the file."""

import numpy as np

from affuse.data.corpora.demo.voices import RATE as SPOKEN_RATE

RATE = 16_000  # Hz, of the corpus
STEP = 441  # samples of espeak-ng that are 320 of the corpus: 20 ms
PIVOT = 800.0  # Hz that the tilt leaves as loud as they are
LOWEST = 100.0  # Hz below which the tilt does not go on
QUIET = 0.01  # of the peak: what is below it at either end is no speech
GRID = 160  # samples that every span is a multiple of: 10 ms, two decimals
CEILING = 0.97  # highest amplitude, of full scale


def voiced(speech: np.ndarray, *, level: float, tilt: float) -> np.ndarray:
    """Trimmed speech at `RATE`, of the level and brightness that are wanted.

    Args:
        speech: (samples,) at the rate of espeak-ng
        level: root mean square in dB of full scale, before what is too loud is bent
        tilt: dB per octave

    Returns:
        (samples,) at `RATE`, a multiple of `GRID` long
    """
    loud = np.flatnonzero(np.abs(speech) > QUIET * np.abs(speech).max())
    speech = speech[loud[0] : loud[-1] + 1]
    found = _tilted(np.pad(speech, (0, -len(speech) % STEP)), tilt)
    found *= 10 ** (level / 20) / np.sqrt(np.mean(found**2))
    return CEILING * np.tanh(found / CEILING)  # nearly as it was where it is quiet


def _tilted(speech: np.ndarray, tilt: float) -> np.ndarray:
    """(n * STEP,) at 22,050 Hz -> (n * 320,) at 16 kHz, filtered on the way."""
    samples = len(speech) * RATE // SPOKEN_RATE
    spectrum = np.fft.rfft(speech)[: samples // 2 + 1]
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    octaves = np.log2(np.maximum(hertz, LOWEST) / PIVOT)
    spectrum *= 10 ** (tilt * octaves / 20)
    return np.fft.irfft(spectrum, samples)


def pause(seconds: float) -> np.ndarray:
    """Silence, a multiple of `GRID` long."""
    return np.zeros(round(seconds * RATE / GRID) * GRID)


def recorded(
    speech: np.ndarray, *, room: float, rng: np.random.Generator
) -> np.ndarray:
    """A dialogue with the noise of a room, in whole numbers of 16 bits.

    Whole numbers, so that the last bits of a float, which depend on the processor,
    reach no coder.

    Args:
        speech: (samples,) in [-1, 1]
        room: level of the noise in dB of full scale
        rng: of the noise

    Returns:
        (samples,) int16
    """
    noise = rng.normal(0, 10 ** (room / 20), len(speech))
    noise = np.convolve(noise, (0.5, 0.5), mode="same")  # rooms are dark
    pcm: np.ndarray = np.rint(32767 * (speech + noise).clip(-1, 1)).astype("<i2")
    return pcm
