"""Pitch and voicing of an utterance: YIN with a voicing decision of this project.

YIN (de Cheveigné and Kawahara, 2002) estimates a period for every frame, also where
there is none. A frame counts as voiced if all of these hold:

* The period lies within the search range, not at its edge. At an edge there is no
  minimum of the difference function, only the end of the search.
* The correlation of the frame with itself one period later is at least `PERIODICITY`.
* The level of the frame is above `QUIET`, and not more than `BELOW` under that of the
  loudest frame.
"""

from dataclasses import dataclass

import numpy as np

from affuse.extract.acoustics.contour_statistics import moments, percentiles, slope
from affuse.extract.acoustics.feature_records import AcousticFeature, ordered
from affuse.extract.acoustics.level_features import decibels
from affuse.extract.acoustics.sample_chunks import (
    FRAME_RATE,
    HOP,
    RATE,
    chunks,
    frame_count,
)
from affuse.extract.audio.librosa_loading import load_librosa

LOWEST, HIGHEST = 60.0, 500.0  # Hz: creaky low voices, and raised high ones
WINDOW = 1_024  # samples in a frame, 64 ms: nearly four of the longest periods
CORRELATED = 752  # samples that are correlated; one longest period less than a frame
# A harmonics-to-noise ratio of 0 dB (Boersma, 1993): half of the power is periodic.
PERIODICITY = 0.5
QUIET = -80.0  # dB FS
BELOW = 30.0  # dB; Praat's silence threshold is 3 % of the largest amplitude
REFERENCE = 27.5  # Hz at 0 semitones, as in GeMAPS
# Pitch where nothing is voiced: the middle of the range. A linear model would be
# misled by a value far from all others, such as 0.
UNVOICED = 12 * np.log2(np.sqrt(LOWEST * HIGHEST) / REFERENCE)
LEAST = 10  # voiced frames for a slope, 0.1 s; that of fewer is mostly noise
CHUNK = 128  # frames at a time; more do not fit into the cache of a processor
_EYBEN, _YIN = "Eyben et al., 2016 (GeMAPS)", "de Cheveigné and Kawahara, 2002 (YIN)"
_BOTH = f"{_YIN}; {_EYBEN}"
FEATURES = (
    AcousticFeature("voiced_share", "1", "share of voiced frames", _YIN),
    AcousticFeature("pitch_median", "st re 27.5 Hz", "median of voiced frames", _BOTH),
    AcousticFeature("pitch_p20", "st re 27.5 Hz", "20th percentile", _BOTH),
    AcousticFeature("pitch_p80", "st re 27.5 Hz", "80th percentile", _BOTH),
    AcousticFeature("pitch_range", "st", "95th minus 5th percentile", _BOTH),
    AcousticFeature("pitch_std", "st", "standard deviation", _BOTH),
    AcousticFeature("pitch_slope", "st/s", "least-squares slope over time", _BOTH),
)


@dataclass(frozen=True)
class PitchTrack:
    """Pitch, voicing and level of each frame of 64 ms."""

    semitones: np.ndarray  # (frames,), above 27.5 Hz; only meaningful where voiced
    voiced: np.ndarray  # (frames,) of bool
    levels: np.ndarray  # (frames,), dB FS without the mean of the recording


def pitch_track(samples: np.ndarray) -> PitchTrack:
    """Return pitch, voicing and level of an utterance.

    Args:
        samples: (samples,) at 16 kHz, at least one frame
    """
    # An offset is no period, but it correlates with itself.
    mean = samples.mean(dtype=np.float64)
    centred = (samples - mean).astype(np.float32)
    pieces = [_track(chunk) for chunk in chunks(centred, WINDOW, CHUNK)]
    periods, periodicity, power = (
        np.concatenate(column) for column in zip(*pieces, strict=True)
    )
    levels = decibels(power)
    voiced = (
        (periods > RATE / HIGHEST)
        & (periods < RATE / LOWEST)
        & (periodicity >= PERIODICITY)
        & (levels > QUIET)
        & (levels >= levels.max() - BELOW)
    )
    return PitchTrack(12 * np.log2(RATE / periods / REFERENCE), voiced, levels)


def _track(chunk: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return period in samples, periodicity and mean square of each frame."""
    librosa = load_librosa()
    hertz = librosa.yin(
        chunk,
        fmin=LOWEST,
        fmax=HIGHEST,
        sr=RATE,
        frame_length=WINDOW,
        hop_length=HOP,
        center=False,
    ).astype(np.float64)
    periods = RATE / hertz
    views = np.lib.stride_tricks.sliding_window_view
    count = frame_count(len(chunk), WINDOW)
    power = np.square(views(chunk, WINDOW)[::HOP], dtype=np.float64).mean(axis=1)
    starts = HOP * np.arange(count)
    lags = np.clip(np.rint(periods).astype(int), 1, WINDOW - CORRELATED)
    stretches = views(chunk, CORRELATED)
    return periods, _correlation(stretches[starts], stretches[starts + lags]), power


def _correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of the rows of two arrays.

    Rows below `QUIET` have about 0, since what varies in them may be rounding.
    """
    left = left - left.mean(axis=1, keepdims=True)
    right = right - right.mean(axis=1, keepdims=True)
    shared = (left * right).sum(axis=1, dtype=np.float64)
    squares = [np.square(x).sum(axis=1, dtype=np.float64) for x in (left, right)]
    least = CORRELATED * 10 ** (QUIET / 10) / 2
    product = np.maximum(np.sqrt(squares[0] * squares[1]), least)
    correlation: np.ndarray = shared / product
    return correlation


def pitch_features(track: PitchTrack) -> np.ndarray:
    """Return the values of `FEATURES`.

    Where nothing is voiced, the pitch is `UNVOICED`, and its range, deviation and slope
    are 0. The slope is also 0 where fewer than `LEAST` frames are voiced.

    Args:
        track: as `pitch_track` returned it
    """
    found = track.semitones[track.voiced]
    values = found if len(found) else np.array([UNVOICED])
    p5, p20, p50, p80, p95 = percentiles(values, 5, 20, 50, 80, 95)
    times = np.flatnonzero(track.voiced) / FRAME_RATE
    return ordered(
        FEATURES,
        {
            "voiced_share": float(track.voiced.mean()),
            "pitch_median": p50,
            "pitch_p20": p20,
            "pitch_p80": p80,
            "pitch_range": p95 - p5,
            "pitch_std": moments(values)[1],
            "pitch_slope": slope(times, found) if len(found) >= LEAST else 0.0,
        },
    )
