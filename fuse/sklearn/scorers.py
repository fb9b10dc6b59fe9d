"""Mean CCC as a score for scikit-learn's searches and regressors."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import make_scorer

from affuse.data.errors import AffuseError
from affuse.fuse.scoring import metrics


def mean_ccc(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Return the mean over ratings of the CCC, over all rows.

    Args:
        truth: (n,) or (n, targets), any unit
        prediction: of the same shape and unit

    Returns:
        agreement in [-1, 1]; NaN if truth and prediction are the same constant

    Raises:
        AffuseError: if the shapes differ, or a number is not finite

    Examples:
        >>> mean_ccc([[0, 1], [1, 2], [2, 3]], [[0, 3], [1, 2], [2, 1]])
        0.0
    """
    t, p = np.asarray(truth), np.asarray(prediction)
    if t.shape != p.shape:
        raise AffuseError(f"truth has shape {t.shape}, prediction {p.shape}")
    pairs = zip(np.atleast_2d(t.T), np.atleast_2d(p.T), strict=True)
    return float(np.mean([metrics.ccc(*pair) for pair in pairs]))


ccc_scorer = make_scorer(mean_ccc)  # for the argument ``scoring`` of a search
