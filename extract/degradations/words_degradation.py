"""Word errors in transcripts, in the proportions of speech recognition.

Of all errors, 60 % are substitutions, 25 % deletions and 15 % insertions. The word
error rate counts the three alike.
"""

from collections.abc import Sequence

import numpy as np

from affuse.extract.degradations.degradation_record import Degradation, Draws
from affuse.extract.degradations.degraded_texts import WORD

SHARES = (0.60, 0.25, 0.15)  # of substitutions, deletions and insertions
TRIES = 20  # draws of a word that differs from the one that it replaces


def add_word_errors(text: str, per_cent: float, draws: Draws) -> str:
    """Return a transcript with a share of wrong words.

    The number of errors is the share of its words, rounded at random so that the mean
    over transcripts is exact. Each error is at another word. Words that are inserted or
    replace others are drawn from the running words of training transcripts.

    Args:
        text: cleaned transcript
        per_cent: errors for each hundred words
        draws: of the utterance, with at least one word
    """
    tokens, rng = text.split(), draws.generator
    places = [k for k, token in enumerate(tokens) if WORD.search(token)]
    expected = per_cent / 100 * len(places)
    count = min(len(places), int(expected + rng.random()))
    chosen = rng.permutation(len(places))[:count]
    errors = rng.choice(len(SHARES), size=count, p=SHARES)
    for place, error in zip(chosen.tolist(), errors.tolist(), strict=True):
        k = places[place]
        tokens[k] = _changed(tokens[k], error, rng, draws.words)
    return " ".join(filter(None, tokens))


def _changed(
    token: str, error: int, rng: np.random.Generator, words: Sequence[str]
) -> str:
    """Return a token with one error; "" if it is deleted."""
    match = WORD.search(token)
    if error == 1 or match is None:
        return ""
    if error == 2:
        return f"{token} {_draw(rng, words, '')}".rstrip()
    word = _draw(rng, words, match[0])
    return f"{token[: match.start()]}{word}{token[match.end() :]}"


def _draw(rng: np.random.Generator, words: Sequence[str], other: str) -> str:
    """Return a random word that differs from another one; "" if there is none."""
    for _ in range(TRIES if words else 0):
        word = words[int(rng.integers(len(words)))]
        if word.casefold() != other.casefold():
            return word
    return ""


DEGRADATION = Degradation(
    modality="text",
    meaning="this share of word errors: 60 % substitutions, 25 % deletions, 15 % "
    "insertions; new words are drawn from the training transcripts of the fold",
    apply=add_word_errors,
    unit="%",
    least=1.0,
    most=100.0,
    values=(5.0, 10.0, 20.0, 40.0),
)
