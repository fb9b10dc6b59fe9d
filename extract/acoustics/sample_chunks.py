"""Frames of a waveform, in chunks that bound the memory of long recordings.

A frame lies in the recording as a whole: nothing is padded, so no frame describes
silence that was not recorded. Chunks depend on the waveform alone.
"""

from collections.abc import Iterator

import numpy as np

RATE = 16_000  # Hz
HOP = 160  # samples between the beginnings of two frames, 10 ms
FRAME_RATE = RATE / HOP  # frames per second


def frame_count(samples: int, window: int) -> int:
    """Return the number of frames in a waveform; 0 if it is shorter than a window.

    Args:
        samples: of the waveform
        window: samples in one frame

    Examples:
        >>> frame_count(1600, 400), frame_count(399, 400)
        (8, 0)
    """
    return 0 if samples < window else 1 + (samples - window) // HOP


def chunks(samples: np.ndarray, window: int, size: int) -> Iterator[np.ndarray]:
    """Yield consecutive chunks of a waveform, whose frames are those of the whole.

    Args:
        samples: (samples,)
        window: samples in one frame
        size: largest number of frames in a chunk
    """
    count = frame_count(len(samples), window)
    for first in range(0, count, size):
        last = min(first + size, count) - 1
        yield samples[first * HOP : last * HOP + window]
