"""The exact gradient of a loss over many utterances, a few at a time.

The CCC is no mean over utterances, so gradients of the CCCs of small batches do not add
up to that of a large one. They need not: by the chain rule ::

    dL/dw = sum over parts of (dL/dy_part) (dy_part/dw),   L = L(y of all rows)

and dL/dy needs only the predictions y of the whole batch, (rows, targets). So every
part is predicted once; dL/dy is computed for all of them together; and every part is
predicted again and sends its share back (as GradCache does for contrastive losses, Gao
et al., 2021, arXiv:2101.06983). Memory is that of a part. Where there is memory for
all parts, they are held, and need not be predicted again. What is drawn at random is
the same both times, for it follows from numbers alone. Losses that are means over
rows, as the reconstruction, add up by themselves.
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
    """This process among those that share a batch."""

    rank: int = 0
    world: int = 1
    # rows of every process, by rank
    gather: Callable[[Tensor], Sequence[Tensor]] = lambda rows: [rows]
    # in it, gradients are not yet averaged over processes
    hold: Callable[[], AbstractContextManager[Any]] = lambda: contextlib.nullcontext()


ALONE = BatchShare()


@dataclass(frozen=True)
class Lost:
    """Losses of a whole batch."""

    total: float
    reconstruction: float  # before weighting


@contextlib.contextmanager
def seeded(numbers: Sequence[int], device: torch.device) -> Iterator[None]:
    """Random numbers that follow from these alone; afterwards as if nothing was."""
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
    share: BatchShare = ALONE,
) -> Lost:
    """Add the gradients of ``loss(all rows) + weight * reconstruction``.

    Args:
        predict: rows -> predictions (rows, targets), and the reconstruction loss,
            which is a mean over these rows
        parts: rows of this process, part by part
        truth: (all rows of the dataset, targets)
        loss: of predictions and truth of the whole batch
        weight: of the reconstruction
        seed: numbers that nothing but this batch has
        hold: predict once, in the memory of all parts; for one process alone
        share: of other processes in the same batch; each has at least one part

    Returns:
        the losses; they are not checked
    """
    seeds = [(*seed, share.rank, number) for number in range(len(parts))]

    def made(number: int) -> tuple[Tensor, Tensor]:
        with seeded(seeds[number], truth.device):
            return predict(parts[number])

    held = [made(number) for number in range(len(parts))] if hold else None
    goal = share.gather(truth[[row for part in parts for row in part]])
    rows = sum(map(len, goal))
    slopes: list[Tensor | None] = [None] * len(parts)
    total = 0.0
    if share.world > 1 or len(parts) > 1:
        with share.hold():
            # gradients are on, so that the same kernels draw the same numbers as later
            said = [
                (held[number] if held else made(number))[0].detach().float()
                for number in range(len(parts))
            ]
        slopes, total = _slopes(said, goal, loss, share)
    restored = 0.0
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        with contextlib.nullcontext() if last else share.hold():
            predicted, lost = held[number] if held else made(number)
            if (slope := slopes[number]) is None:  # there is no other part
                sent = loss(predicted, goal[0], None)
                total = sent.item()
            else:
                sent = (predicted.float() * slope).sum()
            portion = len(part) / rows
            # processes will be averaged, and here they are to be added
            (share.world * (sent + weight * portion * lost)).backward()
        restored += portion * lost.item()
    restored = sum(float(x) for x in share.gather(truth.new_tensor([restored])))
    return Lost(total + weight * restored, restored)


def _slopes(
    said: Sequence[Tensor], goal: Sequence[Tensor], loss: Loss, share: BatchShare
) -> tuple[list[Tensor | None], float]:
    """The derivative of the loss by the predictions of each part, and the loss."""
    everyone = share.gather(torch.cat(list(said)))
    whole = torch.cat(list(everyone)).requires_grad_()
    total = loss(whole, torch.cat(list(goal)), None)
    (slope,) = torch.autograd.grad(total, whole)
    begin = sum(map(len, everyone[: share.rank]))
    own = slope[begin : begin + len(everyone[share.rank])]
    return list(own.split([len(part) for part in said])), total.item()
