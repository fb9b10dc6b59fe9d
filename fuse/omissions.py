"""Sentences on the utterances that a command leaves out of training, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from data.errors import AffuseError
from data.spelling import spelling
from data.splits import some
from data.utterance import Problem, Utterance
from fuse.figures import count


def sentences(left_out: Mapping[str, int]) -> Iterator[str]:
    """Yield one sentence for each reason, with the number of utterances.

    Args:
        left_out: reason, such as "no text", to number of utterances

    Examples:
        >>> list(sentences({"no text": 2}))
        ['left out: 2 utterances with no text']
    """
    for reason, number in left_out.items():
        yield f"left out: {count(number, 'utterance')} with {reason}"


def of_problems(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield one sentence for each reason of problems, with the first few ids."""
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.reason, []).append(problem.id)
    for reason, ids in reasons.items():
        yield f"left out: {count(len(ids), 'utterance')} ({some(ids)}): {reason}"


@contextmanager
def explained(
    left_out: Mapping[str, int], given: Sequence[Utterance], kept: Sequence[Utterance]
) -> Iterator[None]:
    """Add what was left out to an error of what divides the utterances that are kept.

    Args:
        left_out: reason to number of utterances
        given: all utterances of the corpus
        kept: those that are divided

    Raises:
        AffuseError: of the same class, with a line for each reason, and a line that
            names the speakers of whom no utterance is kept
    """
    try:
        yield
    except AffuseError as error:
        lines = [f"  {sentence}" for sentence in sentences(left_out)]
        there = {spelling(u.speaker) for u in kept}
        lost = {u.speaker for u in given if spelling(u.speaker) not in there} - {""}
        if lost:
            lines.append(
                f"  of {count(len(lost), 'speaker')} ({some(lost)}) no utterance is "
                f"left; give what these lack, or leave the rating out with --map"
            )
        raise type(error)(*error.args, *lines) from error
