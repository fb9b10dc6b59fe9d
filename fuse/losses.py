"""What training minimises.

Every loss takes (..., batch, features) and returns (...): a plain batch gives a scalar,
models stacked along leading axes give one loss each, as if each were alone. Rows may be
weighed: a weight of 0 is a row that only fills up a batch, and it must be finite.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from affuse.data.errors import AffuseError

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# The CCC of a small batch is biased low. Simulated, where the true value is .695, it
# averages .525 in batches of 4, .617 of 8, .677 of 32, .690 of 128.
SMALLEST_BATCH = 32  # utterances; the gradient still leads to the CCC of all

LEAST_SPREAD = 1e-8  # squared rating units; only a batch without any variation has less


def ccc_loss(prediction: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """One minus the mean over targets of the batch's CCC, equation 10.

    Moments divide by the batch size, or by the sum of the weights. Half precision is
    cast up, inside autocast too: the denominator is a sum of small squares.

    The gradient is finite for every finite input. Only where prediction and truth are
    the same constant would the denominator vanish, so it is kept from falling below
    `LEAST_SPREAD`; then the CCC is 0 and so is its gradient. A constant prediction of
    a truth that varies has CCC 0 and a gradient towards the truth.

    Args:
        prediction: (..., batch, targets)
        truth: (..., batch, targets), in the same unit
        weight: (..., batch) of the rows; None for equal ones

    Returns:
        (...), in [0, 2]; only the prediction gets a gradient
    """
    with torch.autocast(prediction.device.type, enabled=False):
        p, t = _up(prediction), _up(truth)
        each: Tensor = _Concordance.apply(p, t, _shares(p, weight))
        return 1 - each.mean(dim=-1)


def mse(prediction: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared error over batch and targets.

    Args:
        prediction: (..., batch, targets)
        truth: (..., batch, targets)
        weight: (..., batch) of the rows; None for equal ones

    Returns:
        (...)
    """
    with torch.autocast(prediction.device.type, enabled=False):
        each: Tensor = _Squares.apply(_up(prediction), _up(truth))
        return _mean(each.unsqueeze(-1), weight).squeeze(-1)


def mix(weight: float) -> Loss:
    """``weight * ccc_loss + (1 - weight) * mse``

    Args:
        weight: of the CCC, in [0, 1]

    Raises:
        AffuseError: if the weight is outside [0, 1]
    """
    if not 0 <= weight <= 1:
        raise AffuseError(
            f"the weight of the ccc in a mixed loss is {weight}; it must be in [0, 1]"
        )

    def mixed(
        prediction: Tensor, truth: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        ccc = ccc_loss(prediction, truth, weights)
        squared = mse(prediction, truth, weights)
        return weight * ccc + (1 - weight) * squared

    return mixed


def reconstruction(
    decoded: Tensor, original: Tensor, weight: Tensor | None = None
) -> Tensor:
    """One modality's term of equation 7, which adds them: ``||F - D||^2``.

    The mean over features in place of the sum, so that the weight of this loss means
    the same for 768 features and for 1024.

    Args:
        decoded: (..., batch, dim)
        original: (..., batch, dim)
        weight: (..., batch) of the rows; None for equal ones

    Returns:
        (...)
    """
    return mse(decoded, original, weight)


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
        AffuseError: if there is none of that name; the sentence lists the choices
    """
    if name not in LOSSES:
        raise AffuseError(f"no loss {name!r}: choose from {', '.join(LOSSES)}")
    return LOSSES[name](mix)


class _Concordance(torch.autograd.Function):
    """The CCC of each target, with its derivative by the prediction in closed form.

    With shares v_i of the rows, centred values p_i and t_i, and the difference d of the
    means, the CCC is ``2 c / s``, of c = sum v p t and s = sum v (p^2 + t^2) + d^2; so
    its derivative by a prediction is ``2 v_i (t_i - 2 c / s (p_i + d)) / s``.
    """

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, truth: Tensor, shares: Tensor) -> Tensor:
        """(..., batch, targets) twice, (..., batch, 1) -> (..., targets)"""
        mean_p = (prediction * shares).sum(dim=-2, keepdim=True)
        mean_t = (truth * shares).sum(dim=-2, keepdim=True)
        p, t, apart = prediction - mean_p, truth - mean_t, mean_p - mean_t
        weighed = p * shares
        both = (weighed * t).sum(dim=-2, keepdim=True)
        squares = (weighed * p).sum(dim=-2, keepdim=True)
        squares = squares + (t * t * shares).sum(dim=-2, keepdim=True) + apart * apart
        spread = squares.clamp_min(LEAST_SPREAD)
        found = 2 * both / spread
        # where the spread is kept from falling it does not depend on the prediction
        slope = torch.where(squares < LEAST_SPREAD, 0, found)
        ctx.save_for_backward(p + apart, t, shares, slope, spread)
        return found.squeeze(-2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """(..., targets) -> (..., batch, targets)"""
        p, t, shares, slope, spread = ctx.saved_tensors
        scale = 2 * gradient.unsqueeze(-2) / spread
        return (t - slope * p) * (shares * scale), None, None


class _Squares(torch.autograd.Function):
    """Mean over features of squared differences, in few passes over wide rows."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, truth: Tensor) -> Tensor:
        """(..., batch, features) each -> (..., batch)"""
        difference = prediction - truth
        ctx.save_for_backward(difference)
        norm: Tensor = torch.linalg.vector_norm(difference, dim=-1)
        return norm.square() / difference.shape[-1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """(..., batch) -> (..., batch, features) each"""
        (difference,) = ctx.saved_tensors
        found = difference * (gradient * (2 / difference.shape[-1])).unsqueeze(-1)
        wanted = ctx.needs_input_grad
        return found if wanted[0] else None, -found if wanted[1] else None


def _shares(values: Tensor, weight: Tensor | None) -> Tensor:
    """Of each row in a mean over the rows of (..., batch, targets): (..., batch, 1)"""
    if weight is None:
        return values.new_full((values.shape[-2], 1), 1 / values.shape[-2])
    return (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(-1)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Over the rows: (..., batch, features), (..., batch) -> (..., features)"""
    if weight is None:
        return values.mean(dim=-2)
    total = weight.sum(dim=-1, keepdim=True)
    return (values * weight.unsqueeze(-1)).sum(dim=-2) / total


def _up(values: Tensor) -> Tensor:
    """Float32 at least; float64 stays."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
