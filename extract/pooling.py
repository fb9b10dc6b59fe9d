"""Frames or tokens to what is cached: mean, mean and deviation, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

POOLINGS = ("mean", "mean+std", "frames")


@dataclass(frozen=True)
class Block:
    """One stretch of an utterance, reduced on the device it was encoded on."""

    steps: int  # frames or tokens
    mean: np.ndarray  # (layers, dim)
    spread: np.ndarray  # (layers, dim), sum of squared deviations from the mean
    frames: np.ndarray | None  # (steps, layers, dim), only where they are wanted


def reduce(hidden: Tensor, pooling: str) -> list[Block]:
    """(batch, layers, steps, dim), nothing of it padding -> one block a row."""
    hidden = hidden.float()
    mean = hidden.mean(dim=2)  # (batch, layers, dim)
    spread = (hidden - mean.unsqueeze(2)).square().sum(dim=2)
    frames: list[np.ndarray] | list[None] = [None] * len(hidden)
    if pooling == "frames":
        frames = list(hidden.transpose(1, 2).cpu().numpy())
    rows = zip(mean.cpu().numpy(), spread.cpu().numpy(), frames, strict=True)
    return [Block(hidden.shape[2], *row) for row in rows]


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


def vector(block: Block, pooling: str) -> np.ndarray:
    """What the cache keeps of an utterance.

    Returns:
        ``mean``: (layers, dim); ``mean+std``: (layers, 2 * dim), the deviation divided
        by n; ``frames``: (steps, layers, dim)
    """
    if pooling == "mean":
        return block.mean
    if pooling == "mean+std":
        return np.concatenate([block.mean, np.sqrt(block.spread / block.steps)], axis=1)
    if pooling == "frames" and block.frames is not None:
        return block.frames
    raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
