"""Decision-level (late) fusion: unimodal models and the weights of their predictions.

============ ==========================================================================
``latemean`` the mean of the predictions
``lateccc``  for each rating, the non-negative weights of highest CCC
``stacking`` each rating from all ratings of all models, by ridge regression (Wolpert,
             1992, Neural Networks 5:241; Breiman, 1996, Machine Learning 24:49)
============ ==========================================================================

The models are the designs ``audio`` and ``text``, trained separately. Weights are
fitted on out-of-fold predictions, see
`affuse.fuse.models.trainable.decision_fitting`.

Weights of highest CCC
----------------------
Let y be the predictions, with means m and covariance S. Let t be the truth, with
variance v and covariance g with the predictions. The CCC of ``w'y + c`` is::

    2 w'g / (v + w'S w + (mean(t) - w'm - c)^2)

For any w, ``c = mean(t) - w'm`` is optimal, because the last term is then 0. Along a
direction d, with ``w = a d``, the CCC is highest where the fused prediction has the
variance of the truth, ``a^2 d'S d = v``. It is then the correlation of ``d'y`` with t.
So the optimal direction is that of highest correlation, which is that of least squares,
``d = S^-1 g``; for non-negative weights, that of non-negative least squares. The CCC
equals the multiple correlation, because shift and scale no longer differ (Lin, 1989).
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

DECISIONS = ("latemean", "lateccc", "stacking")
MODALITIES = ("audio", "text")  # also the names of the unimodal designs
PENALTIES = np.logspace(-3, 3, 13)  # of stacking; leave-one-out error chooses one


class DecisionFusion(nn.Module):
    """Weighted sum of the predictions of unimodal models, initially their mean.

    Args:
        bases: {modality: model}
        targets: number of ratings that each model predicts
    """

    def __init__(self, bases: Mapping[str, nn.Module], *, targets: int):
        super().__init__()
        self.bases = nn.ModuleDict(bases)
        self.weigh = nn.Linear(len(bases) * targets, targets)
        with torch.no_grad():
            mean = torch.eye(targets).repeat(1, len(bases)) / len(bases)
            self.weigh.weight.copy_(mean)
            self.weigh.bias.zero_()

    def base_predictions(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions of all models, concatenated by model.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, bases * targets)
        """
        return torch.cat([base(features) for base in self.bases.values()], dim=1)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the fused predictions.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, targets), on the scale of the ratings
        """
        fused: Tensor = self.weigh(self.base_predictions(features))
        return fused


def ccc_weights(
    predictions: np.ndarray, truth: np.ndarray, *, nonnegative: bool = False
) -> tuple[np.ndarray, float]:
    """Return the weights and the constant that maximise the CCC on these rows.

    Args:
        predictions: (n, models) predictions
        truth: (n,) in any unit
        nonnegative: require weights of at least 0

    Returns:
        weights (models,) and the constant; the weights are 0 if no prediction
        correlates with the truth, because then no weights improve on a constant
    """
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression(positive=nonnegative).fit(predictions, truth)
    return scale_to_ccc(fitted.coef_, predictions, truth)


def stacking_weights(
    predictions: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return ridge weights on standardised predictions, scaled to the highest CCC.

    Args:
        predictions: (n, models * ratings) predictions
        truth: (n,) in any unit

    Returns:
        weights (models * ratings,) and the constant
    """
    from sklearn.linear_model import RidgeCV

    spread = predictions.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    fitted = RidgeCV(PENALTIES).fit(
        (predictions - predictions.mean(axis=0)) / spread, truth
    )
    return scale_to_ccc(fitted.coef_ / spread, predictions, truth)


def scale_to_ccc(
    direction: np.ndarray, predictions: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the weights and the constant of highest CCC along a direction.

    The fused prediction has the mean and the variance of the truth.

    Args:
        direction: (models,)
        predictions: (n, models) predictions
        truth: (n,) in any unit

    Returns:
        weights (models,) and the constant
    """
    spread = (predictions @ direction).std()
    # If the truth does not correlate with any prediction, this is a rounding error.
    idle = spread <= 1e-9 * (
        np.abs(predictions).max() * np.abs(direction).sum() + 1e-30
    )
    weights = np.zeros_like(direction) if idle else direction * truth.std() / spread
    return weights, float(truth.mean() - predictions.mean(axis=0) @ weights)
