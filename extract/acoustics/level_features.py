"""Level of an utterance in decibels relative to full scale.

The level is that of the recorded samples, including any constant offset. So it depends
on the gain of the recording as well as on the speaker.
"""

import numpy as np

from affuse.extract.acoustics.contour_statistics import moments, percentiles
from affuse.extract.acoustics.feature_records import AcousticFeature, ordered
from affuse.extract.acoustics.sample_chunks import HOP, chunks
from affuse.extract.audio.librosa_loading import load_librosa

WINDOW = 400  # samples in a frame, 25 ms
FLOOR = -100.0  # dB FS, the level of digital silence; 16-bit rounding noise has -98
CHUNK = 1_000  # frames that are in memory together
_EYBEN = "Eyben et al., 2016 (GeMAPS), with the level in place of loudness"
FEATURES = (
    AcousticFeature("level_mean", "dB FS", "mean over frames of 25 ms", _EYBEN),
    AcousticFeature("level_std", "dB", "standard deviation over frames", _EYBEN),
    AcousticFeature("level_p20", "dB FS", "20th percentile of the frames", _EYBEN),
    AcousticFeature("level_p50", "dB FS", "median of the frames", _EYBEN),
    AcousticFeature("level_p80", "dB FS", "80th percentile of the frames", _EYBEN),
    AcousticFeature("level_range", "dB", "95th minus 5th percentile", _EYBEN),
)


def decibels(power: np.ndarray) -> np.ndarray:
    """Return the levels of mean squares, at least `FLOOR`.

    A sine whose peaks reach full scale has 0 dB FS (AES17). So a square wave of full
    scale has 3.01 dB FS.

    Args:
        power: (n,), mean squares of samples from -1 to 1
    """
    least = 10 ** (FLOOR / 10) / 2
    found: np.ndarray = 10 * np.log10(2 * np.maximum(power, least))
    return found


def level_contour(samples: np.ndarray) -> np.ndarray:
    """Return the level of each frame of 25 ms in dB FS, (frames,) float64.

    Args:
        samples: (samples,) at 16 kHz, at least one frame
    """
    librosa = load_librosa()
    rms = [
        librosa.feature.rms(
            y=chunk.astype(np.float64),
            frame_length=WINDOW,
            hop_length=HOP,
            center=False,
            dtype=np.float64,
        )[0]
        for chunk in chunks(samples, WINDOW, CHUNK)
    ]
    return decibels(np.square(np.concatenate(rms)))


def level_features(levels: np.ndarray) -> np.ndarray:
    """Return the values of `FEATURES`.

    Args:
        levels: as `level_contour` returned them
    """
    mean, std = moments(levels)
    p5, p20, p50, p80, p95 = percentiles(levels, 5, 20, 50, 80, 95)
    return ordered(
        FEATURES,
        {
            "level_mean": mean,
            "level_std": std,
            "level_p20": p20,
            "level_p50": p50,
            "level_p80": p80,
            "level_range": p95 - p5,
        },
    )
