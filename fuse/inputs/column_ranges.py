"""Where each modality is in one array whose rows hold all of them.

What is said of columns is checked as a whole: no column is dropped because sizes do not
add up, none is counted twice, and none is guessed.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError

# an int is a size; a str, or several, are names of columns
Place = int | slice | range | str | Sequence[int] | Sequence[str]
Columns = Mapping[str, Place]
SHOWN = 3  # columns, or names, that an error lists


def places(
    columns: Columns | None,
    modalities: Sequence[str],
    width: int,
    names: Sequence[str] | None = None,
) -> list[tuple[str, np.ndarray]]:
    """Return the column numbers of each modality that a design takes.

    Args:
        columns: of each modality, also of those that the design does not take: a size,
            a slice, a range, column numbers, the name of a column, or several names.
            Sizes count on from where the modality before ends, and must sum to the
            width where there are sizes alone. None where there is only one modality,
            which then has all columns
        modalities: that the design takes
        width: columns of the array
        names: of the columns; None if they have none

    Returns:
        modality and column numbers, in the order of `modalities`

    Raises:
        AffuseError: if a modality is missing, sizes do not sum to the width, a column
            is not there, or is named twice

    Examples:
        >>> places({"audio": 2, "text": slice(2, 4)}, ["text", "audio"], 4)
        [('text', array([2, 3])), ('audio', array([0, 1]))]
        >>> places({"text": ["t1", "t0"]}, ["text"], 3, ["a0", "t0", "t1"])
        [('text', array([2, 1]))]
    """
    if columns is None and len(modalities) == 1:
        columns = {modalities[0]: width}
    given = columns or {}
    _demand_all(given, modalities)
    _demand_sum(given, width)
    found: dict[str, np.ndarray] = {}
    end = 0
    for modality, place in given.items():
        if _is_size(place):
            place = range(end, end + int(place))  # type: ignore[arg-type]
        listed = _listed(place, width)
        if listed and all(isinstance(name, str) for name in listed):
            found[modality] = _resolved(modality, listed, names)
        else:
            found[modality] = _numbers(modality, place, width)
        end = int(found[modality].max()) + 1
    _demand_once(found, names)
    return [(modality, found[modality]) for modality in modalities]


def _demand_all(given: Columns, modalities: Sequence[str]) -> None:
    """Refuse columns that say nothing of a modality."""
    if missing := [m for m in modalities if m not in given]:
        example = ", ".join(f"{m!r}: SIZE" for m in modalities)
        raise AffuseError(
            f"this design takes {', '.join(modalities)}, and columns says nothing of "
            f"{', '.join(missing)}; say where each is, e.g. columns={{{example}}}"
        )


def _demand_sum(given: Columns, width: int) -> None:
    """Refuse sizes that leave columns over, or want more than there are."""
    if not given or not all(map(_is_size, given.values())):
        return
    sizes = {m: int(size) for m, size in given.items()}  # type: ignore[arg-type]
    if sum(sizes.values()) != width:
        said = ", ".join(f"{m!r}: {size}" for m, size in sizes.items())
        raise AffuseError(
            f"columns={{{said}}} are sizes that sum to {sum(sizes.values())}, and X "
            f"has {width} columns; give sizes that sum to {width}, or slices where "
            f"columns shall be left out, e.g. slice(0, {next(iter(sizes.values()))})"
        )


def _demand_once(found: Mapping[str, np.ndarray], names: Sequence[str] | None) -> None:
    """Refuse columns that are named twice, in one modality or in two."""
    numbers = np.concatenate(list(found.values()))
    known, counts = np.unique(numbers, return_counts=True)
    twice = known[counts > 1].tolist()
    if not twice:
        return
    owners = [m for m, at in found.items() if twice[0] in at]
    said = [str(n) if names is None else f"{n} ({names[n]!r})" for n in twice[:SHOWN]]
    more = f" and {len(twice) - SHOWN} more" if len(twice) > SHOWN else ""
    raise AffuseError(
        f"columns names column {', '.join(said)}{more} twice, in "
        f"{' and in '.join(owners)}; give each column to one modality, once (negative "
        f"numbers count from the end)"
    )


def _is_size(place: object) -> bool:
    return isinstance(place, int | np.integer) and not isinstance(place, bool)


def _listed(place: object, width: int) -> list[Any]:
    """Return what a place lists in an order of its own; nothing if it is no list."""
    if isinstance(place, str):
        return [place]
    if isinstance(place, Sequence):
        return list(place[: width + 1])  # more can only be wrong
    found = np.asarray(place) if hasattr(place, "__array__") else np.zeros(())
    return list(found) if found.ndim == 1 else []


def _resolved(
    modality: str, wanted: Sequence[str], names: Sequence[str] | None
) -> np.ndarray:
    """Return the numbers of the columns of these names."""
    if names is None:
        raise AffuseError(
            f"columns of {modality} are names, e.g. {wanted[0]!r}, and the columns of "
            f"X have none; give X as a DataFrame whose columns are all named by text, "
            f"or give numbers"
        )
    known: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        known.setdefault(str(name), []).append(number)
    if missing := [name for name in wanted if name not in known]:
        said = [f"{n!r} ({_nearest(n, list(known))})" for n in missing[:SHOWN]]
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise AffuseError(
            f"columns of {modality} name {', '.join(said)}{more}, which X does not "
            f"have; correct them, see X.columns"
        )
    if double := [name for name in wanted if len(known[name]) > 1]:
        raise AffuseError(
            f"columns of {modality} name {double[0]!r}, and {len(known[double[0]])} "
            f"columns of X have that name; rename them, or give numbers"
        )
    return np.array([known[name][0] for name in wanted])


def _nearest(name: str, known: Sequence[str]) -> str:
    """Say which known name is like this one."""
    found = get_close_matches(name, known, n=1, cutoff=0)
    return f"the nearest is {found[0]!r}"


def _numbers(modality: str, place: object, width: int) -> np.ndarray:
    """Return column numbers; a slice must not be cut short without a word."""
    at = np.arange(0)
    try:
        if not isinstance(place, slice):
            at = np.arange(width)[_listed(place, width)]
        elif all(-width <= end <= width for end in (place.start or 0, place.stop or 0)):
            at = np.arange(width)[place]
    except (IndexError, TypeError):
        pass
    if not at.size or at.ndim != 1:
        raise AffuseError(
            f"columns of {modality} are {place}, and there are {width} columns; give "
            f"a size, a slice, a range, numbers from 0 to {width - 1}, or names of "
            f"columns"
        )
    return at
