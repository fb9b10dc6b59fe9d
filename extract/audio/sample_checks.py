"""Checks that decoded samples are complete, finite and not silent."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from affuse.extract.audio.data_size import LARGEST_STATED_SIZE
from affuse.extract.audio.header_bounds import CUT_OFF
from affuse.extract.audio.refusal import Unusable

DECODED = 2**18  # frames decoded at a time, before they are mixed down
SILENCE = 1e-4  # highest amplitude of a silent waveform, full scale being 1
LOUDEST = 32.0  # samples of floats; larger ones were integers, and were not scaled
STEP = np.float32(2**-15)  # of samples of 16 bits
SHORT = re.compile(  # in libsndfile's log for WAV, AIFF, AU and Wave64
    r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be \d+\)", re.MULTILINE
)


def read_checked_blocks(
    file: Any, frames: int, *, channel: int | None, to_end: bool, cut_off: bool
) -> Iterator[np.ndarray]:
    """Yield one channel, or the mean of all channels, in blocks, (n,) float32 each.

    Args:
        file: with the interface of `soundfile.SoundFile`
        frames: to read
        channel: of the file, counted from 1; None for the mean of all channels
        to_end: True if the span reaches the end of the file
        cut_off: True if the header promises more frames than the file has

    Raises:
        Unusable: after the last block, if frames are missing or not finite
    """
    finite = True
    for block in _mono_blocks(file, frames, channel):
        finite = finite and bool(np.isfinite(block).all())
        frames -= len(block)
        yield block
    check_complete(file, frames, to_end=to_end, cut_off=cut_off)
    if not finite:
        raise Unusable("holds NaN or infinite samples")


def check_complete(file: Any, missing: int, *, to_end: bool, cut_off: bool) -> None:
    """Raise an error if a file lacks samples that its header promises.

    Args:
        file: with the interface of `soundfile.SoundFile`
        missing: frames that could not be read
        to_end: True if the span reaches the end of the file
        cut_off: True if the header promises more frames than the file has

    Raises:
        Unusable: if it does
    """
    if missing or (to_end and (cut_off or is_cut_off(file.extra_info))):
        raise Unusable(CUT_OFF)


def is_cut_off(log: str) -> bool:
    """Return True if libsndfile's log reports less data than the header declares."""
    return any(int(declared) < LARGEST_STATED_SIZE for declared in SHORT.findall(log))


def is_silent(samples: np.ndarray) -> bool:
    """Return True if no sample of a waveform exceeds `SILENCE`.

    Args:
        samples: (n,) float32, at least one
    """
    return bool(max(samples.max(), -samples.min()) < SILENCE)


def level_notes(samples: np.ndarray) -> tuple[str, ...]:
    """Return a note on samples far above full scale, as of integers in a float file.

    Args:
        samples: (n,) float32, at least one
    """
    peak = max(samples.max(), -samples.min())
    if peak <= LOUDEST:
        return ()
    return (f"has samples up to {peak:,.0f}, and full scale is 1; kept",)


def note_cancelled(file: Any, begin: int, frames: int) -> tuple[str, ...]:
    """Return a note if channels cancel each other, so that their mean is silent.

    Args:
        file: with the interface of `soundfile.SoundFile`; its mean was silent
        begin: first frame
        frames: to read
    """
    if file.channels == 1:
        return ()
    file.seek(begin)
    # Twice what one channel can have if the others are silent too.
    least = 2 * file.channels * SILENCE
    if all(abs(block).max() < least for block in _mono_blocks(file, frames, 1)):
        return ()
    return ("has channels that cancel each other, so their mean is silent",)


def _mono_blocks(file: Any, frames: int, channel: int | None) -> Iterator[np.ndarray]:
    """Yield one channel, or the mean of all, in blocks up to the end of the file.

    For missing samples, `SoundFile.blocks` would return uninitialised memory.
    """
    while frames > 0:
        block = _read(file, min(frames, DECODED))
        if not len(block):
            break
        frames -= len(block)
        if file.channels == 1:
            yield block[:, 0]
        elif channel is None:
            yield block.mean(axis=1)
        else:
            yield np.ascontiguousarray(block[:, channel - 1])


def _read(file: Any, frames: int) -> np.ndarray:
    """Return at most `frames` frames, (n, channels) float32 from -1 to 1.

    Samples of 16 bits are converted here, which is exact, and several times as fast as
    the conversion of libsndfile.
    """
    if getattr(file, "subtype", "") != "PCM_16":
        block: np.ndarray = file.read(frames, dtype="float32", always_2d=True)
        return block
    integers: np.ndarray = file.read(frames, dtype="int16", always_2d=True)
    samples: np.ndarray = np.multiply(integers, STEP, dtype=np.float32)
    return samples
