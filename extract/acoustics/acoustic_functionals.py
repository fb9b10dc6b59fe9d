"""Vector of the acoustic features of an utterance, with their names.

The level is that of the samples as they were recorded: the waveform must not be
standardised before.
"""

from collections.abc import Mapping

import numpy as np

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
