"""Moving averages of the weights that are trained: what is scored and kept.

Steps on small batches wander about a good place rather than reach it; the mean of where
they were is nearer to it (Polyak and Juditsky, 1992, SIAM J. Control Optim. 30:838).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import TrainerCallback

EARLY = 10  # steps; an average of fewer forgets faster, or it would be of the beginning


class Averages(nn.Module):
    """Exponential averages of the trained parameters of a module.

    They are buffers, so that a state of the training, which holds the module's, has
    them too.

    Args:
        module: whose parameters are trained
        horizon: steps after which a weight counts 1/e
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
        found = dict(self.named_buffers())
        return [found[f"mean{number}"] for number in range(len(self._trained))]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after one more step."""
        steps = cast(Tensor, self.steps)
        steps += 1
        early = (1 + int(steps)) / (EARLY + int(steps))
        average: Any = get_ema_multi_avg_fn(min(self._share, early))
        average(self._means, self._trained, None)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The module has the averages for its weights, until the end of the block."""
        own = [values.detach().clone() for values in self._trained]
        self.adopt()
        try:
            yield
        finally:
            _copy(self._trained, own)

    def adopt(self) -> None:
        """The module has the averages for its weights, for good."""
        _copy(self._trained, self._means)


@torch.no_grad()
def _copy(into: list[Any], values: list[Tensor]) -> None:
    for place, value in zip(into, values, strict=True):
        place.copy_(value)


class Averaging(TrainerCallback):
    """Gives a module averages, and tells them of each step.

    Args:
        module: a `system.Tuned`
        horizon: as of `Averages`; 0 for no averages
    """

    def __init__(self, module: Any, horizon: float):
        self._module = module
        module.averages = Averages(module, horizon) if horizon else None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One more step was made."""
        if self._module.averages:
            self._module.averages.update()
