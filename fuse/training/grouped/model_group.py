"""Model group: modules of one shape, vectorised over the leading (model) axis.

A module stays an ordinary `nn.Module` for one model. `torch.vmap` turns each of its
matrix products into a batched one, and each `nn.Dropout` draws separate masks for each
model.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import stack_module_state, vmap
from torch.nn import functional

from affuse.fuse.models.feature_noise import FeatureNoise
from affuse.fuse.training.grouped.dropout_streams import DropoutMasks
from affuse.fuse.training.grouped.noise_streams import NoiseStreams
from affuse.fuse.training.grouped.random_layers import (
    RandomFeed,
    StreamDropout,
    StreamNoise,
)


class ModelGroup:
    """Models that differ in their parameters and buffers only.

    Args:
        modules: of one class and equal shapes; they are copied
        masks: source of dropout masks
        is_single: True for a single model whose size forbids groups. It is called
            without vmap, because products of large matrices are faster than batched
            products
        noise: source of Gaussian noise; None if no module adds noise
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        masks: DropoutMasks,
        is_single: bool = False,
        noise: NoiseStreams | None = None,
    ):
        self.parameters, self.buffers = stack_module_state(list(modules))
        self._masks, self._noise, self._is_single = masks, noise, is_single
        self._feed = RandomFeed()
        # Submodules may be in another mode than the module, so eval is set for all.
        self._template = _replace_layers(
            copy.deepcopy(modules[0]), self._feed, is_single
        ).eval()
        self._slots = _slots(self._template, self._state)

    @property
    def _state(self) -> dict[str, Tensor]:
        """Parameters and buffers by name, (models, ...) each."""
        return {**self.parameters, **self.buffers}

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def __call__(
        self,
        features: Mapping[str, Tensor],
        *,
        training: bool,
        parameters: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the outputs of all models.

        All batches of training have the length of the first one. Outputs of training
        are valid until the next call, which may overwrite them.

        Args:
            features: {name: (models, batch, dim)}
            training: True for training mode, with dropout
            parameters: {name: (models, ...)} in place of those of the group

        Returns:
            {name: (models, ...)}, the output of the module with a leading axis
        """
        if self._template.training != training:
            self._template.train(training)
        state = list({**self._state, **(parameters or {})}.values())
        numbers = list[Tensor]()
        if training:
            if not self._feed.is_recorded:
                self._record(state, features)
            numbers = self._feed.draw(self._masks, self._noise)
        if self._is_single:
            return self._single(state, features, numbers)
        outputs: dict[str, Tensor] = vmap(self._one)(state, features, numbers)
        return outputs

    @torch.enable_grad()
    def _record(self, state: list[Tensor], features: Mapping[str, Tensor]) -> None:
        """Store which random layers a forward pass calls, with the first model."""
        first = {name: values[:1] for name, values in features.items()}
        self._single([values[:1] for values in state], first, [])
        self._feed.is_recorded = True

    def _single(
        self, state: list[Tensor], features: Mapping[str, Tensor], numbers: list[Tensor]
    ) -> dict[str, Tensor]:
        """Return the output of a single model, called without vmap."""
        outputs = self._one(
            [values.squeeze(0) for values in state],
            {name: values.squeeze(0) for name, values in features.items()},
            [values.squeeze(0) for values in numbers],
        )
        return {name: values.unsqueeze(0) for name, values in outputs.items()}

    def _one(
        self, state: list[Tensor], features: Mapping[str, Tensor], numbers: list[Tensor]
    ) -> dict[str, Tensor]:
        """Return the output of one model, like a faster torch.func.functional_call."""
        for slots, values in zip(self._slots, state, strict=True):
            for module, name in slots:
                module.__dict__[name] = values
        self._feed.serve(numbers)
        outputs: dict[str, Tensor] = self._template(features)
        return outputs

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order, with unchanged values.

        Args:
            chosen: their indices
        """
        self._masks.keep(chosen)
        if self._noise:
            self._noise.keep(chosen)
        indices = list(chosen)
        self.parameters = {
            name: values.detach()[indices].requires_grad_()
            for name, values in self.parameters.items()
        }
        self.buffers = {name: values[indices] for name, values in self.buffers.items()}


def _slots(
    template: nn.Module, names: Iterable[str]
) -> list[list[tuple[nn.Module, str]]]:
    """Return modules and attributes of each tensor; a shared one has several.

    The attributes are plain afterwards, no parameters or buffers.
    """
    paths_by_tensor: dict[int, list[str]] = {}
    for kind in (template.named_parameters, template.named_buffers):
        for name, values in kind(remove_duplicate=False):
            paths_by_tensor.setdefault(id(values), []).append(name)
    by_name = {paths[0]: paths for paths in paths_by_tensor.values()}
    result = []
    for name in names:
        split = [path.rpartition(".") for path in by_name[name]]
        result.append([(template.get_submodule(p), last) for p, _, last in split])
    for slots in result:
        for module, attribute in slots:
            delattr(module, attribute)
    return result


class _Convolution(nn.Module):
    """Replacement of a plain `nn.Conv1d` by a batched product of windows and filters.

    Under vmap, the convolutions of many models become one grouped convolution, whose
    rounding depends on the number of groups.
    """

    def __init__(self, of: nn.Conv1d):
        super().__init__()
        self.weight, self.bias = of.weight, of.bias
        self.kernel = of.kernel_size[0]
        self.padding = ((self.kernel - 1) // 2, self.kernel // 2)

    def forward(self, values: Tensor) -> Tensor:
        """Return the convolution: (batch, filters, dim)."""
        windows = functional.pad(values, self.padding).unfold(2, self.kernel, 1)
        windows = windows.transpose(1, 2).flatten(2)  # (batch, dim, channels * kernel)
        filtered = functional.linear(windows, self.weight.flatten(1), self.bias)
        return filtered.transpose(1, 2)


def _is_plain(layer: nn.Conv1d) -> bool:
    """Return True for stride 1, dilation 1, one group, and padding with zeros."""
    once = (layer.stride, layer.dilation, layer.groups) == ((1,), (1,), 1)
    return once and layer.padding == "same" and layer.padding_mode == "zeros"


class _Linear(nn.Module):
    """Replacement of `nn.Linear` in a group of several models.

    The gradient of the second factor of a batched product is transposed in memory and
    would be copied. So the matrix is the first factor if it is larger than the output.
    """

    def __init__(self, of: nn.Linear):
        super().__init__()
        self.weight, self.bias = of.weight, of.bias

    def forward(self, values: Tensor) -> Tensor:
        """Return the linear map of (batch, dim) or (..., dim)."""
        if values.dim() != 2 or len(values) >= self.weight.shape[1]:
            return functional.linear(values, self.weight, self.bias)
        product = self.weight @ values.mT
        return (product if self.bias is None else product + self.bias[:, None]).mT


def _replace_layers(module: nn.Module, feed: RandomFeed, is_single: bool) -> nn.Module:
    """Replace layers that are random, slow, or rounded differently in a group."""
    for name, child in module.named_children():
        if type(child) is nn.Dropout:
            setattr(module, name, StreamDropout(feed, child.p))
        elif type(child) is FeatureNoise:
            setattr(module, name, StreamNoise(feed, child.deviation))
        elif type(child) is nn.Conv1d and _is_plain(child):
            setattr(module, name, _Convolution(child))
        elif type(child) is nn.Linear and not is_single:
            setattr(module, name, _Linear(child))
        else:
            _replace_layers(child, feed, is_single)
    return module
