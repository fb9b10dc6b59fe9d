"""Lines that correct predictions: one for the highest CCC, one for the least error."""

from dataclasses import dataclass

import numpy as np

from affuse.fuse.scoring.metrics import pearson


@dataclass(frozen=True)
class AffineMap:
    """``slope * prediction + offset``; the slope is never negative."""

    slope: float
    offset: float

    def __call__(self, predicted: np.ndarray) -> np.ndarray:
        """Of any shape."""
        return self.slope * predicted + self.offset


IDENTITY = AffineMap(1.0, 0.0)


def concordant(truth: np.ndarray, predicted: np.ndarray) -> AffineMap:
    """The line of the highest CCC with the truth.

    A slope a > 0 leaves the correlation r as it is, so that ::

        CCC(a p + b) = 2 r a sd(t) sd(p)
                       / (sd(t)^2 + a^2 sd(p)^2 + (mean(t) - a mean(p) - b)^2)

    which is highest, and r, where the last term is 0 and a = sd(t) / sd(p): the line
    gives predictions the mean and deviation of the truth.

    Args:
        truth: (n,)
        predicted: (n,) in the same unit

    Returns:
        `IDENTITY` where r is not positive: no slope above 0 helps there
    """
    if not pearson(truth, predicted) > 0:  # nan, where one is constant, is not
        return IDENTITY
    slope = float(truth.std() / predicted.std())
    return AffineMap(slope, float(truth.mean() - slope * predicted.mean()))


def least_squares(truth: np.ndarray, predicted: np.ndarray) -> AffineMap:
    """The line of the least squared error; flat where r is not positive."""
    r = pearson(truth, predicted)
    slope = float(r * truth.std() / predicted.std()) if r > 0 else 0.0
    return AffineMap(slope, float(truth.mean() - slope * predicted.mean()))


def left_out(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Errors of every utterance by `least_squares` of all the others.

    ::

        e_i / (1 - h_i)    h_i = 1 / n + (p_i - mean(p))^2 / sum((p - mean(p))^2)

    (Cook and Weisberg, 1982, Residuals and Influence in Regression, 2.2), the second
    term of h_i only where the line is not flat. So an error is never the smaller for
    the line having seen its rating.

    Returns:
        (n,) truth less line
    """
    line, n = least_squares(truth, predicted), len(truth)
    leverage = np.full(n, 1 / n)
    if line.slope > 0:
        away = (predicted - predicted.mean()) ** 2
        leverage += away / away.sum()
    # one utterance that alone decides the slope would have no error at all
    return np.asarray((truth - line(predicted)) / np.maximum(1 - leverage, 1 / n))
