"""Validation CCC of many models at once, in float64, on the training device.

Reported scores are computed in `affuse.fuse.scoring.metrics`. The scores here are equal
within rounding; they only choose the best checkpoint and stop the training.
"""

from torch import Tensor


def ccc(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the CCC of each model and rating over all rows, with moments divided by n.

    Sums are taken within blocks, then over blocks. So blocks of weight 0 at the end do
    not change the result on a CPU.

    Args:
        prediction: (models, blocks, batch, targets)
        truth: (models, blocks, batch, targets)
        weight: (models, blocks, batch), 1 for a row and 0 for padding

    Returns:
        (models, targets), float64; nan where a prediction is not finite
    """
    weight = weight[:, None].double()  # (models, 1, blocks, batch)
    p, t = (x.double().movedim(-1, 1) for x in (prediction, truth))
    rows = _total(weight)

    def mean(values: Tensor) -> Tensor:
        """Return the weighted mean over rows."""
        return _total(values * weight) / rows

    mean_p, mean_t = mean(p), mean(t)
    p = (p - mean_p[..., None, None]) * weight
    t = (t - mean_t[..., None, None]) * weight
    spread = mean(p.square()) + mean(t.square()) + (mean_p - mean_t).square()
    return 2 * mean(p * t) / spread


def _total(values: Tensor) -> Tensor:
    """Return the sum over blocks and rows: (models, targets)."""
    return values.contiguous().sum(dim=-1).cumsum(dim=-1)[..., -1]
