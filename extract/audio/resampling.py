"""Resampling of decoded blocks to the rate of the encoders."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

SAMPLE_RATE = 16_000  # Hz, which every encoder of the Wav2Vec2 family expects


def new_array(count: int) -> np.ndarray:
    """Return a new array for samples, (count,) float32."""
    return np.empty(count, np.float32)


def gather(
    blocks: Iterable[np.ndarray],
    frames: int,
    rate: int,
    place: Callable[[int], np.ndarray] = new_array,
) -> np.ndarray:
    """Return blocks of samples as one array at SAMPLE_RATE.

    The result and one block are in memory at a time. The resampler keeps its state
    between blocks, so the result equals, bit by bit, that of ``librosa.resample`` with
    ``soxr_hq`` on all blocks at once.

    Args:
        blocks: (n,) float32 each
        frames: samples of all blocks together
        rate: of the blocks, in Hz
        place: returns an array for a number of samples, (n,) float32, which is filled

    Returns:
        (ceil(frames * SAMPLE_RATE / rate),) float32
    """
    samples = place(-(-frames * SAMPLE_RATE // rate))
    filled = 0
    for block in blocks if rate == SAMPLE_RATE else _resampled(blocks, rate):
        part = block[: len(samples) - filled]  # the filter may return one more sample
        samples[filled : filled + len(part)] = part
        filled += len(part)
    samples[filled:] = 0.0
    return samples


def _resampled(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Yield blocks at SAMPLE_RATE; the last one has the samples that were delayed."""
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)
