"""Short-time spectra of an utterance, reduced to log-mel bands and contours.

The spectra themselves are not kept, because those of an hour take 370 MB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from affuse.extract.acoustics.sample_chunks import HOP, RATE, chunks
from affuse.extract.audio.librosa_loading import load_librosa

WINDOW = 400  # samples of the Hann window, 25 ms
FFT = 512  # points of the Fourier transform, and samples in one frame
MELS = 40
# Power of a full-scale sine, summed over the bins: half the points of the transform by
# the energy of the Hann window (3/8 of its samples) by the mean square of the sine.
FULL_SCALE = FFT / 2 * (3 / 8 * WINDOW)
FLOOR = 1e-10 * FULL_SCALE  # -100 dB FS, least power of a band in the logarithm
AUDIBLE = 1e-8 * FULL_SCALE  # -80 dB FS; spectra of quieter frames have no shape
BANDS = ((0.0, 500.0), (500.0, 1500.0))  # Hz, in which the slope is measured
CHUNK = 500  # frames that are in memory together


@dataclass(frozen=True)
class Spectrogram:
    """Log-mel bands of all frames, and contours of the audible ones."""

    log_mel: np.ndarray  # (MELS, frames), dB
    centroid: np.ndarray  # (audible frames,), Hz
    flatness: np.ndarray  # (audible frames,), from 0 to 1
    slopes: np.ndarray  # (audible frames, 2), dB/kHz in `BANDS`
    flux: np.ndarray  # (pairs of neighbouring audible frames,), from 0 to sqrt(2)


def spectrogram(samples: np.ndarray) -> Spectrogram:
    """Return log-mel bands and contours of an utterance.

    Args:
        samples: (samples,) at 16 kHz, at least one frame
    """
    librosa = load_librosa()
    bands, centroids, flatness, slopes, fluxes = [], [], [], [], []
    last = np.empty((FFT // 2 + 1, 0), np.float32)
    for magnitude in _magnitudes(samples):
        power = np.square(magnitude)
        bands.append(librosa.power_to_db(_mel() @ power, amin=FLOOR, top_db=None))
        heard = power.sum(axis=0) > AUDIBLE
        clear = magnitude[:, heard]
        centroids.append(librosa.feature.spectral_centroid(S=clear, sr=RATE)[0])
        flatness.append(librosa.feature.spectral_flatness(S=clear)[0])
        slopes.append(_slopes(power[:, heard]))
        shapes = np.where(heard, magnitude / _norm(magnitude), np.nan)
        fluxes.append(_flux(np.concatenate([last, shapes], axis=1)))
        last = shapes[:, -1:]
    return Spectrogram(
        np.concatenate(bands, axis=1),
        np.concatenate(centroids),
        np.concatenate(flatness),
        np.concatenate(slopes),
        np.concatenate(fluxes),
    )


def _magnitudes(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield magnitude spectra, (bins, frames) float32 in each chunk."""
    librosa = load_librosa()
    for chunk in chunks(samples, FFT, CHUNK):
        spectra = librosa.stft(
            chunk, n_fft=FFT, win_length=WINDOW, hop_length=HOP, center=False
        )
        yield np.abs(spectra)


@lru_cache(maxsize=1)
def _mel() -> csr_array:
    """Return the mel filters, (MELS, bins), each with a peak of 1.

    They are sparse, because the sums of a dense product can depend on the number of
    threads.
    """
    librosa = load_librosa()
    return csr_array(librosa.filters.mel(sr=RATE, n_fft=FFT, n_mels=MELS, norm=None))


def _norm(magnitude: np.ndarray) -> np.ndarray:
    """Return the Euclidean norm of each frame, above 0."""
    norm = np.sqrt(np.square(magnitude).sum(axis=0))
    above: np.ndarray = np.maximum(norm, np.finfo(np.float32).tiny)
    return above


def _flux(shapes: np.ndarray) -> np.ndarray:
    """Return the distance of neighbouring spectra of unit norm; none at silence."""
    steps = np.sqrt(np.square(np.diff(shapes, axis=1)).sum(axis=0))
    found: np.ndarray = steps[np.isfinite(steps)]
    return found


def _slopes(power: np.ndarray) -> np.ndarray:
    """Return the slopes of least-squares lines through the spectra, (frames, 2)."""
    kilohertz = np.arange(FFT // 2 + 1) * RATE / FFT / 1000
    found = []
    for low, high in BANDS:
        inside = (kilohertz * 1000 >= low) & (kilohertz * 1000 <= high)
        centred = kilohertz[inside] - kilohertz[inside].mean()
        decibels = 10 * np.log10(np.maximum(power[inside], FLOOR / FFT))
        weights = centred / np.square(centred).sum()
        found.append((weights[:, None] * decibels).sum(axis=0))
    return np.stack(found, axis=1)
