"""Comparison of the ratings in a table with the stated rating scale."""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem, Utterance

MOST = 0.05  # share of one dimension's ratings that may lie outside the scale
ENOUGH = 50  # ratings that are needed to judge whether their range is narrow
NARROW = 0.5  # largest share of the scale of a narrow range of all ratings
TINY = 0.1  # the same of one dimension, whose ratings may vary less than others

SHOWN = 3  # values outside the scale that a note shows

Values = Mapping[str, Sequence[float]]  # as released, by rating


def compare(
    utterances: Sequence[Utterance], scale: tuple[float, float] | None, file: str
) -> list[Problem]:
    """Return notes on ratings outside the scale, and on a scale that is hardly used.

    Args:
        utterances: all of the table
        scale: lowest and highest nominal rating; None where there are no ratings
        file: name of the table, or of the tables

    Raises:
        AffuseError: if the scale does not rise, or if more than `MOST` of the ratings
            of a dimension lie outside it; the message states the observed range
    """
    if scale is None:
        return []
    values = {r: [u.ratings[r] for u in utterances if r in u.ratings] for r in RATINGS}
    values = {name: ratings for name, ratings in values.items() if ratings}
    outside = {name: _outside(ratings, scale) for name, ratings in values.items()}
    failing = [name for name, n in outside.items() if n > MOST * len(values[name])]
    low, high = scale
    if not low < high:
        raise AffuseError(
            f"{file}: the scale {low:g} to {high:g} does not rise; state its lowest "
            f"rating first"
        )
    if failing:
        counts = (f"{outside[n]} of {len(values[n])} of {n}" for n in failing)
        raise AffuseError(
            f"{file}: ratings lie outside the scale {low:g} to {high:g}: "
            f"{', '.join(counts)}; observed are {_ranges(values)}; state the scale "
            f"that they were given on with --scale LOWEST HIGHEST, or correct the table"
        )
    notes = []
    if count := sum(outside.values()):
        total = sum(map(len, values.values()))
        notes.append(
            f"{count} of {total} ratings lie outside the scale {low:g} to {high:g} "
            f"({_examples(utterances, scale)}); they are kept as released, and train "
            f"clips them to the scale (--out-of-range clip); if they mark missing "
            f"ratings, empty their cells"
        )
    if _is_narrow(values, scale, NARROW):
        notes.append(
            f"ratings use at most half of the scale {low:g} to {high:g}: observed "
            f"are {_ranges(values)}; if that is not their scale, state it with --scale"
        )
    else:
        one = {n: v for n, v in values.items() if _is_narrow({n: v}, scale, TINY)}
        if one:
            notes.append(
                f"ratings use at most a tenth of the scale {low:g} to {high:g}: "
                f"observed are {_ranges(one)}, while all ratings together are "
                f"{_ranges(values)}; if they have another scale, convert them in the "
                f"table"
            )
    return [Problem(file, note, fatal=False) for note in notes]


def _examples(utterances: Sequence[Utterance], scale: tuple[float, float]) -> str:
    """Return the most frequent ratings outside the scale, each with an utterance."""
    low, high = scale
    found: dict[float, list[str]] = {}
    for utterance in utterances:
        for name in RATINGS:
            value = utterance.ratings.get(name, low)
            if not low <= value <= high:
                found.setdefault(value, []).append(f"{name} of '{utterance.id}'")
    common = sorted(found.items(), key=lambda item: -len(item[1]))
    each = [
        f"{str(value).removesuffix('.0')} is {places[0]}"  # :g may round onto the scale
        for value, places in common[:SHOWN]
    ]
    more = [f"and {len(common) - SHOWN} more values"] if common[SHOWN:] else []
    return ", ".join((*each, *more))


def _outside(values: Sequence[float], scale: tuple[float, float]) -> int:
    low, high = scale
    return sum(not low <= value <= high for value in values)


def _is_narrow(values: Values, scale: tuple[float, float], most: float) -> bool:
    """Return True if the ratings together use at most a share of the scale."""
    ratings = [value for observed in values.values() for value in observed]
    if len(ratings) < ENOUGH:
        return False
    return max(ratings) - min(ratings) <= most * (scale[1] - scale[0])


def _ranges(values: Values) -> str:
    """Return ``valence 1 to 5, arousal 1 to 4.5``."""
    ranges = (
        f"{n} {min(ratings):g} to {max(ratings):g}" for n, ratings in values.items()
    )
    return ", ".join(ranges)
