"""Records of a trained model: the module, its epochs, and their validation CCC.

Training itself is in `affuse.fuse.training`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from affuse.data.rating_scales import RATINGS
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.scoring import metrics


@dataclass(frozen=True)
class Epoch:
    """Losses and scores of one pass over the training rows."""

    number: int  # from 1
    loss: float  # mean over batches
    reconstruction: float  # part of the loss, equation 7 unweighted; 0 without one
    scores: tuple[float, ...]  # on the validation rows

    @property
    def score(self) -> float:
        """Mean score, by which the best checkpoint is chosen."""
        return sum(self.scores) / len(self.scores)


def ccc(
    truth: Tensor, prediction: Tensor, *, targets: tuple[str, ...] = RATINGS
) -> tuple[float, ...]:
    """Return the validation CCC of each rating over all rows.

    Args:
        truth: (n, targets)
        prediction: (n, targets)
        targets: names of the columns, for errors

    Raises:
        AffuseError: if a prediction is not finite, or a CCC is undefined
    """
    t, p = truth.cpu().numpy(), prediction.cpu().numpy()
    demand_defined(t, targets, part="validation")
    return tuple(metrics.ccc(t[:, k], p[:, k]) for k in range(t.shape[1]))


@dataclass(frozen=True)
class Fitted:
    """Trained model with the history of its training."""

    module: nn.Module  # {modality: (batch, dim)}, as cached -> (batch, targets)
    history: tuple[Epoch, ...]  # scores are the validation CCC of each rating
    # of each pretrained autoencoder; scores are minus the loss
    pretraining: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Mean validation CCC of the best checkpoint."""
        return max(epoch.score for epoch in self.history)
