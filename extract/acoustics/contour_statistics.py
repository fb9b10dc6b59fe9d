"""Statistics of a contour over time, finite for contours of any length."""

import numpy as np


def moments(values: np.ndarray) -> tuple[float, float]:
    """Return mean and population standard deviation; zeros for no value.

    Args:
        values: (n,)
    """
    if not len(values):
        return 0.0, 0.0
    values = values.astype(np.float64)
    return float(values.mean()), float(values.std())


def percentiles(values: np.ndarray, *shares: float) -> list[float]:
    """Return percentiles of at least one value, linearly interpolated.

    Args:
        values: (n,), not empty
        shares: from 0 to 100
    """
    return [float(found) for found in np.percentile(values, shares)]


def slope(times: np.ndarray, values: np.ndarray) -> float:
    """Return the slope of the least-squares line; 0 if all times are equal.

    Args:
        times: (n,), in seconds
        values: (n,)

    Returns:
        unit of the values per second

    Examples:
        >>> slope(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
        2.0
    """
    centred = times - times.mean()
    total = float(np.square(centred).sum())
    return float((centred * values).sum() / total) if total > 0 else 0.0


def runs(marks: np.ndarray) -> np.ndarray:
    """Return the lengths of the runs of True, in order.

    Args:
        marks: (n,) of bool

    Examples:
        >>> runs(np.array([True, True, False, True])).tolist()
        [2, 1]
    """
    edges = np.diff(np.concatenate([[0], marks.astype(np.int8), [0]]))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
