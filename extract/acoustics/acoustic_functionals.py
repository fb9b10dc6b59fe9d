"""Vector of the acoustic features of an utterance, with their names.

The level is that of the samples as they were recorded: the waveform must not be
standardised before.
"""

import os
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from affuse.data.system.atomic_files import claim
from affuse.extract.acoustics import (
    level_features,
    pitch_features,
    rhythm_features,
    sample_chunks,
    spectrogram,
    spectrum_features,
)

FEATURES = (
    *pitch_features.FEATURES,
    *level_features.FEATURES,
    *spectrum_features.FEATURES,
    *rhythm_features.FEATURES,
)
NAMES = tuple(feature.name for feature in FEATURES)  # in the order of the vector
SHORTEST = 1_600  # samples, 0.1 s: seven frames of a spectrum and four of the pitch
LOUDEST = 1e6  # 120 dB above full scale; float32 overflows where squares are summed
SETTINGS: Mapping[str, int | float] = {  # of which the values depend, for recipes
    "sample_rate": sample_chunks.RATE,
    "hop": sample_chunks.HOP,
    "window": level_features.WINDOW,
    "pitch_window": pitch_features.WINDOW,
    "pitch_lowest": pitch_features.LOWEST,
    "pitch_highest": pitch_features.HIGHEST,
    "periodicity": pitch_features.PERIODICITY,
    "mel_bands": spectrogram.MELS,
    "pause_seconds": rhythm_features.PAUSE,
    "onset_rise": rhythm_features.RISE,
}


USER = getattr(os, "getuid", int)()  # whose lock no other user can open
LOCK = Path(tempfile.gettempdir()) / f"affuse-librosa-{USER}.lock"


@lru_cache(maxsize=1)
def load_libraries() -> None:
    """Import librosa and compile what it compiles, once in a process.

    librosa imports its parts when they are first used. Several threads that do so at
    the same time would wait for each other's imports. It also compiles some functions
    with numba and stores their code beside its own files. Two processes that did so at
    the same time could store one function's code under the other's name, and crash. So
    one process at a time compiles.
    """
    with claim(LOCK, wait=True):
        functionals(np.zeros(SHORTEST, np.float32))


def functionals(samples: np.ndarray) -> np.ndarray:
    """Return the features of an utterance, (features,) float32, all finite.

    Args:
        samples: (samples,) at 16 kHz as they were recorded, at least `SHORTEST`
    """
    track = pitch_features.pitch_track(samples)
    spectra = spectrogram.spectrogram(samples)
    seconds = len(samples) / sample_chunks.RATE
    families = (
        pitch_features.pitch_features(track),
        level_features.level_features(level_features.level_contour(samples)),
        spectrum_features.spectrum_features(spectra),
        rhythm_features.rhythm_features(track, spectra, seconds),
    )
    return np.concatenate(families).astype(np.float32)
