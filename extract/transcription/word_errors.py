"""Word error rate of recognised transcripts, counted with jiwer.

Both texts are normalised first, see `affuse.data.reading.word_normalisation`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from affuse.data.errors import AffuseError
from affuse.data.reading.word_normalisation import normalise_words
from affuse.data.system.environment import extra_command


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Numbers of words and of errors, which add up over utterances."""

    words: int = 0  # of the reference
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        """Number of all errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """Errors for each word of the reference; None if the reference has no words.

        The rate is above 1 if there are more errors than words.
        """
        return self.errors / self.words if self.words else None

    @classmethod
    def total(cls, counts: Iterable["WordErrors"]) -> Self:
        """Return the sums over utterances.

        Args:
            counts: of each utterance
        """
        rows = [(c.words, c.substitutions, c.deletions, c.insertions) for c in counts]
        return cls(*map(sum, zip(*rows, strict=True))) if rows else cls()


def demand_jiwer() -> None:
    """Raise an error if the package jiwer is not installed.

    Raises:
        AffuseError: with the command that installs it
    """
    try:
        import jiwer  # noqa: F401
    except ImportError as error:
        raise AffuseError(
            f"the word error rate needs the package jiwer; "
            f"{extra_command('transcribe')}"
        ) from error


def count_errors(reference: str, recognised: str) -> WordErrors:
    """Return the errors of a transcript, by the alignment with the fewest errors.

    Args:
        reference: transcript of a person
        recognised: transcript of a model
    """
    import jiwer

    words = normalise_words(reference)
    found = jiwer.process_words(words, normalise_words(recognised))
    return WordErrors(
        len(words.split()), found.substitutions, found.deletions, found.insertions
    )
