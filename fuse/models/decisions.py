"""Late fusion as decisions: models of one modality each, and weights for what they say.

============ ==========================================================================
``latemean`` the mean of what they say
``lateccc``  for each rating, the weights of highest CCC, none of them negative
``stacking`` each rating from all ratings of all models, by ridge regression (Wolpert,
             1992, Neural Networks 5:241; Breiman, 1996, Machine Learning 24:49)
============ ==========================================================================

The models are the designs ``audio`` and ``text``, each trained for itself. Weights are
fitted on what models say of utterances they were not trained on, see
`affuse.fuse.models.trainable.decision_fitting`.

The weights of highest CCC
--------------------------
Of votes y with means m and covariance S, and of a truth t with variance v and
covariance g with the votes, the CCC of ``w'y + c`` is::

    2 w'g / (v + w'S w + (mean(t) - w'm - c)^2)

Whatever w is, ``c = mean(t) - w'm`` is best: the last term is 0. Along a direction d,
``w = a d``, the rest is highest where the fused vote varies as much as the truth, ``a^2
d'S d = v``, and then it is the correlation of ``d'y`` with t. So the best direction is
that of highest correlation, which is that of least squares, ``d = S^-1 g``; among
non-negative weights, that of non-negative least squares. The CCC that is reached is the
multiple correlation: what is left is neither shift nor scale (Lin, 1989).
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

DECISIONS = ("latemean", "lateccc", "stacking")
MODALITIES = ("audio", "text")  # each also the name of the design that decides
PENALTIES = np.logspace(-3, 3, 13)  # of the stacker, chosen by leaving one row out


class Decisions(nn.Module):
    """A weighted sum of what models of one modality say; at first, their mean.

    Args:
        bases: {modality: a model of it}
        targets: ratings that each of them predicts
    """

    def __init__(self, bases: Mapping[str, nn.Module], *, targets: int):
        super().__init__()
        self.bases = nn.ModuleDict(bases)
        self.weigh = nn.Linear(len(bases) * targets, targets)
        with torch.no_grad():
            mean = torch.eye(targets).repeat(1, len(bases)) / len(bases)
            self.weigh.weight.copy_(mean)
            self.weigh.bias.zero_()

    def votes(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, bases * targets), by base"""
        return torch.cat([base(features) for base in self.bases.values()], dim=1)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, targets)"""
        found: Tensor = self.weigh(self.votes(features))
        return found


def ccc_weights(
    votes: np.ndarray, truth: np.ndarray, *, nonnegative: bool = False
) -> tuple[np.ndarray, float]:
    """The weights and the constant that maximise the CCC on these rows.

    Args:
        votes: (n, models) predictions
        truth: (n,) in any unit
        nonnegative: no weight below 0

    Returns:
        weights (models,) and the constant; weights 0 if no vote correlates with the
        truth, for then no weights do better than a constant
    """
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression(positive=nonnegative).fit(votes, truth)
    return scaled(fitted.coef_, votes, truth)


def stacking_weights(votes: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """The direction of ridge regression on standardised votes, with the best scale.

    Args:
        votes: (n, models * ratings) predictions
        truth: (n,) in any unit

    Returns:
        weights (models * ratings,) and the constant
    """
    from sklearn.linear_model import RidgeCV

    spread = votes.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    fitted = RidgeCV(PENALTIES).fit((votes - votes.mean(axis=0)) / spread, truth)
    return scaled(fitted.coef_ / spread, votes, truth)


def scaled(
    direction: np.ndarray, votes: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, float]:
    """Along a direction, the weights of highest CCC: equal variance, equal mean."""
    spread = (votes @ direction).std()
    # rounding alone, where the truth does not vary with any vote
    idle = spread <= 1e-9 * (np.abs(votes).max() * np.abs(direction).sum() + 1e-30)
    weights = np.zeros_like(direction) if idle else direction * truth.std() / spread
    return weights, float(truth.mean() - votes.mean(axis=0) @ weights)
