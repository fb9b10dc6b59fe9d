"""Adam for a model group, with separate learning rates and weight decays.

The arithmetic is torch's fused step (Kingma and Ba, 2015; decoupled weight decay after
Loshchilov and Hutter, 2019). A fused step has one learning rate. So neighbouring models
with equal rates are updated together in one call, and others in separate calls.

A vectorised loop rounds its remainder differently. So the values of a model are padded
to whole vectors, and no value depends on the model's neighbours.
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
LANES = 16  # float32 values in the widest vector of a processor


@dataclass(frozen=True)
class _Slot:
    """One parameter of neighbouring models that are updated together."""

    name: str
    values: Tensor  # (models, n), padded; a view of the parameters of all models
    first: Tensor  # (models, n), first moments
    second: Tensor  # (models, n), second moments
    count: Tensor  # of steps, on the device as the fused step requires


class Adam:
    """Adam optimiser of a model group.

    Args:
        parameters: {name: (models, ...)}; only this object changes them
        settings: of each model; all use the optimiser of the first
    """

    def __init__(self, parameters: Mapping[str, Tensor], settings: Sequence[Settings]):
        self._kind = KINDS[settings[0].optimizer]
        self._rates = [(s.learning_rate, s.weight_decay) for s in settings]
        filled = {name: _pad_to_vectors(x.detach()) for name, x in parameters.items()}
        self._first = {name: torch.zeros_like(x) for name, x in filled.items()}
        self._second = {name: torch.zeros_like(x) for name, x in filled.items()}
        # There is one count for each call, because the fused step increases it.
        self._counts = {
            name: [torch.zeros((), device=x.device) for _ in self._rates]
            for name, x in parameters.items()
        }
        self._bind(parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients, and clear the gradients.

        Parameters without a gradient stay unchanged.
        """
        gradients = {
            name: _pad_to_vectors(x.grad)
            for name, x in self._parameters.items()
            if x.grad is not None
        }
        for models, slots in self._runs:
            updated = [slot for slot in slots if slot.name in gradients]
            rate, decay = self._rates[models.start]
            self._kind(
                [slot.values for slot in updated],
                [gradients[slot.name][models] for slot in updated],
                [slot.first for slot in updated],
                [slot.second for slot in updated],
                [],
                [slot.count for slot in updated],
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
        """Keep some of the models, in this order.

        Args:
            parameters: {name: (models, ...)} of these models only
            chosen: their indices before the call
        """
        places = list(chosen)
        self._rates = [self._rates[k] for k in places]
        self._first = {name: x[places] for name, x in self._first.items()}
        self._second = {name: x[places] for name, x in self._second.items()}
        # All models have taken the same number of steps.
        self._counts = {
            name: [counts[0].clone() for _ in places]
            for name, counts in self._counts.items()
        }
        self._bind(parameters)

    def _bind(self, parameters: Mapping[str, Tensor]) -> None:
        """Set the parameters, and group neighbouring models with equal rates."""
        self._parameters = dict(parameters)
        filled = {name: _pad_to_vectors(x.detach()) for name, x in parameters.items()}
        self._copies = {  # padded copies of parameters that do not fill whole vectors
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


def _pad_to_vectors(values: Tensor) -> Tensor:
    """Return values (models, n), padded to a multiple of `LANES` where needed."""
    flat = values.flatten(1)
    padding = -flat.shape[1] % LANES
    return functional.pad(flat, (0, padding)) if padding else flat
