"""Batches of rows, of one length for all models of a group."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from affuse.fuse.inputs.chunks import take
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.settings import Settings

SMALLEST_GROUP = 3  # smallest model group; smaller groups are slower than single models
SMALLEST_STEP, LARGEST_STEP = 4, 16  # rows; batches are padded to multiples of a step
VALIDATION_BLOCK = 256  # smallest number of validation rows in a forward pass
BATCH_BYTES = {"cpu": 4 << 20, "cuda": 1 << 30}  # bytes of one batch of a model group


@dataclass(frozen=True)
class BatchSource:
    """Features and ratings of a model group's rows, on the training device."""

    features: Mapping[str, Tensor]  # (rows, dim)
    truth: Tensor  # (rows, targets)
    labels: Mapping[str, Tensor] = field(default_factory=dict)  # (rows, 1) each

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the features of rows: {name: (models, batch, dim)}.

        Args:
            rows: (models, batch) indices
        """
        return {name: take(x, rows) for name, x in self.features.items()}

    def take_labels(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the labels of rows: {name: (models, batch, 1)}.

        Args:
            rows: (models, batch) indices
        """
        return {name: take(x, rows) for name, x in self.labels.items()}


@dataclass(frozen=True)
class BatchTask:
    """Task to train one model of a group."""

    module: nn.Module  # with initial weights; in the end it has the best checkpoint
    train: Tensor  # (n,) rows of the source, on the CPU
    validation: Tensor  # (n,) rows of the source, on the CPU
    settings: Settings
    epochs: int  # largest number of epochs
    seed: int  # of the order of rows and of dropout
    where: str  # description of the model, for errors
    rate: str = "learning_rate"  # setting that an error about divergence names


def batch_shape(rows: int, settings: Settings) -> tuple[int, int]:
    """Return the number of batches in an epoch, and their padded length.

    Only models of equal shape may share a group, so that results do not depend on the
    group. The CCC of a few rows is biased. So no batch is smaller than the loss allows,
    and too few rows for two such batches make one batch.

    Args:
        rows: number of training rows
        settings: of the training

    Examples:
        >>> batch_shape(600, Settings(batch=256)), batch_shape(56, Settings(batch=32))
        ((2, 304), (1, 56))
    """
    smallest = 1 if settings.loss == "mse" else SMALLEST_BATCH
    count = max(1, min(round(rows / settings.batch), rows // smallest))
    most = math.ceil(rows / count)
    # The step is small but at least 4: otherwise the rows of neighbouring models would
    # be aligned differently in memory and summed in a different order.
    step = max(SMALLEST_STEP, min(LARGEST_STEP, 1 << max(0, most.bit_length() - 5)))
    return count, math.ceil(most / step) * step


def largest_group(width: int, length: int, device: torch.device) -> int:
    """Return the largest size of a model group, limited by a CPU's caches or a GPU.

    Args:
        width: number of features that a model reads from a row
        length: rows of a batch
        device: to train on
    """
    if device.type == "cuda":  # on a CPU, training needs the cache more than validation
        length = max(length, VALIDATION_BLOCK)
    limit = BATCH_BYTES[device.type] // (4 * width * length)
    return limit if limit >= SMALLEST_GROUP else 1


def is_trained_singly(width: int, length: int, device: torch.device) -> bool:
    """Return True if models of these sizes are always trained one by one.

    Args:
        width: number of features that a model reads from a row
        length: rows of a batch
        device: to train on
    """
    return largest_group(width, length, device) == 1


def divide_into_batches(
    rows: Tensor, settings: Settings, order: torch.Generator
) -> tuple[Tensor, ...]:
    """Return rows in random order, divided into batches of near-equal size.

    Args:
        rows: (n,) indices
        settings: of the training
        order: generator of random numbers

    Examples:
        >>> order = torch.Generator().manual_seed(0)
        >>> batches = divide_into_batches(torch.arange(600), Settings(batch=256), order)
        >>> [len(batch) for batch in batches]
        [300, 300]
    """
    count, _ = batch_shape(len(rows), settings)
    return shuffle(rows, order).tensor_split(count)


def shuffle(rows: Tensor, order: torch.Generator) -> Tensor:
    """Return rows in random order.

    Args:
        rows: (n,) indices
        order: generator of random numbers
    """
    return rows[torch.randperm(len(rows), generator=order)]


def batch_sizes(rows: int, count: int) -> list[int]:
    """Return the sizes of batches as `torch.tensor_split` divides rows.

    Args:
        rows: number of rows
        count: number of batches
    """
    small, more = divmod(rows, count)
    return [small + (k < more) for k in range(count)]


def pad_rows(rows: Tensor, length: int) -> Tensor:
    """Return rows padded to a length with the first row.

    Args:
        rows: (n,) indices
        length: at least n
    """
    return torch.cat([rows, rows[:1].expand(length - len(rows))])
