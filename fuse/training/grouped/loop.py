"""The training loop: one for every design and phase, for many models at once.

Models of one shape stand on a leading axis. Each has its own rows, order, dropout,
learning rate, patience and best weights, and none of them depends on the others: on one
machine a model is the same, bit for bit, in company and alone. Batches are therefore
filled up to a length that a model's own number of rows decides, see
`affuse.fuse.training.grouped.batches.shape`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from affuse.fuse.inputs.chunks import take
from affuse.fuse.models.fitted import Epoch
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.adam import Adam
from affuse.fuse.training.grouped.batches import BatchSource, BatchTask
from affuse.fuse.training.grouped.dropout_streams import Masks
from affuse.fuse.training.grouped.model_group import ModelGroup
from affuse.fuse.training.grouped.phases import Objective


@dataclass
class Trained:
    """How a task went."""

    history: list[Epoch] = field(default_factory=list)
    error: str = ""  # why it is no model; "" if it is one


def minimise(
    tasks: Sequence[BatchTask],
    source: BatchSource,
    objective: Objective,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Trained]:
    """Train each until its score has not risen for a while; leave the best weights.

    Parameters that the loss does not reach stay exactly as they are. A model whose loss
    is not finite costs only itself.

    Args:
        tasks: modules of one class and sizes, of equal `batches.shape`
        source: on the device that trains
        objective: what is lowered and raised
        stopped: asked after each epoch; True ends the training

    Returns:
        of each task, its history or its error

    Raises:
        InterruptedError: if it was stopped
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
    """Models in training; those that are finished are taken off the stack."""

    def __init__(
        self, tasks: Sequence[BatchTask], source: BatchSource, objective: Objective
    ) -> None:
        self.tasks, self.source, self.objective = tasks, source, objective
        self.trained = [Trained() for _ in tasks]
        self.active = list(range(len(tasks)))  # places of the models on the stack
        self.device = source.truth.device
        self._orders = [torch.Generator().manual_seed(t.seed) for t in tasks]
        self._best = [-math.inf] * len(tasks)
        self._age = [0] * len(tasks)  # epochs since the last improvement
        masks = Masks([t.seed for t in tasks], self.device)
        width = sum(x.shape[1] for x in source.features.values())
        length = batches.shape(len(tasks[0].train), tasks[0].settings)[1]
        alone = len(tasks) == 1 and batches.alone(width, length, self.device)
        self.stack = ModelGroup([t.module for t in tasks], masks, alone)
        self.adam = Adam(self.stack.parameters, [t.settings for t in tasks])
        self._lay_out()

    def _lay_out(self) -> None:
        """Weights of the rows in batches, and the validation rows in blocks."""
        chosen = [self.tasks[k] for k in self.active]
        self.count, self.length = batches.shape(
            len(chosen[0].train), chosen[0].settings
        )
        sizes = torch.tensor([batches.sizes(len(t.train), self.count) for t in chosen])
        places = torch.arange(self.length)
        self.filled = places < sizes.T[..., None]  # (batches, models, length)
        self.weight = self.filled.float().to(self.device)
        block = max(self.length, batches.BLOCK)
        blocks = max(math.ceil(len(t.validation) / block) for t in chosen)
        filled = torch.stack(
            [batches.fill(t.validation, blocks * block) for t in chosen]
        )
        rows = torch.tensor([len(t.validation) for t in chosen])
        seen = torch.arange(blocks * block) < rows[:, None]
        self.unseen = filled.view(len(chosen), blocks, -1).to(self.device)
        self.unseen_weight = seen.float().view(self.unseen.shape).to(self.device)
        self.unseen_truth = take(self.source.truth, self.unseen.flatten(1)).view(
            *self.unseen.shape, -1
        )

    def epoch(self, number: int) -> None:
        """Every batch once, and the scores; the device is asked for nothing between."""
        sums = torch.zeros(2, len(self.active), device=self.device)
        for rows, weight in zip(self._shuffled(), self.weight, strict=True):
            found = self.stack(self.source.take(rows), training=True)
            truth = take(self.source.truth, rows)
            both = self.objective.losses(found, truth, weight)
            both[0].sum().backward()
            self.adam.step()
            sums += torch.stack(both).detach()
        told = torch.cat([(sums / self.count).double(), self._scores().T]).T
        self._note(number, told.tolist())

    def _shuffled(self) -> Tensor:
        """(batches, models, length) row numbers, each model's in its own order."""
        chosen = [self.tasks[k] for k in self.active]
        filling = torch.stack([task.train[0] for task in chosen])
        found = filling[:, None].repeat(self.count, 1, self.length)
        for place, k in enumerate(self.active):
            rows = batches.shuffled(self.tasks[k].train, self._orders[k])
            found[:, place][self.filled[:, place]] = rows
        return found.to(self.device)

    @torch.no_grad()
    def _scores(self) -> Tensor:
        """(models, kinds), on the validation rows."""
        noted = []
        for rows, weight in zip(
            self.unseen.unbind(1), self.unseen_weight.unbind(1), strict=True
        ):
            found = self.stack(self.source.take(rows), training=False)
            noted.append(self.objective.note(found, weight))
        stacked = torch.stack(noted, dim=1)
        return self.objective.scores(stacked, self.unseen_truth, self.unseen_weight)

    def _note(self, number: int, told: list[list[float]]) -> None:
        """Keep better weights, and take off the stack what has come to its end."""
        better, going = [], []
        for place, (k, values) in enumerate(zip(self.active, told, strict=True)):
            if self._spoilt(k, number, values):
                continue
            loss, lost, *scores = values
            epoch = Epoch(number, loss, lost, tuple(scores))
            self.trained[k].history.append(epoch)
            self._age[k] += 1
            if epoch.score > self._best[k]:
                self._best[k], self._age[k] = epoch.score, 0
                better.append(place)
            task = self.tasks[k]
            if number < task.epochs and self._age[k] < task.settings.patience:
                going.append(place)
        self._save(better)
        if going != list(range(len(self.active))):
            self.active = [self.active[place] for place in going]
            if self.active:
                self.stack.keep(going)
                self.adam.keep(self.stack.parameters, going)
                self._lay_out()

    def _spoilt(self, k: int, number: int, values: Sequence[float]) -> bool:
        """Whether a model has come to nothing; then why."""
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
    def _save(self, places: Sequence[int]) -> None:
        """Copy the weights of these models into their own modules."""
        for place in places:
            for name, values in self.tasks[
                self.active[place]
            ].module.named_parameters():
                values.copy_(self.stack.parameters[name][place])


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers of torch from one seed; what others draw stays as it was."""
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        torch.manual_seed(seed)
        yield
