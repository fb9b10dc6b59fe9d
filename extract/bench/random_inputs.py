"""Random inputs with a length distribution like IEMOCAP's: noise, and random tokens."""

import numpy as np

from affuse.extract.audio.decoding import SAMPLE_RATE

# Published facts on IEMOCAP: 10,039 utterances, mean 4.5 s, from 0.6 to 34 s. A
# log-normal distribution with this median and spread has this mean.
MEDIAN, SPREAD = 3.5, 0.7  # seconds, and standard deviation of their logarithm
SECONDS = (0.6, 34.0)
WORDS = (11.0, 0.9)  # median and spread of the tokens of a transcript
TOKENS = (3, 128)


def waves(count: int, seed: int) -> list[np.ndarray]:
    """Return white noise, (samples,) float32 each.

    Args:
        count: number of inputs
        seed: of lengths and noise
    """
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(int(length * SAMPLE_RATE), dtype=np.float32)
        for length in lengths(count, rng)
    ]


def lengths(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the lengths of utterances in seconds, (count,).

    Args:
        count: number of utterances
        rng: source of randomness
    """
    return np.clip(MEDIAN * np.exp(SPREAD * rng.standard_normal(count)), *SECONDS)


def token_counts(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the numbers of tokens of transcripts, (count,) integers.

    Args:
        count: number of transcripts
        rng: source of randomness
    """
    median, spread = WORDS
    counts = np.clip(median * np.exp(spread * rng.standard_normal(count)), *TOKENS)
    return counts.astype(np.int64)


def tokens(count: int, vocabulary: int, seed: int) -> list[np.ndarray]:
    """Return random token ids without special tokens, (tokens,) int64 each.

    Args:
        count: number of inputs
        vocabulary: number of token ids
        seed: of lengths and ids
    """
    rng = np.random.default_rng(seed)
    return [rng.integers(5, vocabulary, size) for size in token_counts(count, rng)]
