"""What training minimises.

Every loss takes (..., batch, features) and returns (...): a plain batch gives a scalar,
models stacked along leading axes give one loss each, as if each were alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]

# The CCC of a small batch is biased low. Simulated, where the true value is .695, it
# averages .525 in batches of 4, .617 of 8, .677 of 32, .690 of 128.
SMALLEST_BATCH = 128  # utterances

LEAST_SPREAD = 1e-8  # squared rating units; only a batch without any variation has less


def ccc_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """One minus the mean over targets of the batch's CCC, equation 10.

    Moments divide by the batch size. Half precision is cast up, inside autocast too:
    the denominator is a sum of small squares.

    The gradient is finite for every finite input. Only where prediction and truth are
    the same constant would the denominator vanish, so it is kept from falling below
    `LEAST_SPREAD`; then the CCC is 0 and so is its gradient. A constant prediction of
    a truth that varies has CCC 0 and a gradient towards the truth.

    Args:
        prediction: (..., batch, targets)
        truth: (..., batch, targets), in the same unit

    Returns:
        (...), in [0, 2]
    """
    with torch.autocast(prediction.device.type, enabled=False):
        p, t = _up(prediction), _up(truth)
        shift = p.mean(dim=-2) - t.mean(dim=-2)  # (..., targets)
        p = p - p.mean(dim=-2, keepdim=True)
        t = t - t.mean(dim=-2, keepdim=True)
        spread = p.square().mean(dim=-2) + t.square().mean(dim=-2) + shift.square()
        each = 2 * (p * t).mean(dim=-2) / spread.clamp_min(LEAST_SPREAD)
        return 1 - each.mean(dim=-1)


def mse(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error over batch and targets: (..., batch, targets) -> (...)"""
    with torch.autocast(prediction.device.type, enabled=False):
        return (_up(prediction) - _up(truth)).square().mean(dim=(-2, -1))


def mix(weight: float) -> Loss:
    """``weight * ccc_loss + (1 - weight) * mse``

    Args:
        weight: of the CCC, in [0, 1]

    Raises:
        ValueError: if the weight is outside [0, 1]
    """
    if not 0 <= weight <= 1:
        raise ValueError(
            f"the weight of the ccc in a mixed loss is {weight}; it must be in [0, 1]"
        )

    def mixed(prediction: Tensor, truth: Tensor) -> Tensor:
        parts = ccc_loss(prediction, truth), mse(prediction, truth)
        return weight * parts[0] + (1 - weight) * parts[1]

    return mixed


def reconstruction(decoded: Tensor, original: Tensor) -> Tensor:
    """One modality's term of equation 7, which adds them: ``||F - D||^2``.

    The mean over features in place of the sum, so that the weight of this loss means
    the same for 768 features and for 1024.

    Args:
        decoded: (..., batch, dim)
        original: (..., batch, dim)

    Returns:
        (...)
    """
    return mse(decoded, original)


LOSSES: dict[str, Callable[[float], Loss]] = {
    "ccc": lambda weight: ccc_loss,
    "mse": lambda weight: mse,
    "mix": mix,
}


def loss(name: str, *, mix: float = 0.5) -> Loss:
    """The regression loss of that name, a function of prediction and truth.

    Args:
        name: one of `LOSSES`
        mix: weight of the CCC, for ``mix`` only

    Raises:
        ValueError: if there is none of that name; the sentence lists the choices
    """
    if name not in LOSSES:
        raise ValueError(f"no loss {name!r}: choose from {', '.join(LOSSES)}")
    return LOSSES[name](mix)


def _up(values: Tensor) -> Tensor:
    """Float32 at least; float64 stays."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
