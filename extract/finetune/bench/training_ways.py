"""Training loops of the benchmark: the loop of `finetune`, and an ordinary loop."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import TrainerCallback

from affuse.extract.bench.encoding_ways import random_batches, useful_share
from affuse.extract.encoding import gemm_throughput
from affuse.extract.finetune.backbone import Backbone
from affuse.extract.finetune.bench import peak_memory, random_task
from affuse.extract.finetune.bench.random_task import TaskSize
from affuse.extract.finetune.fold_inputs import FoldPart, collate, group_rows
from affuse.extract.finetune.trainer import OPTIMIZERS, FineTuner
from affuse.extract.finetune.training_task import FinetuningTask, groups
from affuse.fuse import losses


@dataclass(frozen=True)
class TrainingSpeed:
    """Measured speed of one training loop."""

    seconds: float  # of the fastest pass over all utterances
    steps: int  # number of optimiser steps in a pass
    useful: float  # share of the input of the encoders that was no padding
    peak: int | None  # peak memory in bytes; None if the system cannot measure it


class Clock(TrainerCallback):
    """Callback that measures each step of a Trainer, and skips evaluation and saving.

    Args:
        device: torch device
    """

    def __init__(self, device: str):
        self.seconds: list[float] = []
        self._device, self._began = device, 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock before the inputs of the batch are read."""
        gemm_throughput.wait(self._device)
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop the clock after the step of the optimiser."""
        gemm_throughput.wait(self._device)
        self.seconds.append(time.perf_counter() - self._began)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Skip evaluation and saving."""
        control.should_evaluate = control.should_save = False


def measure_finetune(size: TaskSize, device: str, work: Path) -> TrainingSpeed:
    """Measure the training of `finetune`, in which a step is a pass over the data.

    Args:
        size: model, data and training
        device: torch device
        work: an empty folder for files of the Trainer
    """
    task = random_task.make_task(size, device, work)
    clock = Clock(device)
    trainer = FineTuner(task, [clock])
    peak = peak_memory.measure_peak(trainer.train, device)
    part, encoders = task.material.train, task.module.encoders.backbones
    batches = group_rows(part, range(len(part)), encoders, size=size.batch)
    return _speed(clock.seconds, 1, task, batches, peak)


def measure_ordinary_loop(size: TaskSize, device: str, work: Path) -> TrainingSpeed:
    """Measure an ordinary loop: padded batches in random order, with a step for each.

    Args:
        size: model, data and training
        device: torch device
        work: an empty folder for files of the Trainer
    """
    task = random_task.make_task(size, device, work)
    part = task.material.train
    batches = [
        b.tolist() for b in random_batches(part.utterances, size.batch, size.seed)
    ]
    settings = task.settings
    optimizer = OPTIMIZERS[settings.optimizer](
        groups(task), weight_decay=settings.weight_decay
    )
    seconds: list[float] = []

    def train() -> None:
        torch.manual_seed(size.seed)
        task.module.train()
        for _ in range(settings.epochs):
            seconds.append(
                gemm_throughput.measure_seconds(
                    lambda: _pass(task, batches, optimizer), device
                )
            )

    peak = peak_memory.measure_peak(train, device)
    return _speed(seconds, len(batches), task, batches, peak)


def _speed(
    seconds: Sequence[float],
    steps: int,
    task: FinetuningTask,
    batches: Sequence[Sequence[int]],
    peak: int | None,
) -> TrainingSpeed:
    """Return the speed of the fastest pass, without the first one, the warm-up."""
    leading = next(iter(task.material.train.inputs.values()))
    return TrainingSpeed(min(seconds[1:]), steps, useful_share(leading, batches), peak)


def _pass(
    task: FinetuningTask,
    batches: Sequence[Sequence[int]],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Train on each batch with its loss, and make a step of the optimiser."""
    module, settings, device = task.module, task.settings, task.device
    part, encoders = task.material.train, module.encoders.backbones
    loss = losses.loss(settings.loss, mix=settings.mix)
    for rows in batches:
        predictions, restored = module(padded_inputs(part, rows, encoders, device))
        error = loss(predictions, part.truth[rows].to(device), None)
        (error + settings.reconstruction * restored).backward()
        nn.utils.clip_grad_norm_(module.parameters(), task.tuning.clip)
        optimizer.step()
        optimizer.zero_grad()


def padded_inputs(
    part: FoldPart,
    rows: Sequence[int],
    encoders: Mapping[str, Backbone],
    device: torch.device | str,
) -> dict[str, dict[str, Tensor]]:
    """Return the inputs of some rows in one padded batch, for every kind of encoder.

    Encoders that padding affects get padding without a mask, as their feature
    extractors in transformers pad.

    Args:
        part: with the inputs
        rows: of the part
        encoders: by modality
        device: torch device
    """
    inputs = collate(
        part,
        rows,
        {m: b for m, b in encoders.items() if not b.needs_equal_lengths},
        device,
    )
    for modality in encoders.keys() - inputs.keys():
        waves = [torch.from_numpy(part.inputs[modality][row]) for row in rows]
        values = pad_sequence(waves, batch_first=True)
        inputs[modality] = {"input_values": values.to(device)}
    return inputs
