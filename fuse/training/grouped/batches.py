"""Which rows a model sees when: batches of one length for all models of a group."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from affuse.fuse.inputs.chunks import take
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.settings import Settings

COMPANY = 3  # models at least; fewer on a stack are slower than one after the other
LEAST, ROUND = 4, 16  # rows; batches are filled up to a multiple of one of them
BLOCK = 256  # validation rows at least that a model sees at once
STACK = {"cpu": 4 << 20, "cuda": 1 << 30}  # bytes of one batch of all stacked models


@dataclass(frozen=True)
class BatchSource:
    """What the models of a group see, on the device that trains."""

    features: Mapping[str, Tensor]  # (rows, dim)
    truth: Tensor  # (rows, targets)

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """(models, batch) row numbers -> {name: (models, batch, dim)}"""
        return {name: take(x, rows) for name, x in self.features.items()}


@dataclass(frozen=True)
class BatchTask:
    """One model that shall be trained."""

    module: nn.Module  # as it begins; in the end it has the best weights
    train: Tensor  # (n,) rows of the source, on the CPU
    validation: Tensor  # (n,) likewise
    settings: Settings
    epochs: int  # at most
    seed: int  # of order and dropout
    where: str  # what it is, in words, for errors
    rate: str = "learning_rate"  # the setting that its learning rate comes from


def shape(rows: int, settings: Settings) -> tuple[int, int]:
    """Batches of an epoch, and the length that each is filled up to.

    Only models of equal shape may share a group, so that nothing depends on it. No
    batch is smaller than the loss can bear: the CCC of a few rows is biased, so rows
    that are not enough for two such batches make one.

    Examples:
        >>> shape(600, Settings(batch=256)), shape(56, Settings(batch=32))
        ((2, 304), (1, 56))
    """
    smallest = 1 if settings.loss == "mse" else SMALLEST_BATCH
    count = max(1, min(round(rows / settings.batch), rows // smallest))
    most = math.ceil(rows / count)
    # few rows in vain, but never so few that the rows of a model on a stack lie in
    # memory otherwise than those of its neighbour, and are added up in another way
    step = max(LEAST, min(ROUND, 1 << max(0, most.bit_length() - 5)))
    return count, math.ceil(most / step) * step


def most(width: int, length: int, device: torch.device) -> int:
    """Models on a stack: what the caches of a processor hold, or a GPU.

    Args:
        width: features that a model reads of a row
        length: rows of a batch
    """
    if device.type == "cuda":  # of a processor's cache it is training that counts
        length = max(length, BLOCK)
    found = STACK[device.type] // (4 * width * length)
    return found if found >= COMPANY else 1


def alone(width: int, length: int, device: torch.device) -> bool:
    """Whether such models never have company; arguments as of `most`."""
    return most(width, length, device) == 1


def divide(
    rows: Tensor, settings: Settings, order: torch.Generator
) -> tuple[Tensor, ...]:
    """Rows in random order, cut into batches that differ by one at most.

    Examples:
        >>> order = torch.Generator().manual_seed(0)
        >>> batches = divide(torch.arange(600), Settings(batch=256), order)
        >>> [len(batch) for batch in batches]
        [300, 300]
    """
    count, _ = shape(len(rows), settings)
    return shuffled(rows, order).tensor_split(count)


def shuffled(rows: Tensor, order: torch.Generator) -> Tensor:
    """The rows in random order, of which consecutive ones make batches."""
    return rows[torch.randperm(len(rows), generator=order)]


def sizes(rows: int, count: int) -> list[int]:
    """Of batches that differ by one at most, as `torch.tensor_split` cuts."""
    small, more = divmod(rows, count)
    return [small + (k < more) for k in range(count)]


def fill(rows: Tensor, length: int) -> Tensor:
    """So many rows, the first one repeated at the end."""
    return torch.cat([rows, rows[:1].expand(length - len(rows))])
