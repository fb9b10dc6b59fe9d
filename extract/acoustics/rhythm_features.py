"""Rhythm of an utterance: onsets, pauses, energy peaks and voiced segments.

A pause is a stretch of at least `PAUSE` seconds that is more than `BELOW` quieter than
the loudest frames, or below -80 dB FS. Pauses at the beginning and the end count. An
energy peak is a voiced maximum of the level that stands out by `DIP` on both sides.
Thresholds are those of de Jong and Wempe (2009), except for shorter pauses.
"""

import numpy as np

from affuse.extract.acoustics.contour_statistics import percentiles, runs
from affuse.extract.acoustics.feature_records import AcousticFeature, ordered
from affuse.extract.acoustics.pitch_features import QUIET, PitchTrack
from affuse.extract.acoustics.sample_chunks import FRAME_RATE, HOP, RATE
from affuse.extract.acoustics.spectrogram import Spectrogram
from affuse.extract.audio.librosa_loading import load_librosa

BELOW = 25.0  # dB under the 99th percentile of the level
DIP = 2.0  # dB between two peaks
PAUSE = 0.2  # seconds; utterances last a few seconds, so 0.3 would find few
# dB that the mean of the log-mel bands must rise above its surroundings. A threshold
# relative to the largest rise would find onsets in any noise.
RISE = 3.0
_JONG = "de Jong and Wempe, 2009"
_EYBEN = "Eyben et al., 2016 (GeMAPS)"
_BOCK = "Böck and Widmer, 2013, without its vibrato suppression"
FEATURES = (
    AcousticFeature("onset_rate", "1/s", "onsets per second", _BOCK),
    AcousticFeature("pause_count", "1", "number of pauses", _JONG),
    AcousticFeature("pause_share", "1", "share of frames in pauses", _JONG),
    AcousticFeature("pause_length", "s", "mean length of pauses, 0 for none", _JONG),
    AcousticFeature("peak_rate", "1/s", "voiced energy peaks per second", _JONG),
    AcousticFeature("voiced_rate", "1/s", "voiced segments per second", _EYBEN),
)


def rhythm_features(
    track: PitchTrack, spectra: Spectrogram, seconds: float
) -> np.ndarray:
    """Return the values of `FEATURES`.

    Args:
        track: level and voicing of the utterance
        spectra: of the utterance
        seconds: its duration
    """
    from scipy.signal import find_peaks  # a slow import

    (loud,) = percentiles(track.levels, 99)
    threshold = max(loud - BELOW, QUIET)
    stretches = runs(track.levels < threshold)
    pauses = stretches[stretches >= PAUSE * FRAME_RATE]
    peaks, _ = find_peaks(track.levels, height=threshold, prominence=DIP)
    return ordered(
        FEATURES,
        {
            "onset_rate": len(onsets(spectra)) / seconds,
            "pause_count": float(len(pauses)),
            "pause_share": float(pauses.sum()) / len(track.levels),
            "pause_length": float(pauses.mean()) / FRAME_RATE if len(pauses) else 0.0,
            "peak_rate": float(track.voiced[peaks].sum()) / seconds,
            "voiced_rate": len(runs(track.voiced)) / seconds,
        },
    )


def onsets(spectra: Spectrogram) -> np.ndarray:
    """Return the frames at which the log-mel bands rise by `RISE` on average.

    Args:
        spectra: of the utterance
    """
    librosa = load_librosa()
    strength = librosa.onset.onset_strength(
        S=spectra.log_mel, sr=RATE, hop_length=HOP, center=False
    )
    found: np.ndarray = librosa.onset.onset_detect(
        onset_envelope=strength, sr=RATE, hop_length=HOP, normalize=False, delta=RISE
    )
    return found
