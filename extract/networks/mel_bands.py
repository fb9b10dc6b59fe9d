"""Log-mel bands of the SeamlessM4T feature extractor, each standardised over time.

The extractor of transformers computes the bands, a minute at a time, so that an hour of
speech needs no more memory than its bands. Statistics are in float64, so that silence
becomes exactly zero.
"""

from typing import Any

import numpy as np

from affuse.extract.audio.decoding import SAMPLE_RATE

WINDOW, HOP = 400, 160  # samples of a mel frame, and between two of them
PIECE = 6_000  # mel frames that are computed at a time
VARIANCE_FLOOR = 1e-7  # added to the variance, as transformers does


def bands(extractor: Any, samples: np.ndarray) -> np.ndarray:
    """Return the input frames of a model for one waveform.

    If the last mel frames do not fill an input frame, they enter only the statistics.
    transformers masks them, with the same result.

    Args:
        extractor: a ``SeamlessM4TFeatureExtractor``
        samples: (n,) at 16 kHz, enough for one frame and for two mel frames

    Returns:
        (frames, stride x bands), float32; each band has zero mean and unit sample
        variance (division by n - 1) over the n mel frames
    """
    rows = _logarithms(extractor, samples)
    rows -= rows.mean(axis=0, dtype=np.float64)
    squares = np.einsum("tb,tb->b", rows, rows, dtype=np.float64)
    rows /= np.sqrt(squares / (len(rows) - 1) + VARIANCE_FLOOR)
    frames = len(rows) // extractor.stride
    return rows[: frames * extractor.stride].reshape(frames, -1)


def _logarithms(extractor: Any, samples: np.ndarray) -> np.ndarray:
    """Return the log-mel bands of a waveform: (mel frames, bands), float32."""
    count = (len(samples) - WINDOW) // HOP + 1
    rows = np.empty((count, extractor.num_mel_bins), np.float32)
    for first in range(0, count, PIECE):
        last = min(first + PIECE, count)
        features = extractor(
            samples[first * HOP : (last - 1) * HOP + WINDOW],
            sampling_rate=SAMPLE_RATE,
            pad_to_multiple_of=extractor.stride,  # keeps the last mel frames
            do_normalize_per_mel_bins=False,
            return_tensors="np",
        )["input_features"]
        rows[first:last] = features.reshape(-1, rows.shape[1])[: last - first]
    return rows
