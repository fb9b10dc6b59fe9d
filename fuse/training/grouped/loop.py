"""Training loop of all designs and phases, for many models at once.

Models of one shape are trained along a leading axis. Rows, order, dropout, learning
rate, patience and best checkpoint are separate for each model. Models are independent:
on one machine, a model that is trained in a group is bitwise equal to the same model
trained alone. So the padded length of a batch depends only on the number of the model's
rows, see `affuse.fuse.training.grouped.batches.batch_shape`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import take
from affuse.fuse.models.fitted import Epoch
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.adam import Adam
from affuse.fuse.training.grouped.batches import BatchSource, BatchTask
from affuse.fuse.training.grouped.dropout_streams import DropoutMasks
from affuse.fuse.training.grouped.mixup import MixupPairs, mixed
from affuse.fuse.training.grouped.model_group import ModelGroup
from affuse.fuse.training.grouped.noise_streams import NoiseStreams
from affuse.fuse.training.grouped.phases import Objective
from affuse.fuse.training.grouped.weight_averages import WeightAverages


@dataclass
class TrainingOutcome:
    """Training history of a task, or its error."""

    history: list[Epoch] = field(default_factory=list)
    error: str = ""  # reason why training failed; "" if it succeeded


def train_group(
    tasks: Sequence[BatchTask],
    source: BatchSource,
    objective: Objective,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> list[TrainingOutcome]:
    """Train each model until its score stops rising, and restore its best checkpoint.

    Parameters without a gradient stay unchanged. A loss that is not finite ends the
    training of its model only.

    Args:
        tasks: modules of one class and sizes, of equal `batches.batch_shape`
        source: rows on the training device
        objective: loss to minimise and score to maximise
        stopped: called after each epoch; True ends the training

    Returns:
        for each task, its history or its error

    Raises:
        InterruptedError: if the training was stopped
    """
    group = _Group(tasks, source, objective)
    number = 0
    while group.active:
        if stopped():
            raise InterruptedError("training was stopped")
        number += 1
        group.epoch(number)
    return group.trained


class _Group:
    """Models in training; finished models are removed from the group."""

    def __init__(
        self, tasks: Sequence[BatchTask], source: BatchSource, objective: Objective
    ) -> None:
        self.tasks, self.source, self.objective = tasks, source, objective
        self.trained = [TrainingOutcome() for _ in tasks]
        self.active = list(range(len(tasks)))  # indices of the tasks in the group
        self.device = source.truth.device
        self._orders = [torch.Generator().manual_seed(t.seed) for t in tasks]
        self._best = [-math.inf] * len(tasks)
        self._age = [0] * len(tasks)  # epochs since the last improvement
        seeds, settings = [t.seed for t in tasks], tasks[0].settings
        masks, noise = (
            DropoutMasks(seeds, self.device),
            NoiseStreams(seeds, self.device),
        )
        self._pairs = MixupPairs(seeds, settings.mixup) if settings.mixup else None
        width = sum(x.shape[1] for x in source.features.values())
        length = batches.batch_shape(len(tasks[0].train), tasks[0].settings)[1]
        is_single = len(tasks) == 1 and batches.is_trained_singly(
            width, length, self.device
        )
        self.group = ModelGroup([t.module for t in tasks], masks, is_single, noise)
        self.adam = Adam(self.group.parameters, [t.settings for t in tasks])
        self._averages: WeightAverages | None = None
        if settings.ema:
            self._averages = WeightAverages(self.group.parameters, settings.ema)
        self._lay_out()

    def _lay_out(self) -> None:
        """Set the weights of rows in batches, and the blocks of validation rows."""
        chosen = [self.tasks[k] for k in self.active]
        self.count, self.length = batches.batch_shape(
            len(chosen[0].train), chosen[0].settings
        )
        sizes = torch.tensor(
            [batches.batch_sizes(len(t.train), self.count) for t in chosen]
        )
        indices = torch.arange(self.length)
        self.filled = indices < sizes.T[..., None]  # (batches, models, length)
        self.weight = self.filled.float().to(self.device)
        block = max(self.length, batches.VALIDATION_BLOCK)
        blocks = max(math.ceil(len(t.validation) / block) for t in chosen)
        filled = torch.stack(
            [batches.pad_rows(t.validation, blocks * block) for t in chosen]
        )
        rows = torch.tensor([len(t.validation) for t in chosen])
        present = torch.arange(blocks * block) < rows[:, None]
        self.unseen = filled.view(len(chosen), blocks, -1).to(self.device)
        self.unseen_weight = present.float().view(self.unseen.shape).to(self.device)
        self.unseen_truth = take(self.source.truth, self.unseen.flatten(1)).view(
            *self.unseen.shape, -1
        )

    def epoch(self, number: int) -> None:
        """Train one epoch and compute scores, with one synchronisation at the end.

        Args:
            number: of the epoch, from 1
        """
        sums = torch.zeros(2, len(self.active), device=self.device)
        order = zip(self._shuffled(), self.weight, self._partners(), strict=True)
        for rows, weight, partners in order:
            labels = self.source.take_labels(rows) | partners
            outputs = self.group(self.source.take(rows) | labels, training=True)
            truth = mixed(take(self.source.truth, rows), partners)
            both = self.objective.losses(outputs, truth, weight)
            both[0].sum().backward()
            self.adam.step()
            if self._averages:
                self._averages.update(self.group.parameters)
            sums += torch.stack(both).detach()
        values = torch.cat([(sums / self.count).double(), self._scores().T]).T
        self._note(number, values.tolist())

    def _shuffled(self) -> Tensor:
        """Return indices of rows (batches, models, length), shuffled for each model."""
        chosen = [self.tasks[k] for k in self.active]
        padding = torch.stack([task.train[0] for task in chosen])
        order = padding[:, None].repeat(self.count, 1, self.length)
        for index, k in enumerate(self.active):
            rows = batches.shuffle(self.tasks[k].train, self._orders[k])
            order[:, index][self.filled[:, index]] = rows
        return order.to(self.device)

    def _partners(self) -> list[dict[str, Tensor]]:
        """Return the pairs of mixup for each batch; empty without mixup."""
        if not self._pairs:
            return [{} for _ in range(self.count)]
        drawn = self._pairs.epoch(self.active, self.filled)
        return [{n: x.to(self.device) for n, x in pairs.items()} for pairs in drawn]

    @property
    def _scored(self) -> Mapping[str, Tensor]:
        """Parameters that are scored and saved: the weights, or their EMA."""
        return self._averages.means if self._averages else self.group.parameters

    @torch.no_grad()
    def _scores(self) -> Tensor:
        """Return the validation scores: (models, scores), float64."""
        noted = []
        for rows, weight in zip(
            self.unseen.unbind(1), self.unseen_weight.unbind(1), strict=True
        ):
            outputs = self.group(
                self.source.take(rows), training=False, parameters=self._scored
            )
            noted.append(self.objective.note(outputs, weight))
        stacked = torch.stack(noted, dim=1)
        return self.objective.scores(stacked, self.unseen_truth, self.unseen_weight)

    def _note(self, number: int, values: list[list[float]]) -> None:
        """Save better weights, and remove finished models from the group.

        Args:
            number: of the epoch
            values: for each model its loss, reconstruction and scores
        """
        better, going = [], []
        for index, (k, numbers) in enumerate(zip(self.active, values, strict=True)):
            if self._is_failed(k, number, numbers):
                continue
            loss, reconstruction, *scores = numbers
            epoch = Epoch(number, loss, reconstruction, tuple(scores))
            self.trained[k].history.append(epoch)
            self._age[k] += 1
            if epoch.score > self._best[k]:
                self._best[k], self._age[k] = epoch.score, 0
                better.append(index)
            task = self.tasks[k]
            if number < task.epochs and self._age[k] < task.settings.patience:
                going.append(index)
        self._save(better)
        if going != list(range(len(self.active))):
            self.active = [self.active[index] for index in going]
            if self.active:
                self.group.keep(going)
                self.adam.keep(self.group.parameters, going)
                if self._averages:
                    self._averages.keep(going)
                self._lay_out()

    def _is_failed(self, k: int, number: int, values: Sequence[float]) -> bool:
        """Return True, and record the error, if a value of a model is not finite."""
        if all(map(math.isfinite, values)):
            return False
        what = "loss" if not math.isfinite(values[0]) else "validation score"
        value = next(x for x in values if not math.isfinite(x))
        self.trained[k].error = (
            f"{self.tasks[k].where}, epoch {number}: the {what} is {value}; set "
            f"{self.tasks[k].rate} below {self.tasks[k].settings.learning_rate:g}"
        )
        return True

    @torch.no_grad()
    def _save(self, indices: Sequence[int]) -> None:
        """Copy the weights of these models into their modules."""
        for index in indices:
            for name, values in self.tasks[
                self.active[index]
            ].module.named_parameters():
                values.copy_(self._scored[name][index])


@contextmanager
def torch_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Set torch's random seed in this context, and restore its state afterwards.

    Args:
        seed: at least 0
        device: whose random numbers are seeded, in addition to the CPU's
    """
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        torch.manual_seed(seed)
        yield
