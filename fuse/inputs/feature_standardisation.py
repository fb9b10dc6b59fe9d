"""Standardisation of columns in float64, before rounding to float32.

It preserves the variation of a column with a large mean: float32 has seven digits, so
a small x is lost in 1e8 + x. An error is raised if the variation cannot be preserved.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from affuse.data.errors import AffuseError

ColumnName = Callable[[int], str]  # returns the name of a column, for errors
ROUNDING = 8  # a deviation below 8 units in the mean's last place may be rounding
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class ColumnScaler:
    """Mean and standard deviation of each column over the training rows.

    Columns that are constant in these rows and columns that are not used have scale 0.
    Their standardised values are always 0, as in
    `affuse.fuse.models.projection.Projection`.

    Attributes:
        mean: (columns,) float64
        scale: (columns,) float64, the standard deviation, or 0
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fitted(cls, values: np.ndarray, taken: np.ndarray | None = None) -> Self:
        """Return the statistics of training rows.

        Args:
            values: (rows, columns) float32 or float64, finite
            taken: numbers of the columns that are used; None for all
        """
        columns = np.arange(values.shape[1]) if taken is None else taken
        mean, scale = np.zeros((2, values.shape[1]))
        centre, spread = _moments(values[:, columns].astype(np.float64))
        least = ROUNDING * np.finfo(values.dtype).eps * np.abs(centre)
        mean[columns], scale[columns] = centre, np.where(spread > least, spread, 0.0)
        return cls(mean, scale)

    def apply(self, values: np.ndarray, name: ColumnName) -> np.ndarray:
        """Return standardised values: (rows, columns) float32.

        Args:
            values: (rows, columns) float32 or float64, finite
            name: returns the name of a column, for errors

        Raises:
            AffuseError: if float32 cannot hold a value
        """
        divisor = np.where(self.scale > 0, self.scale, np.inf)
        with np.errstate(over="ignore", under="ignore"):
            standardised = (values.astype(np.float64) - self.mean) / divisor
        standardised[:, self.scale == 0] = 0.0  # also where the division overflowed
        beyond = ~(np.abs(standardised) <= LARGEST)
        if beyond.any():
            column = int(np.flatnonzero(beyond.any(axis=0))[0])
            rows = np.flatnonzero(beyond[:, column])
            raise AffuseError(
                f"{name(column)} has a value of {values[rows[0], column]:g} in row "
                f"{rows[0]}, and one as large in {_count_rows(len(rows))} of "
                f"{len(values)}: float32 cannot hold its distance from the mean, "
                f"{self.mean[column]:g}, in standard deviations of "
                f"{self.scale[column]:g}; correct these rows, or leave them out"
            )
        exact: np.ndarray = standardised.astype(np.float32)
        return exact


def demand_variation(
    values: np.ndarray,
    standardised: np.ndarray,
    places: Sequence[tuple[str, np.ndarray]],
    name: ColumnName,
) -> None:
    """Raise an error if float32 cannot distinguish rows in any column of a modality.

    A modality whose columns are all constant causes a warning, not an error: nothing
    is lost by rounding, and the modality may be disabled on purpose.

    Args:
        values: (rows, columns) float32 or float64, training rows
        standardised: (rows, columns), as `Standard.apply` returns them
        places: (modality, column numbers)
        name: returns the name of a column, for errors

    Raises:
        AffuseError: naming the modality, or if no column of any modality varies
    """
    varies = np.ptp(values, axis=0) > 0
    if not any(varies[at].any() for _, at in places):
        raise AffuseError(
            f"each column of X has a single value in the {len(values)} rows to train "
            f"on, so there is nothing to learn from; check how X was computed"
        )
    lost = _merged_by_rounding(values, standardised)
    for modality, at in places:
        varying = at[varies[at]]
        if not varying.size:
            warnings.warn(
                f"each column of {modality} has a single value in the {len(values)} "
                f"rows to train on, so nothing is learnt from {modality}",
                stacklevel=4,  # the line that calls the regressor's fit
            )
        elif lost[varying].all():
            first = int(varying[0])
            low, high = values[:, first].min(), values[:, first].max()
            raise AffuseError(
                f"most of the {len(values)} rows to train on are equal in every column "
                f"of {modality} after rounding, because they differ too little: "
                f"{name(first)} is between {low:.9g} and {high:.9g} in {values.dtype}; "
                f"subtract its offset before X is rounded, or leave out rows far away "
                f"from all others"
            )


def _merged_by_rounding(values: np.ndarray, standardised: np.ndarray) -> np.ndarray:
    """Return True for columns of which rounding made most values equal: (columns,)."""
    middle = len(values) // 2
    median = np.partition(standardised, middle, axis=0)[middle]
    same = standardised == median
    lowest = np.where(same, values, np.inf).min(axis=0)
    highest = np.where(same, values, -np.inf).max(axis=0)
    merged: np.ndarray = (highest > lowest) & (same.mean(axis=0) > 0.5)
    return merged


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column: (columns,) float64 each.

    Columns are first scaled to about 1 by powers of two, which is exact. Otherwise
    squares of very large or small values would overflow or vanish.
    """
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    near = np.ldexp(values, -exponent)
    mean = near.mean(axis=0)
    spread = np.sqrt(np.square(near - mean).mean(axis=0))
    return np.ldexp(mean, exponent), np.ldexp(spread, exponent)


def _count_rows(rows: int) -> str:
    """Return a number of rows with its noun."""
    return f"{rows} row" if rows == 1 else f"{rows} rows"
