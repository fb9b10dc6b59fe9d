"""Affine maps of predictions: for the highest CCC and for the least squared error."""

from dataclasses import dataclass

import numpy as np

from affuse.fuse.scoring.metrics import pearson


@dataclass(frozen=True)
class AffineMap:
    """Affine map ``slope * prediction + offset`` with a slope that is not negative."""

    slope: float
    offset: float

    def __call__(self, predicted: np.ndarray) -> np.ndarray:
        """Return mapped predictions in the shape of `predicted`, which is arbitrary."""
        return self.slope * predicted + self.offset


IDENTITY = AffineMap(1.0, 0.0)


def concordant(truth: np.ndarray, predicted: np.ndarray) -> AffineMap:
    """Return the map that maximises the CCC with the truth.

    A slope a > 0 does not change the correlation r, so that ::

        CCC(a p + b) = 2 r a sd(t) sd(p)
                       / (sd(t)^2 + a^2 sd(p)^2 + (mean(t) - a mean(p) - b)^2)

    The maximum is r. It is reached where the last term is 0 and a = sd(t) / sd(p): the
    map gives predictions the mean and the standard deviation of the truth.

    Args:
        truth: (n,)
        predicted: (n,) in the same unit

    Returns:
        the map; `IDENTITY` if r is not positive, because then no slope above 0 helps
    """
    if not pearson(truth, predicted) > 0:  # also NaN, because one of both is constant
        return IDENTITY
    slope = float(truth.std() / predicted.std())
    return AffineMap(slope, float(truth.mean() - slope * predicted.mean()))


def least_squares(truth: np.ndarray, predicted: np.ndarray) -> AffineMap:
    """Return the map of least squared error; its slope is 0 if r is not positive.

    Args:
        truth: (n,)
        predicted: (n,) in the same unit
    """
    r = pearson(truth, predicted)
    slope = float(r * truth.std() / predicted.std()) if r > 0 else 0.0
    return AffineMap(slope, float(truth.mean() - slope * predicted.mean()))


def leave_one_out_errors(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the leave-one-out errors of `least_squares`.

    ::

        e_i / (1 - h_i)    h_i = 1 / n + (p_i - mean(p))^2 / sum((p - mean(p))^2)

    (Cook and Weisberg, 1982, Residuals and Influence in Regression, 2.2). The second
    term of h_i applies only if the slope is not 0. An error is not too small because
    the line was fitted to the same rating: the line leaves that rating out.

    Args:
        truth: (n,)
        predicted: (n,) in the same unit

    Returns:
        (n,) truth minus the map that is fitted to all other utterances
    """
    line, n = least_squares(truth, predicted), len(truth)
    leverage = np.full(n, 1 / n)
    if line.slope > 0:
        distance = (predicted - predicted.mean()) ** 2
        leverage += distance / distance.sum()
    # The bound avoids a division by 0 if one utterance alone determines the slope.
    return np.asarray((truth - line(predicted)) / np.maximum(1 - leverage, 1 / n))
