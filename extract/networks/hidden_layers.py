"""Selected hidden layers of a transformer, each passed on as soon as it is computed."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from threading import local
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError, OptionError

T = TypeVar("T")
# Attributes of the blocks, for the Wav2Vec2 family, BERT, DistilBERT and Whisper.
PLACES = ("encoder.layers", "encoder.layer", "transformer.layer", "layers")


class _Pass(local):
    """State of one forward pass, separate for each thread."""

    def __init__(self) -> None:
        self.each: Callable[[Tensor], Any] = _forget
        self.results: list[Any] = []
        self.shape: torch.Size | None = None


class Layers:
    """Runner of a model that passes on selected hidden states, one layer at a time.

    Hidden states are not stored. Blocks above the highest selected layer are removed,
    so they need neither time nor memory. `affuse.data.cache.recipe.LAYERS` defines the
    numbers of layers. Several threads may run the model at the same time.

    Args:
        model: a transformers model, changed in place
        layers: numbers of the selected layers, ascending
        top: number of blocks that the model has
        sample: a small input to verify that the outputs of the blocks are the hidden
            states; None to assume it

    Raises:
        OptionError: if lower layers are selected, and the model does not return them
    """

    def __init__(
        self,
        model: Any,
        layers: tuple[int, ...],
        top: int,
        sample: Mapping[str, Tensor] | None = None,
    ):
        self._model, self._layers, self._top = model, layers, top
        self._pass = _Pass()
        modules = blocks(model)
        if sample is not None and layers != (top,):
            modules = self._verify(modules, sample)
        self._hooked = self._hook(modules)

    @torch.inference_mode()
    def _verify(
        self, blocks: nn.ModuleList | None, sample: Mapping[str, Tensor]
    ) -> nn.ModuleList | None:
        """Return the blocks if their outputs are the model's hidden states, else None.

        They differ if a model pads its input (Longformer), transposes it (SqueezeBERT),
        or calls its blocks without their hooks. Then the model has to store all layers.
        """
        outputs: list[Any] = []
        hooks = [
            block.register_forward_hook(lambda _, __, output: outputs.append(output))
            for block in blocks or ()
        ]
        try:
            output = self._model(**sample, output_hidden_states=True)
        finally:
            for hook in hooks:
                hook.remove()
        states = output.hidden_states
        if states is None or len(states) != self._top + 1:
            raise OptionError(
                "this checkpoint does not give its lower layers one by one; choose its "
                "last layer alone"
            )
        inner = [o[0] if isinstance(o, tuple) else o for o in outputs[:-1]]
        agree = len(outputs) == self._top and all(
            isinstance(a, Tensor) and torch.equal(a, b)
            for a, b in zip(inner, states[1:-1], strict=True)
        )
        return blocks if agree else None

    def _hook(self, blocks: nn.ModuleList | None) -> bool:
        """Register hooks at the blocks, or return False if there are none."""
        if blocks is None:
            return False
        del blocks[max(1, self._layers[-1]) :]
        if 0 in self._layers:
            blocks[0].register_forward_pre_hook(self._enters, with_kwargs=True)
        for layer in self._layers:
            if 0 < layer < self._top:
                blocks[layer - 1].register_forward_hook(self._leaves)
        return True

    def _enters(self, _: nn.Module, arguments: Any, keywords: dict[str, Any]) -> None:
        self._take(arguments[0] if arguments else keywords["hidden_states"])

    def _leaves(self, _: nn.Module, __: Any, output: Any) -> None:
        self._take(output[0] if isinstance(output, tuple) else output)

    def _take(self, hidden: Tensor) -> None:
        state = self._pass
        if state.results and hidden.shape != state.shape:
            raise AffuseError(
                "the layers of this checkpoint differ in length or size; choose its "
                "last layer alone"
            )
        state.shape = hidden.shape
        state.results.append(state.each(hidden))

    @torch.inference_mode()
    def __call__(self, each: Callable[[Tensor], T], **inputs: Tensor) -> list[T]:
        """Run the model, and return the result of `each` for every selected layer.

        The highest layer is the model's last hidden state. transformers 4 has it at the
        end of `hidden_states`; version 5 has the state before the final layer norm
        there.

        Args:
            each: called with each selected hidden state, (n, steps, dim)
            inputs: of the model

        Returns:
            results in the order of the layers
        """
        state = self._pass
        state.each, state.results = each, []
        output = self._model(**inputs, output_hidden_states=not self._hooked)
        if not self._hooked:
            for layer in self._layers:
                last = layer == self._top
                self._take(
                    output.last_hidden_state if last else output.hidden_states[layer]
                )
        elif self._layers[-1] == self._top:
            self._take(output.last_hidden_state)
        results, state.results, state.each = state.results, [], _forget
        return results


def blocks(model: Any) -> nn.ModuleList | None:
    """Return the transformer blocks of a model, or None if they are not found."""
    top = model.config.num_hidden_layers
    for place in PLACES:
        try:
            modules = attrgetter(place)(model)
        except AttributeError:
            continue
        if isinstance(modules, nn.ModuleList) and len(modules) == top:
            return modules
    return None


def _forget(hidden: Tensor) -> None:
    """Ignore a hidden state, outside of a forward pass."""


def send(batch: np.ndarray, device: torch.device) -> Tensor:
    """Return a batch on its device; the copy to a GPU runs while it computes.

    Args:
        batch: array of any shape
        device: to copy to
    """
    values = torch.from_numpy(batch)
    if device.type != "cuda":
        return values
    return values.pin_memory().to(device, non_blocking=True)
