"""Standardisation of the waveform to zero mean and unit variance."""

import numpy as np

VARIANCE_FLOOR = 1e-7  # added to the variance, as transformers does
PRECISE = 2**20  # samples that are converted to float64 at a time


def standardise(samples: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Return the waveform with zero mean and unit variance; silence becomes zeros.

    The computation is in float64, for PRECISE samples at a time, so that an hour needs
    no more memory than its samples.

    Args:
        samples: (n,) float32
        out: array for the result, which may be `samples`; None for a new array

    Returns:
        (n,) float32
    """
    result = np.empty_like(samples) if out is None else out
    starts = range(0, len(samples), PRECISE)

    def exact(start: int) -> np.ndarray:
        return samples[start : start + PRECISE].astype(np.float64)

    mean = sum(exact(start).sum() for start in starts) / len(samples)
    squares = sum(np.square(exact(start) - mean).sum() for start in starts)
    deviation = np.sqrt(squares / len(samples) + VARIANCE_FLOOR)
    for start in starts:
        result[start : start + PRECISE] = (exact(start) - mean) / deviation
    return result
