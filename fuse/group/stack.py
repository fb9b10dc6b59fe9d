"""Modules of one shape as one: their weights on a leading axis, a call for all.

A module stays an ordinary `nn.Module` for one model. `torch.vmap` turns each of its
products into a batched one, and every `nn.Dropout` draws for each model apart.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from fuse.group.streams import STEPS, Masks, kept, masked


class Stack:
    """Models that differ in their numbers alone.

    Args:
        modules: of one class and equal shapes; they are copied
        masks: what their dropout draws from
    """

    def __init__(self, modules: Sequence[nn.Module], masks: Masks):
        self.parameters, self.buffers = stack_module_state(list(modules))
        self._masks = masks
        self._template = _drawing(copy.deepcopy(modules[0]), masks)

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def __call__(
        self, features: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        """{name: (models, batch, dim)} -> what a module gives, with a leading axis."""
        self._template.train(training)

        def one(
            parameters: dict[str, Tensor],
            buffers: dict[str, Tensor],
            features: Mapping[str, Tensor],
        ) -> dict[str, Tensor]:
            state = (parameters, buffers)
            found: dict[str, Tensor] = functional_call(
                self._template, state, (features,)
            )
            return found

        found: dict[str, Tensor] = vmap(one)(self.parameters, self.buffers, features)
        return found

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order; bits stay as they are."""
        self._masks.keep(chosen)
        places = list(chosen)
        self.parameters = {
            name: values.detach()[places].requires_grad_()
            for name, values in self.parameters.items()
        }
        self.buffers = {name: values[places] for name, values in self.buffers.items()}


class _Dropout(nn.Module):
    """Stands in for `nn.Dropout` in a stack."""

    def __init__(self, masks: Masks, dropout: float):
        super().__init__()
        self.masks, self.kept = masks, kept(dropout)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Dropout":
        return self  # what draws is never doubled

    def forward(self, values: Tensor) -> Tensor:
        """(..., dim) -> same, in training with some of them 0 and the others raised"""
        if not self.training or self.kept == STEPS:
            return values
        found: Tensor = _Masked.apply(values, self.masks, self.kept)
        return found


class _Masked(torch.autograd.Function):
    """Sees all models at once, where a module sees one."""

    @staticmethod
    def forward(values: Tensor, masks: Masks, kept: int) -> Tensor:
        """Of a single model outside any stack."""
        raise NotImplementedError("masks are drawn for a stack of models only")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing: autograd records the product below."""

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, values: Tensor, masks: Masks, kept: int
    ) -> tuple[Tensor, int]:
        """(models, ...) -> same"""
        if in_dims[0] is None:  # the same values for all models
            values = values.expand(info.batch_size, *values.shape)
        else:
            values = values.movedim(in_dims[0], 0)
        found: Tensor = _Product.apply(values, masks.draw(values.shape, kept), kept)
        return found, 0


class _Product(torch.autograd.Function):
    """Values times a mask, raised by what makes up for it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, mask: Tensor, kept: int) -> Tensor:
        """(models, ...) each -> same"""
        ctx.save_for_backward(mask)
        ctx.factor = STEPS / kept
        return masked(values, mask, ctx.factor)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """(models, ...) -> same"""
        (mask,) = ctx.saved_tensors
        return masked(gradient, mask, ctx.factor), None, None


class _Convolution(nn.Module):
    """Stands in for a plain `nn.Conv1d`: windows times filters, a batched product.

    Convolutions of many models would be one of many groups, which is rounded in ways
    that depend on their number.
    """

    def __init__(self, of: nn.Conv1d):
        super().__init__()
        self.weight, self.bias = of.weight, of.bias
        self.kernel = of.kernel_size[0]
        self.padding = ((self.kernel - 1) // 2, self.kernel // 2)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, channels, dim) -> (batch, filters, dim)"""
        windows = functional.pad(values, self.padding).unfold(2, self.kernel, 1)
        windows = windows.transpose(1, 2).flatten(2)  # (batch, dim, channels * kernel)
        found = functional.linear(windows, self.weight.flatten(1), self.bias)
        return found.transpose(1, 2)


def _is_plain(layer: nn.Conv1d) -> bool:
    """Whether it only slides, and gives as many values as it takes."""
    once = (layer.stride, layer.dilation, layer.groups) == ((1,), (1,), 1)
    return once and layer.padding == "same" and layer.padding_mode == "zeros"


def _drawing(module: nn.Module, masks: Masks) -> nn.Module:
    """The module, with everything random in it drawn from `masks`."""
    for name, child in module.named_children():
        if type(child) is nn.Dropout:
            setattr(module, name, _Dropout(masks, child.p))
        elif type(child) is nn.Conv1d and _is_plain(child):
            setattr(module, name, _Convolution(child))
        else:
            _drawing(child, masks)
    return module
