"""Exponential moving average (EMA) of the weights of a model group.

Averages of the iterates have less noise than the last one (Polyak and Juditsky, 1992,
SIAM J. Control Optim. 30:838). The exponential form with bias correction is that of
Kingma and Ba (2015, Adam, section 7.2).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class WeightAverages:
    """EMA of the parameters of each model, corrected for its begin.

    After step t, the average of weights w is
    ``(1 - d) * sum_i d^(t - i) w_i / (1 - d^t)`` for a decay d. So the random initial
    weights have no share in it, and it equals the weights after the first step.

    All operations are elementwise and rounded once. So a model's averages do not depend
    on its neighbours in memory, as they might with fused operations.

    Args:
        parameters: {name: (models, ...)}
        decay: d, in (0, 1)
    """

    def __init__(self, parameters: Mapping[str, Tensor], decay: float):
        self._decay, self._steps = decay, 0
        self.means = {n: values.detach().clone() for n, values in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Mapping[str, Tensor]) -> None:
        """Update the averages after a step of the optimiser.

        Args:
            parameters: {name: (models, ...)} after the step
        """
        self._steps += 1
        share = (1 - self._decay) / (1 - self._decay**self._steps)
        for name, mean in self.means.items():
            if self._steps == 1:  # a sum would keep the rounding of initial weights
                mean.copy_(parameters[name])
                continue
            mean.add_((parameters[name] - mean).mul_(share))

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order.

        Args:
            chosen: their indices
        """
        indices = list(chosen)
        self.means = {name: values[indices] for name, values in self.means.items()}
