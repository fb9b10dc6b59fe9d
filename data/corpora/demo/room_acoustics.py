"""Level, brightness, resampling and background noise of the demo corpus's speech."""

import numpy as np

from affuse.data.corpora.demo.voices import RATE as SPOKEN_RATE

RATE = 16_000  # Hz, of the corpus
STEP = 441  # samples of espeak-ng that become 320 samples of the corpus: 20 ms
PIVOT = 800.0  # Hz, the frequency whose level the tilt does not change
LOWEST = 100.0  # Hz, below which the tilt stays constant
QUIET = 0.01  # share of the peak; quieter samples at either end are trimmed
GRID = 160  # samples; every span is a multiple of it: 10 ms, two decimals
CEILING = 0.97  # highest amplitude, as a share of full scale


def shape_speech(speech: np.ndarray, *, level: float, tilt: float) -> np.ndarray:
    """Return trimmed speech at `RATE` with a given level and spectral tilt.

    Args:
        speech: (samples,) at the rate of espeak-ng
        level: root mean square in dB of full scale, before peaks are limited
        tilt: dB per octave; positive is bright

    Returns:
        (samples,) at `RATE`, a multiple of `GRID` long
    """
    loud = np.flatnonzero(np.abs(speech) > QUIET * np.abs(speech).max())
    speech = speech[loud[0] : loud[-1] + 1]
    shaped = _tilted(np.pad(speech, (0, -len(speech) % STEP)), tilt)
    shaped *= 10 ** (level / 20) / np.sqrt(np.mean(shaped**2))
    return CEILING * np.tanh(shaped / CEILING)  # limits peaks, hardly changes the rest


def _tilted(speech: np.ndarray, tilt: float) -> np.ndarray:
    """Return speech, (n * STEP,) at 22,050 Hz, as (n * 320,) at 16 kHz, tilted."""
    samples = len(speech) * RATE // SPOKEN_RATE
    spectrum = np.fft.rfft(speech)[: samples // 2 + 1]
    hertz = np.fft.rfftfreq(samples, 1 / RATE)
    octaves = np.log2(np.maximum(hertz, LOWEST) / PIVOT)
    spectrum *= 10 ** (tilt * octaves / 20)
    return np.fft.irfft(spectrum, samples)


def pause(seconds: float) -> np.ndarray:
    """Return silence, (samples,), rounded to a multiple of `GRID`."""
    return np.zeros(round(seconds * RATE / GRID) * GRID)


def add_background(
    speech: np.ndarray, *, room: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a dialogue with background noise, rounded to 16 bits.

    Rounding removes the last bits of a float, which depend on the processor, before
    the encoder sees them.

    Args:
        speech: (samples,) in [-1, 1]
        room: level of the noise in dB of full scale
        rng: of the noise

    Returns:
        (samples,) int16
    """
    noise = rng.normal(0, 10 ** (room / 20), len(speech))
    noise = np.convolve(noise, (0.5, 0.5), mode="same")  # rooms damp high frequencies
    pcm: np.ndarray = np.rint(32767 * (speech + noise).clip(-1, 1)).astype("<i2")
    return pcm
