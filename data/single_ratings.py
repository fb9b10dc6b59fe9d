"""Single ratings of an utterance by several raters, summarised by rating.

Raters are anonymous: who gave a rating is not kept, and raters may differ between
utterances. Mean, standard deviation and number suffice for all that is computed from
single ratings, such as the CCC of one rater with the mean of the others.

A reader fills `affuse.data.records.Utterance.raters` with `summaries`, from the single
ratings as released. It leaves out self-ratings, and ratings that it does not trust.
Values stay on the scale of the corpus.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from affuse.data.errors import AffuseError
from affuse.data.system.schema import ListOf, MapOf, Number

# Lists of `as_lists` in the table of a cache.
KIND = MapOf(ListOf(Number(-1e15, 1e15), least=3, most=3), most=100)


@dataclass(frozen=True, slots=True)
class RaterSummary:
    """Mean, standard deviation and number of the single ratings of one utterance."""

    mean: float  # on the scale of the corpus
    deviation: float  # divided by raters - 1; 0 for a single rater
    raters: int  # at least 1

    def __post_init__(self) -> None:
        finite = math.isfinite(self.mean) and math.isfinite(self.deviation)
        if not (finite and self.deviation >= 0 and self.raters >= 1):
            raise AffuseError(
                f"mean {self.mean:g}, deviation {self.deviation:g} of {self.raters} "
                f"raters are no summary of ratings; a deviation is at least 0, and "
                f"there is at least one rater"
            )
        if self.raters == 1 and self.deviation:
            raise AffuseError(
                f"a single rater has no deviation, and this one has "
                f"{self.deviation:g}; write 0"
            )


Summaries = Mapping[str, RaterSummary]  # by name of the rating
NO_RATERS: Summaries = {}  # one object for all utterances without single ratings


def summaries(values: Mapping[str, Iterable[float | None]]) -> Summaries:
    """Return the summary of each rating that at least one rater gave.

    Args:
        values: {name of the rating: its single ratings in any order}; None where a
            rater gave none

    Returns:
        {name of the rating: summary}; equal summaries are one object in memory

    Raises:
        AffuseError: if a value is not finite

    Examples:
        >>> found = summaries({"valence": [2, 3, None, 4], "arousal": [None]})
        >>> found == {"valence": RaterSummary(3.0, 1.0, 3)}
        True
    """
    given = {
        name: tuple(sorted(float(x) for x in ratings if x is not None))
        for name, ratings in values.items()
    }
    found = {name: _summary(ratings) for name, ratings in given.items() if ratings}
    return found or NO_RATERS


# Raters use few values, so that few sets of ratings differ.
@lru_cache(2**14)
def _summary(ratings: tuple[float, ...]) -> RaterSummary:
    """Return the summary of at least one rating."""
    count = len(ratings)
    mean = math.fsum(ratings) / count
    squares = math.fsum((rating - mean) ** 2 for rating in ratings)
    deviation = math.sqrt(squares / (count - 1)) if count > 1 else 0.0
    return shared_summary(mean, deviation, count)


@lru_cache(2**14)
def shared_summary(mean: float, deviation: float, raters: int) -> RaterSummary:
    """Return a summary of these figures; equal summaries are one object in memory.

    Args:
        mean: of the single ratings
        deviation: standard deviation, divided by raters - 1
        raters: their number

    Raises:
        AffuseError: if the figures are no summary
    """
    return RaterSummary(mean, deviation, raters)


def as_lists(found: Summaries) -> dict[str, list[float]]:
    """Return ``[mean, deviation, raters]`` by rating, as a file keeps them.

    Args:
        found: of one utterance
    """
    return {n: [each.mean, each.deviation, each.raters] for n, each in found.items()}


def from_lists(kept: Mapping[str, Sequence[float]]) -> Summaries:
    """Return the summaries that `as_lists` converted.

    Args:
        kept: lists of `KIND`

    Raises:
        AffuseError: if the figures are no summary
    """
    found = {n: parse_summary(*figures) for n, figures in kept.items()}
    return found or NO_RATERS


def parse_summary(mean: float, deviation: float, raters: float) -> RaterSummary:
    """Return a summary from the numbers of a file.

    Args:
        mean: of the single ratings
        deviation: standard deviation, divided by raters - 1
        raters: their number

    Raises:
        AffuseError: if the number of raters is not whole, or the figures are no summary
    """
    if raters != int(raters):
        raise AffuseError(f"{raters:g} raters is not a whole number")
    return shared_summary(float(mean), float(deviation), int(raters))
