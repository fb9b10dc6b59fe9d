"""Implementations of mean-pooled embeddings, with the same weights.

`affuse_embeddings` encodes as stage one does. The others are ordinary code with
transformers: unmodified models, with inputs padded and masked, or one by one.
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
from affuse.extract.caching.part_building import Builder, PartInputs
from affuse.extract.encoding import pooling

PADDED = 32  # inputs of a padded batch
PIPELINE = 8  # inputs of a pipeline's batch
COMPILED = "affuse --compile"


@dataclass(frozen=True)
class EncodingTask:
    """Model of one modality, and inputs to encode."""

    model: Any  # of transformers, on its device
    build: Builder  # of affuse, with the same weights
    compiled: Builder | None  # the same, compiled; None if compiling does not help
    # argument of transformers' pipeline that pads its inputs: tokenizer or extractor
    processor: Mapping[str, Any]
    inputs: Sequence[np.ndarray]  # samples or token ids, of any lengths
    flops: float  # of all inputs, without padding
    seed: int  # of the random order

    @property
    def speech(self) -> bool:
        """Return True if the inputs are samples of audio."""
        return self.inputs[0].dtype == np.float32

    @property
    def device(self) -> torch.device:
        """Return the device of the model."""
        device: torch.device = self.model.device
        return device


@dataclass(frozen=True)
class Way:
    """Implementation that encodes a task."""

    run: Callable[[], np.ndarray]
    useful: float  # share of its batches that is not padding


def ways(task: EncodingTask) -> dict[str, Way]:
    """Return the implementations by name; each returns (n, dim) float32."""
    order = np.arange(len(task.inputs))
    batches = np.array_split(order, range(PIPELINE, len(order), PIPELINE))
    prepared, mixed = (
        _prepared_inputs(task),
        random_batches(task.inputs, PADDED, task.seed),
    )
    by_name = {
        "one by one": Way(partial(_padded_embeddings, task, 1), useful=1.0),
        f"random batches of {PADDED}, padded": Way(
            partial(_padded_embeddings, task, PADDED), useful_share(task.inputs, mixed)
        ),
        f"transformers pipeline, batches of {PIPELINE}": Way(
            partial(_pipeline_embeddings, task), useful_share(task.inputs, batches)
        ),
        "affuse": Way(
            partial(affuse_embeddings, task, task.build, prepared), useful=1.0
        ),
    }
    if task.compiled:
        by_name[COMPILED] = Way(
            partial(affuse_embeddings, task, task.compiled, prepared), useful=1.0
        )
    return by_name


def useful_share(
    inputs: Sequence[np.ndarray], batches: Iterable[Sequence[int] | np.ndarray]
) -> float:
    """Return the share of batches that is not padding.

    Args:
        inputs: of any lengths
        batches: indices of the inputs of each batch
    """
    lengths = np.array([len(x) for x in inputs], float)
    padded = sum(lengths[places].max() * len(places) for places in batches)
    return float(lengths.sum() / padded)


def affuse_embeddings(
    task: EncodingTask, build: Builder, prepared: Sequence[tuple[np.ndarray, ...]]
) -> np.ndarray:
    """Return embeddings as stage one computes them, without padding.

    Args:
        task: with the inputs
        build: one of the task's builders
        prepared: inputs in the encoder's form; their preparation is not timed

    Returns:
        (n, dim) float32
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
    encoded = build.encode(PartInputs((), tuple(longest), {}), lambda _: None)
    rows = {
        place: block.mean[0]
        for batch in encoded
        for place, block in zip(batch.places, pooling.blocks(batch.layers), strict=True)
    }
    places = {i.source.content: place for place, i in enumerate(longest)}
    return np.stack([rows[places[source.content]] for source in sources])


def random_batches(inputs: Sequence[Any], size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the indices of random batches; for size 1, of single inputs in order.

    Args:
        inputs: to divide
        size: inputs of a batch
        seed: of the order
    """
    order = np.arange(len(inputs))
    if size > 1:
        order = np.random.default_rng(seed).permutation(order)
    return iter(np.array_split(order, range(size, len(order), size)))


@torch.inference_mode()
def _padded_embeddings(task: EncodingTask, size: int) -> np.ndarray:
    """Return embeddings of transformers' model on padded batches, with a mask."""
    rows: dict[int, np.ndarray] = {}
    for places in random_batches(task.inputs, size, task.seed):
        chosen = [torch.from_numpy(task.inputs[i]) for i in places]
        values = pad_sequence(chosen, batch_first=True).to(task.device)
        lengths = torch.tensor([len(x) for x in chosen])
        mask = (torch.arange(values.shape[1]) < lengths[:, None]).long()
        mean = _masked_mean(task.model, values, mask.to(task.device))
        rows |= dict(zip(places.tolist(), mean.float().cpu().numpy(), strict=True))
    return np.stack([rows[i] for i in sorted(rows)])


def _masked_mean(model: Any, values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the last hidden state without padding, (n, dim)."""
    lengths = mask.sum(1)
    attention_mask = mask if len(values) > 1 else None
    if values.is_floating_point():
        values = values.to(model.dtype)
        lengths = model._get_feat_extract_output_lengths(lengths)
    hidden = model(values, attention_mask=attention_mask).last_hidden_state
    steps = torch.arange(hidden.shape[1], device=hidden.device)
    is_input = (steps < lengths[:, None]).unsqueeze(-1)
    mean: Tensor = (hidden * is_input).sum(1) / is_input.sum(1)
    return mean


def _prepared_inputs(task: EncodingTask) -> list[tuple[np.ndarray, ...]]:
    """Return inputs in the encoder's form; token ids need no preparation."""
    if not task.speech:
        return [(x,) for x in task.inputs]
    return [task.build.encoder.prepare(x.copy()).blocks for x in task.inputs]


class Pooling(Pipeline):
    """Pipeline from inputs to pooled vectors, as transformers documents custom ones."""

    def _sanitize_parameters(self, **_: Any) -> tuple[dict[str, Any], ...]:
        return {}, {}, {}

    def preprocess(self, inputs: np.ndarray) -> dict[str, Tensor]:
        """Return one input without padding; transformers collects a batch later."""
        name = self.model.main_input_name
        values = torch.from_numpy(inputs)[None]
        return {name: values, "attention_mask": torch.ones_like(values).long()}

    def _forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        values, mask = inputs[self.model.main_input_name], inputs["attention_mask"]
        return {"mean": _masked_mean(self.model, values, mask)}

    def postprocess(self, outputs: dict[str, Tensor]) -> np.ndarray:
        """Return the mean of one output, (dim,) float32."""
        mean: np.ndarray = outputs["mean"][0].float().numpy()
        return mean


def _pipeline_embeddings(task: EncodingTask) -> np.ndarray:
    """Return embeddings of transformers' pipeline, which pads consecutive inputs."""
    pooled = Pooling(
        task.model, batch_size=PIPELINE, device=task.device, **task.processor
    )
    return np.stack(list(pooled(x for x in task.inputs)))
