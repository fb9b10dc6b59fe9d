"""Adam for stacked models, each with a learning rate and weight decay of its own.

The arithmetic is torch's fused step (Kingma and Ba, 2015; decoupled weight decay after
Loshchilov and Hutter, 2019). It knows one rate, so models of equal rates that stand
side by side take it together, in one call, and others in calls of their own.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from fuse.settings import Settings

KINDS = {"adam": adam, "adamw": adamw}


class Adam:
    """Moments of every parameter, and steps.

    Args:
        parameters: {name: (models, ...)}
        settings: of each model; the optimizer of the first is that of all
    """

    def __init__(self, parameters: Mapping[str, Tensor], settings: Sequence[Settings]):
        self._step = KINDS[settings[0].optimizer]
        self._rates = [(s.learning_rate, s.weight_decay) for s in settings]
        zeros = {name: torch.zeros_like(x) for name, x in parameters.items()}
        self._first = {name: x.detach().clone() for name, x in zeros.items()}
        self._second = {name: x.detach() for name, x in zeros.items()}
        # float32 counts, on the device, because the fused step wants them there
        self._counts = {
            name: [torch.zeros((), device=x.device) for _ in self._rates]
            for name, x in parameters.items()
        }
        self._bind(parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Go downhill along the gradients, which are then forgotten.

        Parameters without a gradient stay exactly as they are.
        """
        reached = [n for n, x in self._parameters.items() if x.grad is not None]
        for models, (rate, decay) in self._runs:
            self._step(
                [self._parameters[n].detach()[models] for n in reached],
                [self._gradient(n)[models] for n in reached],
                [self._first[n][models] for n in reached],
                [self._second[n][models] for n in reached],
                [],
                [self._counts[n][models.start] for n in reached],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=decay,
                eps=1e-8,
                maximize=False,
            )
        for values in self._parameters.values():
            values.grad = None

    def keep(self, parameters: Mapping[str, Tensor], chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order.

        Args:
            parameters: those of these models alone
            chosen: their places so far
        """
        places = list(chosen)
        starts = {k: run.start for run, _ in self._runs for k in range(run.stop)[run]}
        self._rates = [self._rates[k] for k in places]
        self._first = {name: x[places] for name, x in self._first.items()}
        self._second = {name: x[places] for name, x in self._second.items()}
        self._counts = {
            name: [counts[starts[k]].clone() for k in places]
            for name, counts in self._counts.items()
        }
        self._bind(parameters)

    def _bind(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = dict(parameters)
        self._runs = []  # of equal rates: slice of models, rates
        start = 0
        for rates, models in groupby(self._rates):
            stop = start + len(list(models))
            self._runs.append((slice(start, stop), rates))
            start = stop

    def _gradient(self, name: str) -> Tensor:
        gradient = self._parameters[name].grad
        assert gradient is not None
        return gradient
