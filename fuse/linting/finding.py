"""Findings of a rule, and the exception for a rule that cannot be applied."""

from collections.abc import Sequence
from dataclasses import dataclass

from affuse.data.splits.protocols import abbreviate


class Skipped(Exception):
    """Error of a rule that cannot be applied; the message gives the reason."""


@dataclass(frozen=True)
class Finding:
    """Leak or note that a rule reports about a run."""

    text: str  # what is wrong, number of cases, examples, and what to do
    fatal: bool = True  # True for a leak, False for a note
    said: bool = False  # True if `train` logs the note too, because it may hide a leak


def examples(ids: Sequence[str]) -> str:
    """Return the number of utterances and the ids of a few.

    Args:
        ids: of the utterances

    Examples:
        >>> examples(["b", "a"]), examples(["a"])
        ('2 utterances (a, b)', '1 utterance (a)')
    """
    return f"{len(ids):,} utterance{'s' * (len(ids) != 1)} ({abbreviate(ids)})"
