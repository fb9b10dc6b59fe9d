"""Metrics of complete test sets, in float64: CCC and its factors, r, RMSE and MAE.

Metrics of batches must not be averaged, because their mean is not the metric of the
set. NaN raises an error and is never skipped, so that a diverged model has no score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affuse.data.errors import AffuseError


def ccc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the concordance correlation coefficient (Lin, 1989, Biometrics 45:255).

    ::

        ccc = 2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))**2)

    Variances and covariance divide by n. Some libraries divide by n - 1; the results
    differ more if there are fewer utterances.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Returns:
        agreement in [-1, 1]; NaN if both are the same constant

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> ccc([0, 1, 2], [0, 1, 2])
        1.0
        >>> ccc([0, 1, 2], [2, 1, 0])
        -1.0
    """
    t, p = _pair(truth, prediction)
    shift = t.mean() - p.mean()
    t, p = _centred(t), _centred(p)
    spread = np.mean(t * t) + np.mean(p * p) + shift**2
    if spread == 0:
        return float("nan")
    return float(2 * np.mean(t * p) / spread)


def pearson(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return Pearson's correlation, the factor of the CCC that ignores shift and gain.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,), any unit

    Returns:
        correlation in [-1, 1]; NaN if one of both is constant

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> pearson([0, 1, 2], [5, 7, 9])
        1.0
    """
    t, p = (_centred(values) for values in _pair(truth, prediction))
    scale = np.sqrt(np.mean(t * t)) * np.sqrt(np.mean(p * p))
    if scale == 0:
        return float("nan")
    return float(np.clip(np.mean(t * p) / scale, -1, 1))


@dataclass(frozen=True)
class CCCParts:
    """Factors of a CCC, ``ccc = correlation * bias``, and shifts (Lin, 1989)."""

    correlation: float  # Pearson's, in [-1, 1]; no shift or gain can improve it
    bias: float  # C_b in [0, 1]; 1 if scale and location agree
    scale: float  # v, standard deviation of the predictions over that of the truth
    location: float  # u, difference of the means over the geometric mean deviation


def split_ccc(truth: ArrayLike, prediction: ArrayLike) -> CCCParts:
    """Return the factors of the CCC, correlation and bias (Lin, 1989).

    ::

        ccc = rho * C_b,  C_b = 2 / (v + 1 / v + u**2)
        v = sd(p) / sd(t),  u = (mean(p) - mean(t)) / sqrt(sd(p) * sd(t))

    Deviations divide by n. If `scale` is below 1, the model predicts too close to its
    mean. If `location` is above 0, its predictions are too high. Source: Biometrics
    45:255.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Returns:
        factors and shifts. If a deviation is 0, correlation and location are NaN and
        the bias is 0; the scale is 0, infinite, or NaN if both deviations are 0.

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> split_ccc([0, 1, 2], [0, 2, 4]).scale
        2.0
    """
    t, p = _pair(truth, prediction)
    shift = p.mean() - t.mean()
    spread = [float(np.sqrt(np.mean(_centred(x) ** 2))) for x in (t, p)]
    if not all(spread):
        only = float("nan") if not any(spread) else float("inf") if spread[1] else 0.0
        return CCCParts(float("nan"), 0.0, only, float("nan"))
    v = spread[1] / spread[0]
    u = float(shift / np.sqrt(spread[0] * spread[1]))
    return CCCParts(pearson(t, p), 2 / (v + 1 / v + u**2), v, u)


def rmse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the root mean squared error, in the unit of the ratings, at least 0.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> rmse([0, 0], [3, -3])
        3.0
    """
    t, p = _pair(truth, prediction)
    return float(np.sqrt(np.mean((t - p) ** 2)))


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of the ratings, at least 0.

    ::

        mae = mean(abs(t - p))

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> mae([0, 0], [3, -1])
        2.0
    """
    t, p = _pair(truth, prediction)
    return float(np.mean(np.abs(t - p)))


def _pair(truth: ArrayLike, prediction: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 (n,) after checking shape, size and finite values."""
    t, p = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if t.shape != p.shape or t.ndim != 1 or not t.size:
        raise AffuseError(
            f"truth has shape {t.shape}, prediction {p.shape}; both must be (n,), "
            f"n at least 1"
        )
    for name, values in (("truth", t), ("prediction", p)):
        if not np.isfinite(values).all():
            raise AffuseError(
                f"{name} has {int((~np.isfinite(values)).sum())} of {len(values)} "
                f"values that are nan or infinite, the first at "
                f"{int(np.argmin(np.isfinite(values)))}; a figure would be meaningless"
            )
    return t, p


def _centred(values: np.ndarray) -> np.ndarray:
    """Return deviations from the mean, which are exactly 0 for a constant."""
    if values.min() == values.max():
        return np.zeros_like(values)  # rounding: 0.1 minus a mean of 0.1 may not be 0
    return np.asarray(values - values.mean())
