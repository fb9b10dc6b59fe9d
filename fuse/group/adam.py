"""Adam for stacked models, each with a learning rate and weight decay of its own.

The arithmetic is torch's fused step (Kingma and Ba, 2015; decoupled weight decay after
Loshchilov and Hutter, 2019). It knows one rate, so models of equal rates that stand
side by side take it together, in one call, and others in calls of their own.

What is left over when a processor steps through numbers in lanes is rounded in another
way. So numbers of one model that do not fill the lanes are filled up: then none of them
depends on what stands beside it.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from fuse.settings import Settings

KINDS = {"adam": adam, "adamw": adamw}
LANES = 16  # float32 numbers that the widest processors take at once


class Adam:
    """Moments of every parameter, and steps.

    Args:
        parameters: {name: (models, ...)}
        settings: of each model; the optimizer of the first is that of all
    """

    def __init__(self, parameters: Mapping[str, Tensor], settings: Sequence[Settings]):
        self._kind = KINDS[settings[0].optimizer]
        self._rates = [(s.learning_rate, s.weight_decay) for s in settings]
        self._first = {n: torch.zeros_like(_filled(x)) for n, x in parameters.items()}
        self._second = {n: torch.zeros_like(x) for n, x in self._first.items()}
        # numbers of steps, on the device because the fused step wants them there; one
        # for each run of equal rates, as that step counts them up
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
        reached = {n: x for n, x in self._parameters.items() if x.grad is not None}
        values = {n: _filled(x.detach()) for n, x in reached.items()}
        gradients = {
            n: _filled(x.grad) for n, x in reached.items() if x.grad is not None
        }
        for run, models in enumerate(self._runs):
            self._kind(
                [x[models] for x in values.values()],
                [x[models] for x in gradients.values()],
                [self._first[n][models] for n in reached],
                [self._second[n][models] for n in reached],
                [],
                [self._counts[n][run] for n in reached],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self._rates[models.start][0],
                weight_decay=self._rates[models.start][1],
                eps=1e-8,
                maximize=False,
            )
        for name, parameter in reached.items():
            if values[name].data_ptr() != parameter.data_ptr():
                count = parameter[0].numel()
                parameter.copy_(values[name][:, :count].view_as(parameter))
            parameter.grad = None

    def keep(self, parameters: Mapping[str, Tensor], chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order.

        Args:
            parameters: those of these models alone
            chosen: their places so far
        """
        places = list(chosen)
        self._rates = [self._rates[k] for k in places]
        self._first = {name: x[places] for name, x in self._first.items()}
        self._second = {name: x[places] for name, x in self._second.items()}
        # all models have taken as many steps as the first
        self._counts = {
            name: [counts[0].clone() for _ in places]
            for name, counts in self._counts.items()
        }
        self._bind(parameters)

    def _bind(self, parameters: Mapping[str, Tensor]) -> None:
        """Parameters as they are now, and which models take a step together."""
        self._parameters = dict(parameters)
        self._runs, start = list[slice](), 0
        for _, equal in groupby(self._rates):
            stop = start + len(list(equal))
            self._runs.append(slice(start, stop))
            start = stop


def _filled(values: Tensor) -> Tensor:
    """(models, ...) -> (models, n), n a multiple of `LANES`; itself where it is one."""
    flat = values.flatten(1)
    lacking = -flat.shape[1] % LANES
    return functional.pad(flat, (0, lacking)) if lacking else flat
