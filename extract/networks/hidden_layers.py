"""The wanted layers of a transformer, each handed on as it passes."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from threading import local
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError, OptionError

T = TypeVar("T")
# Where models keep their blocks: Wav2Vec2 and its family; BERT; DistilBERT; Whisper
PLACES = ("encoder.layers", "encoder.layer", "transformer.layer", "layers")


class _Pass(local):
    """What is wanted of the layers by the thread that runs the model."""

    def __init__(self) -> None:
        self.each: Callable[[Tensor], Any] = _forget
        self.found: list[Any] = []
        self.shape: torch.Size | None = None


class Layers:
    """Runs a model and gives away its hidden states one layer at a time.

    No layer is kept, and blocks above the highest that is wanted are removed, so they
    are neither computed nor in memory. Layers are counted as
    `affuse.data.cache.recipe.LAYERS` says. Several threads may run it at once.

    Args:
        model: a transformers model
        wanted: numbers of layers, ascending
        top: number of blocks that the model has
        sample: a small input, with which it is tried whether the blocks can be
            listened to; without one, this is taken for granted

    Raises:
        OptionError: if lower layers are wanted of a model that does not give them
    """

    def __init__(
        self,
        model: Any,
        wanted: tuple[int, ...],
        top: int,
        sample: Mapping[str, Tensor] | None = None,
    ):
        self._model, self._wanted, self._top = model, wanted, top
        self._pass = _Pass()
        found = blocks(model)
        if sample is not None and wanted != (top,):
            found = self._heard(found, sample)
        self._hooked = self._hook(found)

    @torch.inference_mode()
    def _heard(
        self, blocks: nn.ModuleList | None, sample: Mapping[str, Tensor]
    ) -> nn.ModuleList | None:
        """Return the blocks if what they put out is what the model calls its layers.

        It is not where a model pads its input (Longformer), turns it (SqueezeBERT) or
        calls its blocks past their hooks. Then the model has to keep all layers.
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
        told = output.hidden_states
        if told is None or len(told) != self._top + 1:
            raise OptionError(
                "this checkpoint does not give its lower layers one by one; choose its "
                "last layer alone"
            )
        inner = [o[0] if isinstance(o, tuple) else o for o in outputs[:-1]]
        same = len(outputs) == self._top and all(
            isinstance(a, Tensor) and torch.equal(a, b)
            for a, b in zip(inner, told[1:-1], strict=True)
        )
        return blocks if same else None

    def _hook(self, blocks: nn.ModuleList | None) -> bool:
        """Listen to the blocks; False for a model whose blocks are not found."""
        if blocks is None:
            return False
        del blocks[max(1, self._wanted[-1]) :]
        if 0 in self._wanted:
            blocks[0].register_forward_pre_hook(self._enters, with_kwargs=True)
        for layer in self._wanted:
            if 0 < layer < self._top:
                blocks[layer - 1].register_forward_hook(self._leaves)
        return True

    def _enters(self, _: nn.Module, given: Any, named: dict[str, Any]) -> None:
        self._take(given[0] if given else named["hidden_states"])

    def _leaves(self, _: nn.Module, __: Any, output: Any) -> None:
        self._take(output[0] if isinstance(output, tuple) else output)

    def _take(self, hidden: Tensor) -> None:
        now = self._pass
        if now.found and hidden.shape != now.shape:
            raise AffuseError(
                "the layers of this checkpoint differ in length or size; choose its "
                "last layer alone"
            )
        now.shape = hidden.shape
        now.found.append(now.each(hidden))

    @torch.inference_mode()
    def __call__(self, each: Callable[[Tensor], T], **inputs: Tensor) -> list[T]:
        """What `each` makes of every wanted layer, (n, steps, dim).

        The highest is the model's last hidden state: transformers 4 put that at the end
        of `hidden_states`; 5 puts there what it was before the final layer norm.
        """
        now = self._pass
        now.each, now.found = each, []
        output = self._model(**inputs, output_hidden_states=not self._hooked)
        if not self._hooked:
            for layer in self._wanted:
                last = layer == self._top
                self._take(
                    output.last_hidden_state if last else output.hidden_states[layer]
                )
        elif self._wanted[-1] == self._top:
            self._take(output.last_hidden_state)
        found, now.found, now.each = now.found, [], _forget
        return found


def blocks(model: Any) -> nn.ModuleList | None:
    """The transformer blocks of a model; None where they are not found."""
    top = model.config.num_hidden_layers
    for place in PLACES:
        try:
            found = attrgetter(place)(model)
        except AttributeError:
            continue
        if isinstance(found, nn.ModuleList) and len(found) == top:
            return found
    return None


def _forget(hidden: Tensor) -> None:
    """What is made of layers that nobody asked for."""


def send(batch: np.ndarray, device: torch.device) -> Tensor:
    """A batch on its device; to a GPU while it is busy with the one before."""
    found = torch.from_numpy(batch)
    if device.type != "cuda":
        return found
    return found.pin_memory().to(device, non_blocking=True)
