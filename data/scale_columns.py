"""Columns of predictions on the scale of the training data, with names that state it.

`affuse.data.rating_scales` converts in the other direction, from a scale to [-1, 1].
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Scale = tuple[float, float]  # lowest and highest nominal rating
SPREAD = "_deviation"  # suffix of columns that hold standard deviations, not ratings
Values = TypeVar("Values", float, np.ndarray)


def format_scale(scale: Scale) -> str:
    """Return a scale in words.

    Args:
        scale: lowest and highest rating

    Examples:
        >>> format_scale((1.0, 5.0)), format_scale((-0.5, 0.5))
        ('1 to 5', '-0.5 to 0.5')
    """
    low, high = scale
    return f"{low:g} to {high:g}"


def scaled_name(name: str, scale: Scale) -> str:
    """Return the name of a column on a scale.

    Args:
        name: of the column on [-1, 1]
        scale: lowest and highest rating

    Examples:
        >>> scaled_name("valence", (1.0, 5.0))
        'valence_1_to_5'
    """
    return f"{name}_{format_scale(scale).replace(' ', '_')}"


def scaled_columns(columns: Mapping[str, Values], scale: Scale) -> dict[str, Values]:
    """Return columns of a table on a scale, with names that state the scale.

    Args:
        columns: {name: value or values on [-1, 1]}; deviations are lengths there
        scale: of the corpus

    Examples:
        >>> scaled_columns({"valence": np.array([0.5])}, (1.0, 5.0))
        {'valence_1_to_5': array([4.])}
        >>> scaled_columns({"valence_deviation": 0.5}, (1.0, 5.0))
        {'valence_deviation_1_to_5': 1.0}
    """
    low, high = scale
    # This undoes `affuse.data.rating_scales.rescale`.
    middle, half = (low + high) / 2, (high - low) / 2
    return {
        scaled_name(name, scale): half * values
        + (0 if name.endswith(SPREAD) else middle)
        for name, values in columns.items()
    }
