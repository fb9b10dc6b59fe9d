"""Column ranges of the modalities in one array whose rows hold all of them.

The ranges are checked together. An error is raised if sizes do not sum to the number of
columns, or if a column is used twice.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from affuse.data.errors import AffuseError

# an int is a number of columns; a str or several are names of columns
ColumnRange = int | slice | range | str | Sequence[int] | Sequence[str]
Columns = Mapping[str, ColumnRange]
SHOWN = 3  # number of columns or names that an error lists


def resolve_columns(
    columns: Columns | None,
    modalities: Sequence[str],
    width: int,
    names: Sequence[str] | None = None,
) -> list[tuple[str, np.ndarray]]:
    """Return the column numbers of each modality that a design takes.

    Args:
        columns: {modality: columns}, which may contain other modalities too. Columns
            are a size, a slice, a range, numbers, a name, or several names. A size
            takes the columns after those of the previous modality; if all are sizes,
            they must sum to the width. None if the design takes one modality, which
            then has all columns
        modalities: modalities that the design takes
        width: number of columns of the array
        names: names of the columns; None if they have none

    Returns:
        (modality, column numbers), in the order of `modalities`

    Raises:
        AffuseError: if a modality is missing, sizes do not sum to the width, or a
            column does not exist or is used twice

    Examples:
        >>> resolve_columns({"audio": 2, "text": slice(2, 4)}, ["text", "audio"], 4)
        [('text', array([2, 3])), ('audio', array([0, 1]))]
        >>> resolve_columns({"text": ["t1", "t0"]}, ["text"], 3, ["a0", "t0", "t1"])
        [('text', array([2, 1]))]
    """
    if columns is None and len(modalities) == 1:
        columns = {modalities[0]: width}
    ranges = columns or {}
    _demand_all(ranges, modalities)
    _demand_sum(ranges, width)
    numbers: dict[str, np.ndarray] = {}
    end = 0
    for modality, place in ranges.items():
        if _is_size(place):
            place = range(end, end + int(place))  # type: ignore[arg-type]
        listed = _listed(place, width)
        if listed and all(isinstance(name, str) for name in listed):
            numbers[modality] = _resolved(modality, listed, names)
        else:
            numbers[modality] = _numbers(modality, place, width)
        end = int(numbers[modality].max()) + 1
    _demand_once(numbers, names)
    return [(modality, numbers[modality]) for modality in modalities]


def _demand_all(ranges: Columns, modalities: Sequence[str]) -> None:
    """Raise an error if columns lack a modality."""
    if missing := [m for m in modalities if m not in ranges]:
        example = ", ".join(f"{m!r}: SIZE" for m in modalities)
        raise AffuseError(
            f"this design takes {', '.join(modalities)}, and columns lacks "
            f"{', '.join(missing)}; add the columns of each, e.g. columns={{{example}}}"
        )


def _demand_sum(ranges: Columns, width: int) -> None:
    """Raise an error if sizes do not sum to the number of columns."""
    if not ranges or not all(map(_is_size, ranges.values())):
        return
    sizes = {m: int(size) for m, size in ranges.items()}  # type: ignore[arg-type]
    if sum(sizes.values()) != width:
        listing = ", ".join(f"{m!r}: {size}" for m, size in sizes.items())
        raise AffuseError(
            f"columns={{{listing}}} are sizes that sum to {sum(sizes.values())}, and X "
            f"has {width} columns; give sizes that sum to {width}, or slices to "
            f"leave columns out, e.g. slice(0, {next(iter(sizes.values()))})"
        )


def _demand_once(ranges: Mapping[str, np.ndarray], names: Sequence[str] | None) -> None:
    """Raise an error if a column is used twice, in one modality or in two."""
    numbers = np.concatenate(list(ranges.values()))
    columns, counts = np.unique(numbers, return_counts=True)
    twice = columns[counts > 1].tolist()
    if not twice:
        return
    owners = [m for m, at in ranges.items() if twice[0] in at]
    listing = [
        str(n) if names is None else f"{n} ({names[n]!r})" for n in twice[:SHOWN]
    ]
    more = f" and {len(twice) - SHOWN} more" if len(twice) > SHOWN else ""
    raise AffuseError(
        f"columns uses column {', '.join(listing)}{more} twice, in "
        f"{' and in '.join(owners)}; give each column to one modality, once (negative "
        f"numbers count from the end)"
    )


def _is_size(place: object) -> bool:
    """Return True for an integer that is not a bool."""
    return isinstance(place, int | np.integer) and not isinstance(place, bool)


def _listed(place: object, width: int) -> list[Any]:
    """Return the items of a list or one-dimensional array; [] for anything else."""
    if isinstance(place, str):
        return [place]
    if isinstance(place, Sequence):
        return list(place[: width + 1])  # a longer list is an error in any case
    array = np.asarray(place) if hasattr(place, "__array__") else np.zeros(())
    return list(array) if array.ndim == 1 else []


def _resolved(
    modality: str, requested: Sequence[str], names: Sequence[str] | None
) -> np.ndarray:
    """Return the numbers of the columns of these names."""
    if names is None:
        raise AffuseError(
            f"columns of {modality} are names, e.g. {requested[0]!r}, and the columns "
            f"of X have none; use a DataFrame for X whose columns all have text names, "
            f"or use numbers"
        )
    by_name: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        by_name.setdefault(str(name), []).append(number)
    if missing := [name for name in requested if name not in by_name]:
        listing = [f"{n!r} ({_nearest(n, list(by_name))})" for n in missing[:SHOWN]]
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise AffuseError(
            f"columns of {modality} name {', '.join(listing)}{more}, which X does not "
            f"have; correct them, see X.columns"
        )
    if double := [name for name in requested if len(by_name[name]) > 1]:
        raise AffuseError(
            f"columns of {modality} name {double[0]!r}, and {len(by_name[double[0]])} "
            f"columns of X have that name; rename them, or give numbers"
        )
    return np.array([by_name[name][0] for name in requested])


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return a clause that names the most similar name."""
    match = get_close_matches(name, names, n=1, cutoff=0)
    return f"the nearest is {match[0]!r}"


def _numbers(modality: str, place: object, width: int) -> np.ndarray:
    """Return column numbers, or raise an error if some do not exist."""
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
