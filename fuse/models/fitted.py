"""Records of a trained model: the module, its epochs, and their validation CCC."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from affuse.data.rating_scales import RATINGS
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.scoring import metrics


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training rows came to."""

    number: int  # from 1
    loss: float  # mean over batches
    reconstruction: float  # of it, equation 7 before weighting; 0 where there is none
    scores: tuple[float, ...]  # on the validation rows

    @property
    def score(self) -> float:
        """Their mean, which decides."""
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
        AffuseError: if a prediction is not finite, or a CCC is not defined
    """
    t, p = truth.cpu().numpy(), prediction.cpu().numpy()
    demand_defined(t, targets, part="validation")
    return tuple(metrics.ccc(t[:, k], p[:, k]) for k in range(t.shape[1]))


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about."""

    module: nn.Module  # {modality: (batch, dim)}, as cached -> (batch, targets)
    history: tuple[Epoch, ...]  # scores are the validation CCC of each rating
    # of each autoencoder that was trained before; scores are minus the loss
    pretraining: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Mean validation CCC of the weights that were kept."""
        return max(epoch.score for epoch in self.history)
