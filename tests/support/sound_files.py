"""Sound files of noise."""

import numpy as np
import pytest
import soundfile

from affuse.extract.audio import decoding

RATE = decoding.SAMPLE_RATE


LOUD = 0.1


def noise(samples=RATE, seed=0):
    rng = np.random.default_rng(seed)
    return (LOUD * rng.standard_normal(samples)).astype(np.float32)


def write(path, samples=None, rate=RATE, **options):
    soundfile.write(path, noise() if samples is None else samples, rate, **options)
    return path


def load(path, span=None, longest=60.0, **options):
    return decoding.load(path, span, longest=longest, **options)


def reason(path, **options):
    """Return the reason why a file is refused; fail if it is accepted."""
    with pytest.raises(decoding.Unusable) as caught:
        load(path, **options)
    return str(caught.value)
