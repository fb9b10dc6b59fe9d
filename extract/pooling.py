"""Frames or tokens to what is cached: mean, mean and deviation, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

POOLINGS = ("mean", "mean+std", "frames")


@dataclass(frozen=True)
class Block:
    """One stretch of an utterance, reduced, in memory."""

    steps: int  # frames or tokens
    mean: np.ndarray  # (layers, dim)
    spread: np.ndarray  # (layers, dim), sum of squared deviations from the mean
    frames: np.ndarray | None  # (steps, layers, dim), only where they are wanted


@dataclass(frozen=True)
class Layer:
    """One layer of a batch, reduced, still on the device."""

    steps: int  # frames or tokens
    mean: Tensor  # (n, dim)
    spread: Tensor  # (n, dim)
    frames: Tensor | None  # (n, steps, dim)


def reduce(hidden: Tensor, how: str) -> Layer:
    """(n, steps, dim), nothing of it padding -> what pooling needs of it.

    The device is not waited for, unless frames are wanted, of which it could not hold
    many.
    """
    hidden = hidden.float()
    mean = hidden.mean(dim=1)
    spread = (hidden - mean.unsqueeze(1)).square().sum(dim=1)
    return Layer(
        hidden.shape[1], mean, spread, hidden.cpu() if how == "frames" else None
    )


def blocks(layers: Sequence[Layer]) -> list[Block]:
    """The wanted layers of one batch, lowest first -> one block for each row."""
    means = torch.stack([layer.mean for layer in layers], dim=1).cpu().numpy()
    spreads = torch.stack([layer.spread for layer in layers], dim=1).cpu().numpy()
    kept = [layer.frames for layer in layers if layer.frames is not None]
    frames = torch.stack(kept, dim=2).numpy() if kept else [None] * len(means)
    rows = zip(means, spreads, frames, strict=True)
    return [Block(layers[0].steps, *row) for row in rows]


def merge(blocks: Sequence[Block]) -> Block:
    """Blocks of one utterance to one, exactly as if it had been a single block.

    Means and squared deviations combine as in Chan, Golub and LeVeque (1979),
    "Updating formulae and a pairwise algorithm for computing sample variances".
    """
    if len(blocks) == 1:
        return blocks[0]
    steps = np.array([b.steps for b in blocks], np.float64)[:, None, None]
    means = np.stack([b.mean for b in blocks]).astype(np.float64)
    mean = (steps * means).sum(axis=0) / steps.sum()
    spread = sum(b.spread for b in blocks) + (steps * (means - mean) ** 2).sum(axis=0)
    frames = [b.frames for b in blocks if b.frames is not None]
    return Block(
        steps=int(steps.sum()),
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
        frames=np.concatenate(frames) if frames else None,
    )


def vector(block: Block, how: str) -> np.ndarray:
    """What the cache keeps of an utterance.

    Returns:
        ``mean``: (layers, dim); ``mean+std``: (layers, 2 * dim), the deviation divided
        by n; ``frames``: (steps, layers, dim)
    """
    if how == "mean":
        return block.mean
    if how == "mean+std":
        return np.concatenate([block.mean, np.sqrt(block.spread / block.steps)], axis=1)
    if how == "frames" and block.frames is not None:
        return block.frames
    raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {how!r}")
