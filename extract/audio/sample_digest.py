"""Digest of decoded samples, to recognise a recording's copies in other formats."""

import hashlib

import numpy as np

from affuse.data.cache.recording_spans import DIGITS, SILENT
from affuse.extract.audio.decoding import SILENCE

FULL_SCALE = 2**15  # of 16-bit samples


def fingerprint(samples: np.ndarray) -> str:
    """Return the digest of a waveform, which is equal for its lossless copies.

    Samples are rounded to 16 bits, so that a copy with more bits has the same digest.

    Args:
        samples: (n,) float32 at 16 kHz, mono, as
            `affuse.extract.audio.decoder_pool.load` returns them

    Returns:
        32 hexadecimal digits; SILENT for silence, because its digest identifies nothing
    """
    if max(samples.max(), -samples.min()) < SILENCE:
        return SILENT
    rounded = np.rint(samples * np.float32(FULL_SCALE))
    rounded = np.clip(rounded, -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return hashlib.sha256(rounded.tobytes()).hexdigest()[:DIGITS]
