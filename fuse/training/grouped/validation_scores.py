"""The validation CCC of many models at once, in float64, on the device.

`affuse.fuse.scoring.metrics` has the numbers that are reported; these are equal to them
within rounding, and only decide when a training stops.
"""

from torch import Tensor


def ccc(prediction: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """The CCC of each model and rating over all of its rows, moments divided by n.

    Sums are taken block by block, then from block to block: blocks of weight 0 at the
    end change no bit on a CPU.

    Args:
        prediction: (models, blocks, batch, targets)
        truth: same
        weight: (models, blocks, batch), 1 for a row and 0 for none

    Returns:
        (models, targets), float64; nan where a prediction is not finite
    """
    weight = weight[:, None].double()  # (models, 1, blocks, batch)
    p, t = (x.double().movedim(-1, 1) for x in (prediction, truth))
    rows = _total(weight)

    def mean(values: Tensor) -> Tensor:
        return _total(values * weight) / rows

    mean_p, mean_t = mean(p), mean(t)
    p = (p - mean_p[..., None, None]) * weight
    t = (t - mean_t[..., None, None]) * weight
    spread = mean(p.square()) + mean(t.square()) + (mean_p - mean_t).square()
    return 2 * mean(p * t) / spread


def _total(values: Tensor) -> Tensor:
    """(models, targets, blocks, batch) -> (models, targets)"""
    return values.contiguous().sum(dim=-1).cumsum(dim=-1)[..., -1]
