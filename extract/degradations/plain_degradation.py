"""Transcripts without case and punctuation, as many speech recognisers return them."""

from affuse.data.reading.word_normalisation import normalise_words
from affuse.extract.degradations.degradation_record import Degradation, Draws


def remove_marks(text: str, _: float, draws: Draws) -> str:
    """Return a transcript in lower case, without marks of punctuation.

    Args:
        text: cleaned transcript
        _: not used
        draws: not used
    """
    return normalise_words(text)


DEGRADATION = Degradation(
    modality="text",
    meaning="transcripts in lower case, without punctuation",
    apply=remove_marks,
    is_default=True,
)
