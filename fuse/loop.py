"""The training loop: one for every design, whatever is minimised.

Everything random comes from the seed: initial weights, the order of utterances and
dropout. So equal rows, settings and seed give the same weights, bit for bit, on one
machine with one number of threads.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from data.ratings import RATINGS
from fuse import metrics
from fuse.losses import SMALLEST_BATCH
from fuse.settings import Settings

Losses = Callable[[Tensor], tuple[Tensor, Tensor]]  # of rows: all, reconstruction only
Scores = Callable[[], tuple[float, ...]]  # of the validation rows; higher is better


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training rows came to."""

    number: int  # from 1
    loss: float  # mean over batches
    reconstruction: float  # of it, equation 7 before weighting; 0 where there is none
    scores: tuple[float, ...]  # on the validation rows

    @property
    def score(self) -> float:
        """Their mean, which decides."""
        return sum(self.scores) / len(self.scores)


class Best:
    """Keep the weights of the best epoch. Higher is better, and may be negative."""

    def __init__(self) -> None:
        self.score = -math.inf
        self.state: dict[str, Tensor] = {}
        self.age = 0  # epochs since the last improvement

    def update(self, score: float, model: nn.Module) -> None:
        """Compare one epoch's validation score; copy the weights if better."""
        self.age += 1
        if score > self.score:
            self.score, self.age = score, 0
            self.state = {
                name: values.detach().clone()
                for name, values in model.state_dict().items()
            }


def minimise(
    model: nn.Module,
    losses: Losses,
    scores: Scores,
    *,
    rows: int,
    epochs: int,
    settings: Settings,
    seed: int,
    where: str,
) -> tuple[Epoch, ...]:
    """Train until the score has not risen for a while; leave the best weights.

    Parameters that the loss does not reach stay exactly as they are; the model is left
    in evaluation mode.

    Args:
        model: what is trained
        losses: to minimise, for the training rows of these numbers
        scores: to raise; their mean decides
        rows: how many training rows there are
        epochs: passes over them, at most
        settings: optimiser, rates, batch, patience, and the loss's name
        seed: of the order of the rows
        where: what is trained, in words, for errors

    Raises:
        ValueError: if the loss is not finite
    """
    optimizer = _optimizer(model, settings)
    order = torch.Generator().manual_seed(seed)
    best, history = Best(), []
    for number in range(1, epochs + 1):
        batches = divide(rows, settings, order)
        loss, reconstruction = _pass(model.train(), optimizer, losses, batches)
        if not math.isfinite(loss):
            raise ValueError(
                f"{where}, epoch {number}: the loss is {loss}; set learning_rate "
                f"below {settings.learning_rate:g}"
            )
        model.eval()
        with torch.no_grad():
            history.append(Epoch(number, loss, reconstruction, scores()))
        best.update(history[-1].score, model)
        if best.age >= settings.patience:
            break
    model.load_state_dict(best.state)
    return tuple(history)


def _pass(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: Losses,
    batches: Sequence[Tensor],
) -> tuple[float, float]:
    """One step for each batch; the means of both losses over batches."""
    device = next(model.parameters()).device
    sums = torch.zeros(2, device=device)
    for batch in batches:
        optimizer.zero_grad()
        both = losses(batch.to(device))
        both[0].backward()
        optimizer.step()
        sums += torch.stack(both).detach()
    loss, reconstruction = (sums / len(batches)).tolist()
    return loss, reconstruction


def divide(rows: int, settings: Settings, order: torch.Generator) -> tuple[Tensor, ...]:
    """Row numbers in random order, cut into batches that differ by one at most.

    No batch is smaller than the loss can bear: the CCC of a few rows is biased, so
    rows that are not enough for two such batches make one.

    Examples:
        >>> order = torch.Generator().manual_seed(0)
        >>> [len(batch) for batch in divide(600, Settings(batch=256), order)]
        [300, 300]
        >>> [len(batch) for batch in divide(200, Settings(batch=128), order)]
        [200]
    """
    smallest = 1 if settings.loss == "mse" else SMALLEST_BATCH
    count = max(1, min(round(rows / settings.batch), rows // smallest))
    return torch.randperm(rows, generator=order).tensor_split(count)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers of torch from one seed; what others draw stays as it was."""
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        torch.manual_seed(seed)
        yield


def ccc(
    truth: Tensor, prediction: Tensor, *, targets: tuple[str, ...] = RATINGS
) -> tuple[float, ...]:
    """The CCC of each rating over all rows.

    Args:
        truth: (n, targets)
        prediction: (n, targets)
        targets: names of the columns, for errors

    Raises:
        ValueError: if a prediction is not finite, or a CCC is not defined
    """
    t, p = truth.cpu().numpy(), prediction.cpu().numpy()
    found = tuple(metrics.ccc(t[:, k], p[:, k]) for k in range(t.shape[1]))
    for name, value in zip(targets, found, strict=False):
        if math.isnan(value):
            raise ValueError(
                f"the validation CCC of {name} is not defined: all {len(t)} utterances "
                f"have the same rating; choose another protocol or split_seed"
            )
    return found


def _optimizer(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
    optimizer: torch.optim.Optimizer = kinds[settings.optimizer](
        model.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    return optimizer
