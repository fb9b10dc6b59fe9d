"""Corpus with degraded transcripts, for the text encoders of stage one.

The random numbers of a transcript are determined by the condition and the id of the
utterance.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from affuse.data.records import Corpus, Utterance
from affuse.extract.degradations.condition import Condition
from affuse.extract.degradations.degradation_record import Draws

WORD = re.compile(r"\w(?:.*\w)?")  # letters of a token, without outer punctuation


def running_words(texts: Sequence[str]) -> tuple[str, ...]:
    """Return all words of some texts in order, without punctuation around them.

    Args:
        texts: cleaned transcripts

    Examples:
        >>> running_words(["Well, I don't know.", "-- I see!"])
        ('Well', 'I', "don't", 'know', 'I', 'see')
    """
    found = (WORD.search(token) for text in texts for token in text.split())
    return tuple(match[0] for match in found if match)


def degrade_texts(
    corpus: Corpus, condition: Condition, words: Mapping[str, Sequence[str]]
) -> Corpus:
    """Return a corpus with degraded texts; utterances without a text stay as they are.

    Args:
        corpus: whose utterances are degraded
        condition: of a degradation of texts
        words: {id of an utterance: running words of the training part of the fold that
            tests it}
    """

    def degraded(u: Utterance) -> Utterance:
        if u.text is None:
            return u
        draws = Draws(condition.generator(u.id), words.get(u.id, ()))
        text = condition.degradation.apply(u.text, condition.value or 0.0, draws)
        return replace(u, transcript=text, text=text)

    return replace(corpus, utterances=tuple(map(degraded, corpus.utterances)))
