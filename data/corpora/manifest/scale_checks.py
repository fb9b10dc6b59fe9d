"""Compares the ratings of a table with the scale that was stated for them."""

from collections.abc import Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem, Utterance

MOST = 0.05  # share of the values of one rating outside the scale, before it is wrong
ENOUGH = 50  # values of one rating, before a narrow range says something
NARROW = 0.5  # share of the scale

Values = Mapping[str, Sequence[float]]  # as released, by rating


def compared(
    utterances: Sequence[Utterance], scale: tuple[float, float] | None, file: str
) -> list[Problem]:
    """Return notes on ratings outside the scale, and on a scale that is half empty.

    Args:
        utterances: all of the table
        scale: lowest and highest nominal rating; None where there are no ratings
        file: name of the table, or of the tables

    Raises:
        AffuseError: if the scale does not rise, or if more than `MOST` of the values of
            a rating lie outside it; then it names what was observed
    """
    if scale is None:
        return []
    values = {r: [u.ratings[r] for u in utterances if r in u.ratings] for r in RATINGS}
    values = {name: found for name, found in values.items() if found}
    outside = {name: _outside(found, scale) for name, found in values.items()}
    wrong = [name for name, n in outside.items() if n > MOST * len(values[name])]
    low, high = scale
    if not low < high:
        raise AffuseError(
            f"{file}: the scale {low:g} to {high:g} is none; its lowest rating must "
            f"come first"
        )
    if wrong:
        counts = (f"{outside[n]} of {len(values[n])} of {n}" for n in wrong)
        raise AffuseError(
            f"{file}: ratings lie outside the scale {low:g} to {high:g}: "
            f"{', '.join(counts)}; observed are {_ranges(values)}; state the scale "
            f"that they were given on with --scale LOWEST HIGHEST, or correct the table"
        )
    notes = []
    if count := sum(outside.values()):
        total = sum(map(len, values.values()))
        notes.append(
            f"{count} of {total} ratings lie outside the scale {low:g} to {high:g}; "
            f"they are kept as released"
        )
    if _is_narrow(values, scale):
        notes.append(
            f"ratings use less than half of the scale {low:g} to {high:g}: observed "
            f"are {_ranges(values)}; if that is not their scale, state it with --scale"
        )
    return [Problem(file, note, fatal=False) for note in notes]


def _outside(values: Sequence[float], scale: tuple[float, float]) -> int:
    low, high = scale
    return sum(not low <= value <= high for value in values)


def _is_narrow(values: Values, scale: tuple[float, float]) -> bool:
    """Return True if all ratings together use less than half of the scale."""
    every = [value for found in values.values() for value in found]
    if len(every) < ENOUGH:
        return False
    return max(every) - min(every) < NARROW * (scale[1] - scale[0])


def _ranges(values: Values) -> str:
    """Return ``valence 1 to 5, arousal 1 to 4.5``."""
    each = (f"{n} {min(found):g} to {max(found):g}" for n, found in values.items())
    return ", ".join(each)
