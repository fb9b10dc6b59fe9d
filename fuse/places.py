"""Where each modality is in one array whose rows hold all of them."""

from collections.abc import Mapping, Sequence

import numpy as np

from data.errors import AffuseError

Place = int | slice | range | Sequence[int]  # an int is a size
Columns = Mapping[str, Place]


def places(
    columns: Columns | None, modalities: Sequence[str], width: int
) -> list[tuple[str, np.ndarray]]:
    """Column numbers of each modality that a design takes.

    Args:
        columns: of each modality; sizes count from where the modality before ends.
            None where there is only one, which then has all columns
        modalities: that are wanted
        width: columns of the array

    Raises:
        AffuseError: if a modality is missing, or columns that are not there are named

    Examples:
        >>> places({"audio": 2, "text": slice(2, 4)}, ["text", "audio"], 4)
        [('text', array([2, 3])), ('audio', array([0, 1]))]
    """
    if columns is None and len(modalities) == 1:
        columns = {modalities[0]: width}
    given = columns or {}
    if missing := [m for m in modalities if m not in given]:
        example = ", ".join(f"{m!r}: SIZE" for m in modalities)
        raise AffuseError(
            f"this design takes {', '.join(modalities)}, and columns says nothing of "
            f"{', '.join(missing)}; say where each is, e.g. columns={{{example}}}"
        )
    found: dict[str, np.ndarray] = {}
    end = 0
    for modality, place in given.items():
        if isinstance(place, int | np.integer):
            place = range(end, end + int(place))
        found[modality] = _numbers(modality, place, width)
        end = int(found[modality][-1]) + 1
    return [(modality, found[modality]) for modality in modalities]


def _numbers(
    modality: str, place: slice | range | Sequence[int], width: int
) -> np.ndarray:
    """Column numbers; a slice must not be cut short without a word."""
    try:
        short = isinstance(place, slice) and (place.stop or 0) > width
        chosen = place if isinstance(place, slice) else list(place)
        at = np.arange(width)[[] if short else chosen]
    except (IndexError, TypeError):
        at = np.arange(0)
    if not at.size or at.ndim != 1:
        raise AffuseError(
            f"columns of {modality} are {place}, and there are {width} columns; give "
            f"a size, a slice, a range or numbers from 0 to {width - 1}"
        )
    return at
