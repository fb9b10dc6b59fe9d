"""Loss functions: CCC loss, mean squared error, their mix, and reconstruction loss.

Every loss maps (..., batch, features) to (...). A plain batch gives a scalar; models
stacked along leading axes give one loss for each model, independent of the others. Rows
may have weights. A weight of 0 marks a row that only pads a batch; its values must be
finite.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from affuse.data.errors import AffuseError

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]

# The CCC of a small batch is biased low. In a simulation with a true CCC of .695, it
# averages .525 in batches of 4, .617 of 8, .677 of 32, .690 of 128.
SMALLEST_BATCH = 32  # utterances; in larger batches, the bias of the CCC is small

LEAST_SPREAD = 1e-8  # squared rating units; only constant batches are below it


def ccc_loss(prediction: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return one minus the batch's CCC, averaged over targets (equation 10).

    With weights w that are scaled to a sum of 1, it is ``1 - 2 c / s``, where
    ``c = sum_i w_i (p_i - m_p)(t_i - m_t)`` and
    ``s = sum_i w_i ((p_i - m_p)^2 + (t_i - m_t)^2) + (m_p - m_t)^2`` for the weighted
    means m. Equal weights give the moments divided by the batch size.

    Half precision is cast to float32, also inside autocast, because the denominator is
    a sum of small squares.

    The gradient is finite for every finite input. The denominator would vanish only
    where prediction and truth are the same constant, so `LEAST_SPREAD` bounds it from
    below; the CCC and its gradient are then 0. A constant prediction of a varying truth
    has a CCC of 0 and a gradient towards the truth.

    Args:
        prediction: (..., batch, targets)
        truth: (..., batch, targets), in the same unit
        weight: (..., batch) of the rows; None for equal weights

    Returns:
        (...), in [0, 2]; the gradient flows to the prediction only
    """
    with torch.autocast(prediction.device.type, enabled=False):
        p, t = _at_least_float32(prediction), _at_least_float32(truth)
        coefficients: Tensor = _Concordance.apply(p, t, _shares(p, weight))
        return 1 - coefficients.mean(dim=-1)


def mse(prediction: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean squared error over batch and targets.

    With weights w of rows, it is ``sum_i w_i (p_i - t_i)^2 / sum_i w_i``.

    Args:
        prediction: (..., batch, targets)
        truth: (..., batch, targets)
        weight: (..., batch) of the rows; None for equal weights

    Returns:
        (...), at least 0, in squared rating units
    """
    with torch.autocast(prediction.device.type, enabled=False):
        squares: Tensor = _Squares.apply(
            _at_least_float32(prediction), _at_least_float32(truth)
        )
        return _mean(squares.unsqueeze(-1), weight).squeeze(-1)


def mix(weight: float) -> Loss:
    """Return the loss ``weight * ccc_loss + (1 - weight) * mse``.

    Args:
        weight: weight of the CCC, in [0, 1]

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
    """Return one modality's term ``||F - D||^2`` of the sum in equation 7.

    It is the mean over features rather than their sum, so that its weight has the same
    effect for 768 and for 1024 features.

    Args:
        decoded: (..., batch, dim)
        original: (..., batch, dim)
        weight: (..., batch) of the rows; None for equal weights

    Returns:
        (...), at least 0
    """
    return mse(decoded, original, weight)


LOSSES: dict[str, Callable[[float], Loss]] = {
    "ccc": lambda weight: ccc_loss,
    "mse": lambda weight: mse,
    "mix": mix,
}


def loss(name: str, *, mix: float = 0.5) -> Loss:
    """Return the regression loss of a name, a function of prediction and truth.

    Args:
        name: one of `LOSSES`
        mix: weight of the CCC, for ``mix`` only

    Raises:
        AffuseError: if no loss has that name; the message lists the choices
    """
    if name not in LOSSES:
        raise AffuseError(f"no loss {name!r}: choose from {', '.join(LOSSES)}")
    return LOSSES[name](mix)


class _Concordance(torch.autograd.Function):
    """CCC of each target, with its gradient by the prediction in closed form.

    For weights v_i of the rows (which sum to 1), centred values p_i and t_i, and the
    difference d of the means, the CCC is ``2 c / s`` with c = sum v p t and
    s = sum v (p^2 + t^2) + d^2. Its derivative by a prediction is
    ``2 v_i (t_i - 2 c / s (p_i + d)) / s``.
    """

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, truth: Tensor, shares: Tensor) -> Tensor:
        """Return the CCC of each target.

        Args:
            ctx: storage for the backward pass
            prediction: (..., batch, targets)
            truth: (..., batch, targets)
            shares: (..., batch, 1) weights that sum to 1 over the batch

        Returns:
            (..., targets)
        """
        mean_p = (prediction * shares).sum(dim=-2, keepdim=True)
        mean_t = (truth * shares).sum(dim=-2, keepdim=True)
        p, t, shift = prediction - mean_p, truth - mean_t, mean_p - mean_t
        weighed = p * shares
        covariance = (weighed * t).sum(dim=-2, keepdim=True)
        squares = (weighed * p).sum(dim=-2, keepdim=True)
        squares = squares + (t * t * shares).sum(dim=-2, keepdim=True) + shift * shift
        spread = squares.clamp_min(LEAST_SPREAD)
        coefficient = 2 * covariance / spread
        # At the lower bound, the denominator does not depend on the prediction.
        slope = torch.where(squares < LEAST_SPREAD, 0, coefficient)
        ctx.save_for_backward(p + shift, t, shares, slope, spread)
        return coefficient.squeeze(-2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient by the prediction, and None for the other inputs.

        Args:
            ctx: tensors that the forward pass stored
            gradient: (..., targets) of the output

        Returns:
            (..., batch, targets), None, None
        """
        p, t, shares, slope, spread = ctx.saved_tensors
        scale = 2 * gradient.unsqueeze(-2) / spread
        return (t - slope * p) * (shares * scale), None, None


class _Squares(torch.autograd.Function):
    """Mean squared difference over features, computed in few passes over wide rows."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, truth: Tensor) -> Tensor:
        """Return the mean squared difference of each row.

        Args:
            ctx: storage for the backward pass
            prediction: (..., batch, features)
            truth: (..., batch, features)

        Returns:
            (..., batch)
        """
        difference = prediction - truth
        ctx.save_for_backward(difference)
        norm: Tensor = torch.linalg.vector_norm(difference, dim=-1)
        return norm.square() / difference.shape[-1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients by prediction and truth, None where none is needed.

        Args:
            ctx: tensors that the forward pass stored
            gradient: (..., batch) of the output

        Returns:
            (..., batch, features) each
        """
        (difference,) = ctx.saved_tensors
        slope = difference * (gradient * (2 / difference.shape[-1])).unsqueeze(-1)
        needed = ctx.needs_input_grad
        return slope if needed[0] else None, -slope if needed[1] else None


def _shares(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weights of the rows scaled to a sum of 1: (..., batch, 1)."""
    if weight is None:
        return values.new_full((values.shape[-2], 1), 1 / values.shape[-2])
    return (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(-1)


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weighted mean over the rows: (..., features)."""
    if weight is None:
        return values.mean(dim=-2)
    total = weight.sum(dim=-1, keepdim=True)
    return (values * weight.unsqueeze(-1)).sum(dim=-2) / total


def _at_least_float32(values: Tensor) -> Tensor:
    """Return values in float32, or unchanged if they are in float64."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
