"""The numbers that are reported, in float64, over a whole test set.

The mean of per-batch values is not the value of the whole, so these are for complete
sets only. A nan is an error here, never skipped: a model that diverged must not score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from affuse.data.errors import AffuseError


def ccc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Concordance correlation coefficient (Lin, 1989, Biometrics 45:255).

    ::

        ccc = 2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))**2)

    Variances and covariance divide by n. Some libraries divide by n - 1; the
    fewer the utterances, the more the two differ.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Returns:
        agreement in [-1, 1]; nan when both are the same constant

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
    """Pearson's correlation: agreement up to shift and gain, the first factor of CCC.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,), any unit

    Returns:
        correlation in [-1, 1]; nan when either is constant

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
    """What a CCC is made of: ``ccc = correlation * bias`` (Lin, 1989)."""

    correlation: float  # Pearson's, in [-1, 1]: what no shift or gain can mend
    bias: float  # C_b in [0, 1], 1 if neither scale nor location is off
    scale: float  # v, deviation of the predictions over that of the truth
    location: float  # u, difference of the means in units of both deviations


def split(truth: ArrayLike, prediction: ArrayLike) -> CCCParts:
    """The CCC as a product of correlation and bias (Lin, 1989, Biometrics 45:255).

    ::

        ccc = rho * C_b,  C_b = 2 / (v + 1 / v + u**2)
        v = sd(p) / sd(t),  u = (mean(p) - mean(t)) / sqrt(sd(p) * sd(t))

    Deviations divide by n. A `scale` below 1 is a model that predicts too near its
    mean; a `location` above 0 one that predicts too high.

    Args:
        truth: (n,) ratings, any unit
        prediction: (n,) in the same unit as `truth`

    Returns:
        the four; where a deviation is 0 correlation and location are nan, the bias is
        0, and the scale 0, infinite, or nan if both are

    Raises:
        AffuseError: if the lengths differ, or a number is not finite

    Examples:
        >>> split([0, 1, 2], [0, 2, 4]).scale
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
    """Root of the mean squared error, in the unit of the ratings, at least 0.

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
    """Both as float64 (n,), n at least 1, every number finite."""
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
    """Deviations from the mean; exactly 0 for a constant, which has none."""
    if values.min() == values.max():
        return np.zeros_like(values)  # 0.1 minus the mean of 0.1s need not be 0
    return np.asarray(values - values.mean())
