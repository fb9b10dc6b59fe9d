"""Exact gradient of a loss over a large batch, accumulated over small parts.

The CCC is not a mean over utterances, so gradients of the CCCs of small batches do not
sum to that of a large batch. By the chain rule, ::

    dL/dw = sum over parts of (dL/dy_part) (dy_part/dw),   L = L(y of all rows)

and dL/dy needs only the predictions y of the whole batch, (rows, targets). So every
part is predicted once, and dL/dy is computed for all parts together. Then every part is
predicted again and propagates its share of the gradient, as GradCache does for
contrastive losses (Gao et al., 2021, arXiv:2101.06983). The memory is that of one part.
If there is memory for all parts, their activations can be held instead.
Both passes draw equal random numbers, because their seeds depend only on the batch.
Losses that are means over rows, such as the reconstruction, are summed directly.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.losses import Loss

Predict = Callable[[Sequence[int]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class BatchShare:
    """Rank of this process among those that share a batch, and their communication."""

    rank: int = 0
    world: int = 1
    # returns the rows of every process, by rank
    gather: Callable[[Tensor], Sequence[Tensor]] = lambda rows: [rows]
    # context in which gradients are not averaged over processes
    hold: Callable[[], AbstractContextManager[Any]] = lambda: contextlib.nullcontext()


SINGLE_PROCESS = BatchShare()


@dataclass(frozen=True)
class BatchLosses:
    """Total loss and reconstruction loss of a whole batch."""

    total: float
    reconstruction: float  # before weighting


@contextlib.contextmanager
def seed_torch(numbers: Sequence[int], device: torch.device) -> Iterator[None]:
    """Seed torch in this context, and restore its random state afterwards.

    Args:
        numbers: to derive the seed from
        device: whose generator is seeded too
    """
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(cards):
        state = np.random.SeedSequence(list(numbers)).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0] >> np.uint64(1)))
        yield


def backward(
    predict: Predict,
    parts: Sequence[Sequence[int]],
    truth: Tensor,
    loss: Loss,
    *,
    weight: float,
    seed: Sequence[int] = (0,),
    hold: bool = False,
    share: BatchShare = SINGLE_PROCESS,
) -> BatchLosses:
    """Add the gradients of ``loss(all rows) + weight * reconstruction``.

    Args:
        predict: returns the predictions (rows, targets) for some rows, and their mean
            reconstruction loss
        parts: rows of this process, by part
        truth: (all rows of the dataset, targets)
        loss: of predictions and truth of the whole batch
        weight: of the reconstruction
        seed: numbers that identify the batch
        hold: True to predict once and hold all activations; only for a single process
        share: rank and communication if several processes share the batch; each has at
            least one part

    Returns:
        the losses, which may not be finite
    """
    seeds = [(*seed, share.rank, number) for number in range(len(parts))]

    def forward(number: int) -> tuple[Tensor, Tensor]:
        with seed_torch(seeds[number], truth.device):
            return predict(parts[number])

    outputs = [forward(number) for number in range(len(parts))] if hold else None
    goal = share.gather(truth[[row for part in parts for row in part]])
    rows = sum(map(len, goal))
    slopes: list[Tensor | None] = [None] * len(parts)
    total = 0.0
    if share.world > 1 or len(parts) > 1:
        with share.hold():
            # With gradients, both passes run the same kernels and draw equal numbers.
            predictions = [
                (outputs[number] if outputs else forward(number))[0].detach().float()
                for number in range(len(parts))
            ]
        slopes, total = _slopes(predictions, goal, loss, share)
    restored = 0.0
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        with contextlib.nullcontext() if last else share.hold():
            predicted, error = outputs[number] if outputs else forward(number)
            if (slope := slopes[number]) is None:  # This is the only part.
                term = loss(predicted, goal[0], None)
                total = term.item()
            else:
                term = (predicted.float() * slope).sum()
            portion = len(part) / rows
            # Gradients are averaged over processes, and a sum is needed here.
            (share.world * (term + weight * portion * error)).backward()
        restored += portion * error.item()
    restored = sum(float(x) for x in share.gather(truth.new_tensor([restored])))
    return BatchLosses(total + weight * restored, restored)


def _slopes(
    parts: Sequence[Tensor], goal: Sequence[Tensor], loss: Loss, share: BatchShare
) -> tuple[list[Tensor | None], float]:
    """Return dL/dy for the predictions y of each part, and the loss L."""
    by_rank = share.gather(torch.cat(list(parts)))
    predictions = torch.cat(list(by_rank)).requires_grad_()
    total = loss(predictions, torch.cat(list(goal)), None)
    (slope,) = torch.autograd.grad(total, predictions)
    begin = sum(map(len, by_rank[: share.rank]))
    local = slope[begin : begin + len(by_rank[share.rank])]
    return list(local.split([len(part) for part in parts])), total.item()
