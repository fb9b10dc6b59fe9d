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
    parts = [
        slice(start, start + FLOAT64_SAMPLES)
        for start in range(0, len(samples), FLOAT64_SAMPLES)
    ]
    exact = [samples.astype(np.float64)] if len(parts) == 1 else []

    def centred(part: slice, mean: float) -> np.ndarray:
        values = exact[0] if exact else samples[part].astype(np.float64)
        return np.subtract(values, mean, out=values) if mean else values

    mean = sum(centred(part, 0.0).sum() for part in parts) / len(samples)
    squares = sum(np.square(centred(part, mean)).sum() for part in parts)
    deviation = np.sqrt(squares / len(samples) + VARIANCE_FLOOR)
    rest = 0.0 if exact else mean  # the only part is centred already
    for part in parts:
        values = centred(part, rest)
        result[part] = np.divide(values, deviation, out=values)
    return result
