"""Samples at the rate of the encoders, made block by block as they are decoded."""

from collections.abc import Iterable, Iterator

import numpy as np

SAMPLE_RATE = 16_000  # Hz, what every encoder of the Wav2Vec2 family expects


def gather(blocks: Iterable[np.ndarray], frames: int, rate: int) -> np.ndarray:
    """Blocks of samples at any rate -> one array at SAMPLE_RATE.

    What is held is the result and one block. It is, bit by bit, what
    ``librosa.resample`` with ``soxr_hq`` makes of all blocks at once: the resampler
    keeps its state from one to the next.

    Args:
        blocks: (n,) float32 each
        frames: samples of all blocks together
        rate: of the blocks, in Hz

    Returns:
        (ceil(frames * SAMPLE_RATE / rate),) float32
    """
    found = np.zeros(-(-frames * SAMPLE_RATE // rate), np.float32)
    filled = 0
    for block in blocks if rate == SAMPLE_RATE else _resampled(blocks, rate):
        kept = block[: len(found) - filled]  # a filter may ring on for one more
        found[filled : filled + len(kept)] = kept
        filled += len(kept)
    return found


def _resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """The same blocks at SAMPLE_RATE, each as far as the samples that are there go."""
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)
