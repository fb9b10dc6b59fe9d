"""Modules of one shape as one: their weights on a leading axis, a call for all.

A module stays an ordinary `nn.Module` for one model. `torch.vmap` turns each of its
products into a batched one, and every `nn.Dropout` draws for each model apart.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import stack_module_state, vmap
from torch.nn import functional

from affuse.fuse.training.grouped.dropout_streams import STEPS, Masks, kept


class ModelGroup:
    """Models that differ in their numbers alone.

    Args:
        modules: of one class and equal shapes; they are copied
        masks: what their dropout draws from
        alone: whether it is one model that never has company. It is called as it is:
            products of large matrices are faster than batched ones
    """

    def __init__(self, modules: Sequence[nn.Module], masks: Masks, alone: bool = False):
        self.parameters, self.buffers = stack_module_state(list(modules))
        self._masks, self._feed, self._alone = masks, _Feed(), alone
        # a part of a module may be in another mode than the whole
        self._template = _replaced(copy.deepcopy(modules[0]), self._feed, alone).eval()
        self._slots = _slots(self._template, self._state)

    @property
    def _state(self) -> dict[str, Tensor]:
        return {**self.parameters, **self.buffers}

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def __call__(
        self, features: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        """{name: (models, batch, dim)} -> what a module gives, with a leading axis.

        In training, batches are of one length: that of the first call. What comes out
        then is good until the next call, which may write over it.
        """
        if self._template.training != training:
            self._template.train(training)
        state, masks = list(self._state.values()), list[Tensor]()
        if training:
            if not self._feed.known:
                self._listen(state, features)
            masks = self._masks.draw([call.mask for call in self._feed.calls])
        if self._alone:
            return self._single(state, features, masks)
        found: dict[str, Tensor] = vmap(self._one)(state, features, masks)
        return found

    @torch.enable_grad()
    def _listen(self, state: list[Tensor], features: Mapping[str, Tensor]) -> None:
        """Let the first model tell which dropouts are called."""
        first = {name: values[:1] for name, values in features.items()}
        self._single([values[:1] for values in state], first, [])
        self._feed.known = True

    def _single(
        self, state: list[Tensor], features: Mapping[str, Tensor], masks: list[Tensor]
    ) -> dict[str, Tensor]:
        """A model with a leading axis of 1, as it would be called without a stack."""
        found = self._one(
            [values.squeeze(0) for values in state],
            {name: values.squeeze(0) for name, values in features.items()},
            [values.squeeze(0) for values in masks],
        )
        return {name: values.unsqueeze(0) for name, values in found.items()}

    def _one(
        self, state: list[Tensor], features: Mapping[str, Tensor], masks: list[Tensor]
    ) -> dict[str, Tensor]:
        """As torch.func.functional_call does, at a fraction of its time."""
        for slots, values in zip(self._slots, state, strict=True):
            for module, name in slots:
                module.__dict__[name] = values
        self._feed.serve(masks)
        found: dict[str, Tensor] = self._template(features)
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


@dataclass(frozen=True)
class _Call:
    """One call of a dropout."""

    mask: tuple[Sequence[int], int]  # as `Masks.draw` takes it
    differentiable: bool  # whether a gradient flows through the values


class _Feed:
    """Masks for the dropouts of a template, in the order in which they are called."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self.known = False  # the calls, once a first pass has told them
        self.masks: Iterator[tuple[_Call, Tensor]] = iter(())

    def serve(self, masks: Sequence[Tensor]) -> None:
        """Masks of the next pass, none if it shall tell the calls."""
        self.masks = zip(self.calls, masks, strict=False)


class _Dropout(nn.Module):
    """Stands in for `nn.Dropout` in a stack."""

    def __init__(self, feed: _Feed, dropout: float):
        super().__init__()
        self.feed, self.kept = feed, kept(dropout)

    def forward(self, values: Tensor) -> Tensor:
        """(..., dim) -> same, in training with some of them 0 and the others raised"""
        if not self.training or self.kept == STEPS:
            return values
        if self.feed.known:
            call, mask = next(self.feed.masks)
            # in the mask's own memory where nobody asks for it again
            return values * mask if call.differentiable else mask.mul_(values)
        shape = tuple(values.shape)
        self.feed.calls.append(_Call((shape, self.kept), values.requires_grad))
        return values


def _slots(
    template: nn.Module, names: Iterable[str]
) -> list[list[tuple[nn.Module, str]]]:
    """Where each of these is an attribute; from now on a plain one, no parameter.

    A parameter that several modules share is in several places.
    """
    everywhere: dict[int, list[str]] = {}
    for kind in (template.named_parameters, template.named_buffers):
        for name, values in kind(remove_duplicate=False):
            everywhere.setdefault(id(values), []).append(name)
    own = {places[0]: places for places in everywhere.values()}
    found = []
    for name in names:
        paths = [place.rpartition(".") for place in own[name]]
        found.append([(template.get_submodule(p), last) for p, _, last in paths])
    for slots in found:
        for module, attribute in slots:
            delattr(module, attribute)
    return found


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


class _Linear(nn.Module):
    """Stands in for `nn.Linear` where models have company.

    The gradient of the second factor of a batched product lies transposed, and would be
    copied. So the matrix is the first factor where it is larger than what comes out.
    """

    def __init__(self, of: nn.Linear):
        super().__init__()
        self.weight, self.bias = of.weight, of.bias

    def forward(self, values: Tensor) -> Tensor:
        """(batch, dim), or (..., dim) as torch takes it -> same, of another size"""
        if values.dim() != 2 or len(values) >= self.weight.shape[1]:
            return functional.linear(values, self.weight, self.bias)
        found = self.weight @ values.mT
        return (found if self.bias is None else found + self.bias[:, None]).mT


def _replaced(module: nn.Module, feed: _Feed, alone: bool) -> nn.Module:
    """The module, with what is random, slow or depends on company replaced."""
    for name, child in module.named_children():
        if type(child) is nn.Dropout:
            setattr(module, name, _Dropout(feed, child.p))
        elif type(child) is nn.Conv1d and _is_plain(child):
            setattr(module, name, _Convolution(child))
        elif type(child) is nn.Linear and not alone:
            setattr(module, name, _Linear(child))
        else:
            _replaced(child, feed, alone)
    return module
