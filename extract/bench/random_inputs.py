"""Inputs of a length distribution like IEMOCAP's, from a seed; noise and no words."""

import numpy as np

from affuse.extract.audio.decoding import SAMPLE_RATE

# Published of IEMOCAP: 10,039 utterances, mean 4.5 s, from 0.6 to 34 s; a log-normal
# distribution of this median and spread has this mean.
MEDIAN, SPREAD = 3.5, 0.7  # seconds, and of their logarithm
SECONDS = (0.6, 34.0)
WORDS = (11.0, 0.9)  # median and spread of the tokens of a transcript
TOKENS = (3, 128)


def waves(count: int, seed: int) -> list[np.ndarray]:
    """(samples,) float32 each, white noise."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(MEDIAN * np.exp(SPREAD * rng.standard_normal(count)), *SECONDS)
    return [
        rng.standard_normal(int(length * SAMPLE_RATE), dtype=np.float32)
        for length in lengths
    ]


def tokens(count: int, vocabulary: int, seed: int) -> list[np.ndarray]:
    """(tokens,) ids each, none of them special."""
    rng = np.random.default_rng(seed)
    median, spread = WORDS
    lengths = np.clip(median * np.exp(spread * rng.standard_normal(count)), *TOKENS)
    return [rng.integers(5, vocabulary, int(length)) for length in lengths]
