"""Samples of 16 bits in one channel at the encoders' rate, the usual recordings.

They are not mixed, resampled or rounded, and they are finite. So their checks and their
digest are computed from the integers of the file, in one visit to each block.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from affuse.data.cache.recording_spans import DIGITS, SILENT
from affuse.extract.audio.resampling import SAMPLE_RATE
from affuse.extract.audio.sample_checks import DECODED, SILENCE, STEP, check_complete


@dataclass(frozen=True)
class ExactSamples:
    """Samples, and what is known of them."""

    samples: np.ndarray  # (n,) float32 at SAMPLE_RATE
    is_silent: bool
    # as `sample_digest.fingerprint` returns it; "" if it was not asked for
    digest: str = ""


def is_exact(file: Any) -> bool:
    """Return True if a file has samples of this kind.

    Args:
        file: with the interface of `soundfile.SoundFile`
    """
    layout = getattr(file, "subtype", ""), file.channels, file.samplerate
    return layout == ("PCM_16", 1, SAMPLE_RATE)


def read_exact(
    file: Any,
    frames: int,
    place: Callable[[int], np.ndarray],
    *,
    has_digest: bool,
    to_end: bool,
    cut_off: bool,
) -> ExactSamples:
    """Return the next samples of a file for which `is_exact` is true.

    Args:
        file: with the interface of `soundfile.SoundFile`
        frames: to read, at least one
        place: returns an array for a number of samples, (n,) float32, which is filled
        has_digest: True to compute the digest of the samples
        to_end: True if the span reaches the end of the file
        cut_off: True if the header promises more frames than the file has

    Raises:
        Unusable: if frames are missing
    """
    samples, total = place(frames), hashlib.sha256()
    filled = highest = 0  # the highest amplitude of a sample, in steps of 16 bits
    while filled < frames:
        count = min(frames - filled, DECODED)
        block = file.read(count, dtype="int16", always_2d=True)[:, 0]
        if not len(block):
            break
        part = samples[filled : filled + len(block)]
        np.multiply(block, STEP, out=part, dtype=np.float32)
        if has_digest:
            total.update(block.astype("<i2", copy=False).data)
        highest = max(highest, int(block.max()), -int(block.min()))
        filled += len(block)
    check_complete(file, frames - filled, to_end=to_end, cut_off=cut_off)
    silent = bool(highest * STEP < SILENCE)
    digest = SILENT if silent else total.hexdigest()[:DIGITS]
    return ExactSamples(samples, silent, digest if has_digest else "")
