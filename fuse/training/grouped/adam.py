"""Adam for stacked models, each with a learning rate and weight decay of its own.

The arithmetic is torch's fused step (Kingma and Ba, 2015; decoupled weight decay after
Loshchilov and Hutter, 2019). It knows one rate, so models of equal rates that stand
side by side take it together, in one call, and others in calls of their own.

What is left over when a processor steps through numbers in lanes is rounded in another
way. So numbers of one model that do not fill the lanes are filled up: then none of them
depends on what stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from affuse.fuse.settings import Settings

KINDS = {"adam": adam, "adamw": adamw}
LANES = 16  # float32 numbers that the widest processors take at once


@dataclass(frozen=True)
class _Slot:
    """One parameter of the models that take a step together."""

    name: str
    values: Tensor  # (models, n), filled; they share memory with the whole
    first: Tensor  # moments, likewise
    second: Tensor
    count: Tensor  # of steps, on the device because the fused step wants it there


class Adam:
    """Moments of every parameter, and steps.

    Args:
        parameters: {name: (models, ...)}; nobody else changes them
        settings: of each model; the optimizer of the first is that of all
    """

    def __init__(self, parameters: Mapping[str, Tensor], settings: Sequence[Settings]):
        self._kind = KINDS[settings[0].optimizer]
        self._rates = [(s.learning_rate, s.weight_decay) for s in settings]
        filled = {name: _filled(x.detach()) for name, x in parameters.items()}
        self._first = {name: torch.zeros_like(x) for name, x in filled.items()}
        self._second = {name: torch.zeros_like(x) for name, x in filled.items()}
        # one for each run of equal rates, as the fused step counts them up
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
        gradients = {
            name: _filled(x.grad)
            for name, x in self._parameters.items()
            if x.grad is not None
        }
        for models, slots in self._runs:
            reached = [slot for slot in slots if slot.name in gradients]
            rate, decay = self._rates[models.start]
            self._kind(
                [slot.values for slot in reached],
                [gradients[slot.name][models] for slot in reached],
                [slot.first for slot in reached],
                [slot.second for slot in reached],
                [],
                [slot.count for slot in reached],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=decay,
                eps=1e-8,
                maximize=False,
            )
        for name in gradients:
            parameter = self._parameters[name]
            if name in self._copies:
                parameter.copy_(self._copies[name])
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
        filled = {name: _filled(x.detach()) for name, x in parameters.items()}
        self._copies = {  # what is stepped where that is not the parameter's own memory
            name: filled[name][:, : x[0].numel()].view_as(x)
            for name, x in parameters.items()
            if filled[name].data_ptr() != x.data_ptr()
        }
        self._runs, start = list[tuple[slice, list[_Slot]]](), 0
        for _, equal in groupby(self._rates):
            models = slice(start, start + len(list(equal)))
            slots = [
                _Slot(
                    name,
                    x[models],
                    self._first[name][models],
                    self._second[name][models],
                    self._counts[name][len(self._runs)],
                )
                for name, x in filled.items()
            ]
            self._runs.append((models, slots))
            start = models.stop


def _filled(values: Tensor) -> Tensor:
    """(models, ...) -> (models, n), n a multiple of `LANES`; itself where it is one."""
    flat = values.flatten(1)
    lacking = -flat.shape[1] % LANES
    return functional.pad(flat, (0, lacking)) if lacking else flat
