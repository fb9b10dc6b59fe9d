"""Ways to get a mean-pooled embedding of every input, with the same weights.

All but `ours` are what people write with transformers: its models untouched, inputs
padded and masked, or one by one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import Pipeline

from affuse.data.records import Utterance
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.input_reading import PreparedInput
from affuse.extract.caching.part_building import Builder, Opened
from affuse.extract.encoding import pooling

PADDED = 32  # inputs of a padded batch
PIPELINE = 8  # of a pipeline's batch
COMPILED = "affuse --compile"


@dataclass(frozen=True)
class EncodingTask:
    """A model of one modality, and what it is to encode."""

    model: Any  # transformers' own, on its device
    build: Builder  # ours, of the same weights
    compiled: Builder | None  # likewise, and compiled, where anything gains by it
    processor: Mapping[str, Any]  # what pads for transformers' pipelines, by kind
    inputs: Sequence[np.ndarray]  # samples or token ids, of any lengths
    flops: float  # that all inputs need, without padding
    seed: int  # of the random order

    @property
    def speech(self) -> bool:
        """Whether the inputs are samples."""
        return self.inputs[0].dtype == np.float32

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        found: torch.device = self.model.device
        return found


@dataclass(frozen=True)
class Way:
    """One way to encode a task."""

    run: Callable[[], np.ndarray]
    useful: float  # share of its batches that is not padding


def ways(task: EncodingTask) -> dict[str, Way]:
    """The ways by name; each gives (n, dim) float32."""
    order = np.arange(len(task.inputs))
    pieces = np.array_split(order, range(PIPELINE, len(order), PIPELINE))
    prepared, mixed = _prepared(task), shuffled(task.inputs, PADDED, task.seed)
    found = {
        "one by one": Way(partial(_padded, task, 1), useful=1.0),
        f"random batches of {PADDED}, padded": Way(
            partial(_padded, task, PADDED), useful(task.inputs, mixed)
        ),
        f"transformers pipeline, batches of {PIPELINE}": Way(
            partial(_pipeline, task), useful(task.inputs, pieces)
        ),
        "affuse": Way(partial(ours, task, task.build, prepared), useful=1.0),
    }
    if task.compiled:
        found[COMPILED] = Way(partial(ours, task, task.compiled, prepared), useful=1.0)
    return found


def useful(
    inputs: Sequence[np.ndarray], batches: Iterable[Sequence[int] | np.ndarray]
) -> float:
    """The share of these batches, places in the inputs, that is not padding."""
    lengths = np.array([len(x) for x in inputs], float)
    padded = sum(lengths[places].max() * len(places) for places in batches)
    return float(lengths.sum() / padded)


def ours(
    task: EncodingTask, build: Builder, prepared: Sequence[tuple[np.ndarray, ...]]
) -> np.ndarray:
    """As stage one does it: nothing padded.

    Args:
        build: one of the task's
        prepared: inputs as the encoder takes them; other ways have them so already
    """
    sources = [
        InputSource(Utterance(str(i)), str(i), len(x))
        for i, x in enumerate(task.inputs)
    ]
    inputs = [
        PreparedInput(source, blocks, ())
        for source, blocks in zip(sources, prepared, strict=True)
    ]
    longest = sorted(inputs, key=lambda i: -i.source.size)
    encoded = build.encode(Opened((), tuple(longest), {}), lambda _: None)
    rows = {
        place: block.mean[0]
        for batch in encoded
        for place, block in zip(batch.places, pooling.blocks(batch.layers), strict=True)
    }
    places = {i.source.content: place for place, i in enumerate(longest)}
    return np.stack([rows[places[source.content]] for source in sources])


def shuffled(inputs: Sequence[Any], size: int, seed: int) -> Iterator[np.ndarray]:
    """Places of batches in a random order, or in the given one if they are single."""
    order = np.arange(len(inputs))
    if size > 1:
        order = np.random.default_rng(seed).permutation(order)
    return iter(np.array_split(order, range(size, len(order), size)))


@torch.inference_mode()
def _padded(task: EncodingTask, size: int) -> np.ndarray:
    """transformers' model on padded batches, with a mask where there are several."""
    found: dict[int, np.ndarray] = {}
    for places in shuffled(task.inputs, size, task.seed):
        chosen = [torch.from_numpy(task.inputs[i]) for i in places]
        values = pad_sequence(chosen, batch_first=True).to(task.device)
        lengths = torch.tensor([len(x) for x in chosen])
        mask = (torch.arange(values.shape[1]) < lengths[:, None]).long()
        mean = _masked_mean(task.model, values, mask.to(task.device))
        found |= dict(zip(places.tolist(), mean.float().cpu().numpy(), strict=True))
    return np.stack([found[i] for i in sorted(found)])


def _masked_mean(model: Any, values: Tensor, mask: Tensor) -> Tensor:
    """(n, dim) of the last hidden state over what is not padding."""
    lengths = mask.sum(1)
    given = mask if len(values) > 1 else None
    if values.is_floating_point():
        values = values.to(model.dtype)
        lengths = model._get_feat_extract_output_lengths(lengths)
    hidden = model(values, attention_mask=given).last_hidden_state
    steps = torch.arange(hidden.shape[1], device=hidden.device)
    kept = (steps < lengths[:, None]).unsqueeze(-1)
    found: Tensor = (hidden * kept).sum(1) / kept.sum(1)
    return found


def _prepared(task: EncodingTask) -> list[tuple[np.ndarray, ...]]:
    """Inputs as the encoder takes them; token ids are that already."""
    if not task.speech:
        return [(x,) for x in task.inputs]
    return [task.build.encoder.prepare(x.copy()).blocks for x in task.inputs]


class Pooling(Pipeline):
    """A pipeline as transformers documents them, from inputs to pooled vectors."""

    def _sanitize_parameters(self, **_: Any) -> tuple[dict[str, Any], ...]:
        return {}, {}, {}

    def preprocess(self, inputs: np.ndarray) -> dict[str, Tensor]:
        """One input, not padded; an iterator above this one collects a batch."""
        name = self.model.main_input_name
        values = torch.from_numpy(inputs)[None]
        return {name: values, "attention_mask": torch.ones_like(values).long()}

    def _forward(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        values, mask = given[self.model.main_input_name], given["attention_mask"]
        return {"mean": _masked_mean(self.model, values, mask)}

    def postprocess(self, outputs: dict[str, Tensor]) -> np.ndarray:
        """(1, dim) -> (dim,)"""
        found: np.ndarray = outputs["mean"][0].float().numpy()
        return found


def _pipeline(task: EncodingTask) -> np.ndarray:
    """transformers' pipeline, which pads what happens to come together."""
    pooled = Pooling(
        task.model, batch_size=PIPELINE, device=task.device, **task.processor
    )
    return np.stack(list(pooled(x for x in task.inputs)))
