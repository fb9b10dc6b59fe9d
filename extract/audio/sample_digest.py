"""Digest of decoded samples, to recognise a recording's copies in other formats."""

import hashlib

import numpy as np

from affuse.data.cache.recording_spans import DIGITS, SILENT
from affuse.extract.audio.sample_checks import is_silent

FULL_SCALE = 2**15  # of 16-bit samples
BLOCK = 2**20  # samples that are rounded at a time


def fingerprint(samples: np.ndarray) -> str:
    """Return the digest of a waveform, which is equal for its lossless copies.

    Samples are rounded to 16 bits, so that a copy with more bits has the same digest.

    Args:
        samples: (n,) float32 at 16 kHz, mono, as
            `affuse.extract.audio.decoder_pool.load` returns them

    Returns:
        32 hexadecimal digits; SILENT for silence, because its digest identifies nothing
    """
    if is_silent(samples):
        return SILENT
    total = hashlib.sha256()
    for start in range(0, len(samples), BLOCK):
        rounded = samples[start : start + BLOCK] * np.float32(FULL_SCALE)
        np.rint(rounded, out=rounded)
        np.clip(rounded, -FULL_SCALE, FULL_SCALE - 1, out=rounded)
        total.update(rounded.astype("<i2").data)
    return total.hexdigest()[:DIGITS]
