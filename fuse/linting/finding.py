"""What a rule says."""

from collections.abc import Sequence
from dataclasses import dataclass

from affuse.data.splits.protocols import some


class Skipped(Exception):
    """A rule cannot be applied; the sentence says why."""


@dataclass(frozen=True)
class Finding:
    """What a rule found, in a sentence."""

    text: str  # what, how many, examples, what to do
    fatal: bool = True  # False: a figure to know, no leak
    said: bool = False  # by `train` too, although it is no leak: it may hide one


def examples(ids: Sequence[str]) -> str:
    """How many utterances, and a few of them.

    Examples:
        >>> examples(["b", "a"]), examples(["a"])
        ('2 utterances (a, b)', '1 utterance (a)')
    """
    return f"{len(ids):,} utterance{'s' * (len(ids) != 1)} ({some(ids)})"
