"""Standardisation of the waveform to zero mean and unit variance."""

import numpy as np

VARIANCE_FLOOR = 1e-7  # added to the variance, as transformers does
FLOAT64_SAMPLES = 2**20  # number of samples that are converted to float64 at a time


def standardise(samples: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Return the waveform with zero mean and unit variance; silence becomes zeros.

    The computation is in float64, for FLOAT64_SAMPLES samples at a time. So an hour of
    audio needs no more memory than its samples.

    Args:
        samples: (n,) float32
        out: array for the result, which may be `samples`; None for a new array

    Returns:
        (n,) float32
    """
    result = np.empty_like(samples) if out is None else out
    starts = range(0, len(samples), FLOAT64_SAMPLES)

    def exact(start: int) -> np.ndarray:
        return samples[start : start + FLOAT64_SAMPLES].astype(np.float64)

    mean = sum(exact(start).sum() for start in starts) / len(samples)
    squares = sum(np.square(exact(start) - mean).sum() for start in starts)
    deviation = np.sqrt(squares / len(samples) + VARIANCE_FLOOR)
    for start in starts:
        result[start : start + FLOAT64_SAMPLES] = (exact(start) - mean) / deviation
    return result
