"""Spectral features of an utterance: cepstral coefficients and spectral shape."""

import numpy as np

from affuse.extract.acoustics.contour_statistics import moments
from affuse.extract.acoustics.feature_records import AcousticFeature, ordered
from affuse.extract.acoustics.spectrogram import Spectrogram
from affuse.extract.audio.librosa_loading import load_librosa

COEFFICIENTS = 13  # from the 0th, which depends on the level
DELTA = 5  # frames in the regression of a first difference
_MERMELSTEIN = "Davis and Mermelstein, 1980"
_FURUI = "Furui, 1986"
_EYBEN = "Eyben et al., 2016 (GeMAPS)"
_JOHNSTON, _PEETERS = "Johnston, 1988", "Peeters, 2004"
_SHAPES = (
    ("centroid", "Hz", "centre of gravity of the magnitude spectrum", _PEETERS),
    ("flatness", "1", "geometric over arithmetic mean of the power", _JOHNSTON),
    ("slope_0_500", "dB/kHz", "slope of the spectrum from 0 to 500 Hz", _EYBEN),
    ("slope_500_1500", "dB/kHz", "slope from 500 to 1500 Hz", _EYBEN),
    ("flux", "1", "distance of neighbouring spectra of unit norm", _EYBEN),
)


def _pair(
    name: str, unit: str, meaning: str, source: str
) -> tuple[AcousticFeature, AcousticFeature]:
    """Return the mean and the standard deviation of a contour as features."""
    return (
        AcousticFeature(f"{name}_mean", unit, f"{meaning}, mean", source),
        AcousticFeature(f"{name}_std", unit, f"{meaning}, standard deviation", source),
    )


FEATURES = (
    *(
        feature
        for i in range(COEFFICIENTS)
        for feature in _pair(f"mfcc{i}", "dB", f"mel-cepstrum {i}", _MERMELSTEIN)
    ),
    *(
        feature
        for i in range(COEFFICIENTS)
        for feature in _pair(
            f"mfcc{i}_delta", "dB/frame", f"difference of mel-cepstrum {i}", _FURUI
        )
    ),
    *(feature for shape in _SHAPES for feature in _pair(*shape)),
)


def spectrum_features(spectra: Spectrogram) -> np.ndarray:
    """Return the values of `FEATURES`.

    The spectral shape is that of frames above -80 dB FS; where there is none, it is 0.

    Args:
        spectra: of the utterance
    """
    librosa = load_librosa()
    mfcc = librosa.feature.mfcc(
        S=spectra.log_mel.astype(np.float64), n_mfcc=COEFFICIENTS
    )
    deltas = librosa.feature.delta(mfcc, width=DELTA, mode="nearest")
    contours = {f"mfcc{i}": row for i, row in enumerate(mfcc)}
    contours |= {f"mfcc{i}_delta": row for i, row in enumerate(deltas)}
    contours |= {
        "centroid": spectra.centroid,
        "flatness": spectra.flatness,
        "slope_0_500": spectra.slopes[:, 0],
        "slope_500_1500": spectra.slopes[:, 1],
        "flux": spectra.flux,
    }
    values = {}
    for name, contour in contours.items():
        values[f"{name}_mean"], values[f"{name}_std"] = moments(contour)
    return ordered(FEATURES, values)
