"""Ridge regression of one rating on predictions and codes, its penalty by folds.

::

    fitted(a) = mean(t) + K (K + n a I)^-1 (t - mean(t))        K = Z Z'

for the standardised inputs Z of n clips and a penalty a (Hoerl and Kennard, 1970). The
predictions of all ratings and all codes together have equal weight: each code is
divided by the square root of their number. For the held-out clips h of a fold, the
errors follow from the hat matrix H of the fit to all clips, without another fit::

    t_h - prediction_h = (I - H_hh)^-1 (t_h - fitted_h)

(Cook and Weisberg, 1982, Residuals and Influence in Regression, 2.2, for blocks).
"""

from dataclasses import dataclass, replace

import numpy as np

from affuse.fuse.adaptation.clip_inputs import ClipInputs, Division
from affuse.fuse.adaptation.rating_maps import RidgeMap, shrunken_map, standardise
from affuse.fuse.scoring.metrics import pearson

PENALTIES = np.logspace(-3, 2, 11)  # per clip


@dataclass(frozen=True)
class RidgeFit:
    """Fitted regression, and its predictions of clips that were held out."""

    ridge: RidgeMap
    held_out: np.ndarray  # (n,) predictions by regressions without the clip's fold


@dataclass(frozen=True)
class RidgeKernel:
    """Eigendecomposition of K = Z Z' that serves all penalties."""

    inputs: np.ndarray  # Z: (n, features), centred, weighted
    values: np.ndarray  # (n,) eigenvalues, at least 0
    vectors: np.ndarray  # (n, n)

    def hat(self, penalty: float) -> np.ndarray:
        """Return the hat matrix with an unpenalised intercept: (n, n)."""
        n = len(self.values)
        shrunk = self.values / (self.values + n * penalty)
        return np.asarray((self.vectors * shrunk) @ self.vectors.T + 1 / n)

    def weights(self, truth: np.ndarray, penalty: float) -> np.ndarray:
        """Return the weights of the inputs: (features,)."""
        n = len(self.values)
        projected = self.vectors.T @ (truth - truth.mean())
        dual = self.vectors @ (projected / (self.values + n * penalty))
        return np.asarray(self.inputs.T @ dual)


def fit_ridge(truth: np.ndarray, inputs: ClipInputs, folds: Division) -> RidgeFit:
    """Return the regression whose held-out predictions correlate best with the ratings.

    Its predictions are then mapped to the highest CCC, by a line that is fitted to the
    held-out predictions, because those of the fitted clips vary too little.

    Args:
        truth: (n,) ratings
        inputs: of the n clips, all with codes
        folds: division of the clips, of which the errors choose the penalty
    """
    assert inputs.codes is not None
    targets, size = inputs.mean.shape[1], inputs.codes.shape[1]
    joined = np.hstack([inputs.mean, inputs.codes])
    centre, scale = joined.mean(axis=0), joined.std(axis=0)
    scale[~(scale > 1e-9 * (1 + np.abs(centre)))] = 1.0  # a constant has no weight
    balance = np.concatenate([np.ones(targets), np.full(size, size**-0.5)])
    kernel = _decompose(standardise(joined, centre, scale) * balance)
    candidates = [_held_out(truth, kernel.hat(a), folds) for a in PENALTIES]
    scores = np.nan_to_num([pearson(truth, each) for each in candidates], nan=-1.0)
    best = int(np.argmax(scores))
    weights = kernel.weights(truth, float(PENALTIES[best])) * balance
    shift = standardise(joined, centre, scale).mean(axis=0) @ weights
    ridge = RidgeMap(centre, scale, weights, float(truth.mean() - shift))
    return _mapped(truth, ridge, candidates[best])


def _decompose(inputs: np.ndarray) -> RidgeKernel:
    """Return the eigendecomposition for (n, features) inputs, which it centres."""
    centred = inputs - inputs.mean(axis=0)  # clipping may have moved the mean
    values, vectors = np.linalg.eigh(centred @ centred.T)
    return RidgeKernel(centred, np.maximum(values, 0), vectors)


def _held_out(truth: np.ndarray, hat: np.ndarray, folds: Division) -> np.ndarray:
    """Return the predictions of each fold by a fit to the others: (n,)."""
    errors = truth - hat @ truth
    predicted = np.empty_like(truth)
    for _, held in folds:
        left = np.eye(len(held)) - hat[np.ix_(held, held)]
        predicted[held] = truth[held] - np.linalg.solve(left, errors[held])
    return predicted


def _mapped(truth: np.ndarray, ridge: RidgeMap, held_out: np.ndarray) -> RidgeFit:
    """Return the regression followed by the map of its held-out predictions."""
    line = shrunken_map(truth, held_out)
    moved = replace(
        ridge,
        weights=line.slope * ridge.weights,
        intercept=line.slope * ridge.intercept + line.offset,
    )
    return RidgeFit(moved, line(held_out))
