"""Two ways to train the same module on the same utterances: ours, and a plain loop."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import TrainerCallback

from affuse.extract.bench.encoding_ways import shuffled, useful
from affuse.extract.encoding import gemm_throughput
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.bench import peak_memory, random_task
from affuse.extract.finetune.bench.random_task import TaskSize
from affuse.extract.finetune.fold_inputs import FoldPart, collate, together
from affuse.extract.finetune.trainer import OPTIMIZERS, FineTuner
from affuse.extract.finetune.training_task import FinetuningTask, groups
from affuse.fuse import losses


@dataclass(frozen=True)
class TrainingSpeed:
    """One way, timed."""

    seconds: float  # for all utterances once, of the fastest pass
    steps: int  # of the optimiser in a pass
    useful: float  # share of what went through the encoders that was no padding
    peak: int | None  # bytes at most; None where the system does not tell


class Clock(TrainerCallback):
    """Times each step of a Trainer, and spares it all between them."""

    def __init__(self, device: str):
        self.seconds: list[float] = []
        self._device, self._began = device, 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The batch is chosen, and nothing of it is read."""
        gemm_throughput.wait(self._device)
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The optimiser has made its step."""
        gemm_throughput.wait(self._device)
        self.seconds.append(time.perf_counter() - self._began)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Nothing is validated or saved."""
        control.should_evaluate = control.should_save = False


def ours(size: TaskSize, device: str, work: Path) -> TrainingSpeed:
    """As `finetune` does it, in the Trainer; a step is a pass."""
    lesson = random_task.lesson(size, device, work)
    clock = Clock(device)
    trainer = FineTuner(lesson, [clock])
    peak = peak_memory.most(trainer.train, device)
    part, encoders = lesson.material.train, lesson.module.encoders.backbones
    batches = together(part, range(len(part)), encoders, size=size.batch)
    return _measured(clock.seconds, 1, lesson, batches, peak)


def ordinary(size: TaskSize, device: str, work: Path) -> TrainingSpeed:
    """As scripts do it: padded batches in random order, each a step of its own."""
    lesson = random_task.lesson(size, device, work)
    part = lesson.material.train
    batches = [b.tolist() for b in shuffled(part.utterances, size.batch, size.seed)]
    chosen = lesson.settings
    optimizer = OPTIMIZERS[chosen.optimizer](
        groups(lesson), weight_decay=chosen.weight_decay
    )
    seconds: list[float] = []

    def train() -> None:
        torch.manual_seed(size.seed)
        lesson.module.train()
        for _ in range(chosen.epochs):
            seconds.append(
                gemm_throughput.seconds(
                    lambda: _pass(lesson, batches, optimizer), device
                )
            )

    peak = peak_memory.most(train, device)
    return _measured(seconds, len(batches), lesson, batches, peak)


def _measured(
    seconds: Sequence[float],
    steps: int,
    lesson: FinetuningTask,
    batches: Sequence[Sequence[int]],
    peak: int | None,
) -> TrainingSpeed:
    """Of all passes; the first one, which has to set things up, does not count."""
    leading = next(iter(lesson.material.train.inputs.values()))
    return TrainingSpeed(min(seconds[1:]), steps, useful(leading, batches), peak)


def _pass(
    lesson: FinetuningTask,
    batches: Sequence[Sequence[int]],
    optimizer: torch.optim.Optimizer,
) -> None:
    """A loss, its gradient and a step for each batch."""
    module, settings, device = lesson.module, lesson.settings, lesson.device
    part, encoders = lesson.material.train, module.encoders.backbones
    loss = losses.loss(settings.loss, mix=settings.mix)
    for rows in batches:
        said, lost = module(padded(part, rows, encoders, device))
        error = loss(said, part.truth[rows].to(device), None)
        (error + settings.reconstruction * lost).backward()
        nn.utils.clip_grad_norm_(module.parameters(), lesson.tuning.clip)
        optimizer.step()
        optimizer.zero_grad()


def padded(
    part: FoldPart,
    rows: Sequence[int],
    encoders: Mapping[str, Backbone],
    device: torch.device | str,
) -> dict[str, dict[str, Tensor]]:
    """As `collate`, whatever the encoder.

    Those that padding changes get it nonetheless, and no mask, as their own feature
    extractors have it.
    """
    found = collate(
        part, rows, {m: b for m, b in encoders.items() if not b.equal}, device
    )
    for modality in encoders.keys() - found.keys():
        waves = [torch.from_numpy(part.inputs[modality][row]) for row in rows]
        values = pad_sequence(waves, batch_first=True)
        found[modality] = {"input_values": values.to(device)}
    return found
