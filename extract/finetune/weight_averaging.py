"""Exponential moving average (EMA) of the trained weights, which is scored and saved.

The noise of small batches keeps the weights at a distance from an optimum, and their
average is closer to it (Polyak and Juditsky, 1992, SIAM J. Control Optim. 30:838).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import TrainerCallback

DECAY_OFFSET = 10  # After n steps, the decay is at most (1 + n) / (DECAY_OFFSET + n).


class Averages(nn.Module):
    """EMA of the trained parameters of a module.

    The averages are buffers, so that checkpoints of the training include them.

    Args:
        module: with trained parameters
        horizon: number of steps after which the share of old weights has fallen to 1/e
    """

    def __init__(self, module: nn.Module, horizon: float):
        super().__init__()
        self._share = math.exp(-1 / horizon)
        self._trained = [p for p in module.parameters() if p.requires_grad]
        for number, values in enumerate(self._trained):
            self.register_buffer(f"mean{number}", values.detach().clone())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def _means(self) -> list[Tensor]:
        buffers = dict(self.named_buffers())
        return [buffers[f"mean{number}"] for number in range(len(self._trained))]

    @torch.no_grad()
    def update(self) -> None:
        """Update the averages with the weights after a step."""
        steps = cast(Tensor, self.steps)
        steps += 1
        early = (1 + int(steps)) / (DECAY_OFFSET + int(steps))
        average: Any = get_ema_multi_avg_fn(min(self._share, early))
        average(self._means, self._trained, None)

    @contextmanager
    def as_weights(self) -> Iterator[None]:
        """Use the averages as weights of the module until the end of the block."""
        weights = [values.detach().clone() for values in self._trained]
        self.adopt()
        try:
            yield
        finally:
            _copy(self._trained, weights)

    def adopt(self) -> None:
        """Replace the weights of the module by the averages permanently."""
        _copy(self._trained, self._means)


@torch.no_grad()
def _copy(into: list[Any], values: list[Tensor]) -> None:
    """Copy values into parameters."""
    for place, value in zip(into, values, strict=True):
        place.copy_(value)


class Averaging(TrainerCallback):
    """Callback of the Trainer that adds an EMA to a module, and updates it every step.

    Args:
        module: a `joint_system.JointModule`
        horizon: as for `Averages`; 0 for no EMA
    """

    def __init__(self, module: Any, horizon: float):
        self._module = module
        module.averages = Averages(module, horizon) if horizon else None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Update the averages after a step of the optimiser."""
        if self._module.averages:
            self._module.averages.update()
