"""The level of a recording: samples of zero mean and unit variance."""

import numpy as np

VARIANCE_FLOOR = 1e-7  # added to the variance, as transformers does
PRECISE = 2**20  # samples that are held in float64 at a time


def standardise(samples: np.ndarray, *, out: np.ndarray | None = None) -> np.ndarray:
    """Zero mean and unit variance over the utterance; silence becomes zeros.

    In float64, but for PRECISE samples at a time only, so that an hour takes no more
    memory than its samples.

    Args:
        samples: (n,) float32
        out: where the result goes; it may be `samples` itself
    """
    found = np.empty_like(samples) if out is None else out
    starts = range(0, len(samples), PRECISE)

    def exact(start: int) -> np.ndarray:
        return samples[start : start + PRECISE].astype(np.float64)

    mean = sum(exact(start).sum() for start in starts) / len(samples)
    squares = sum(np.square(exact(start) - mean).sum() for start in starts)
    deviation = np.sqrt(squares / len(samples) + VARIANCE_FLOOR)
    for start in starts:
        found[start : start + PRECISE] = (exact(start) - mean) / deviation
    return found
