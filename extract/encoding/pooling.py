"""Pooling of hidden states over time: mean, mean and standard deviation, or frames.

The layers stay separate; their combination is the task of stage two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from affuse.data.errors import AffuseError

SPREAD = "mean+std"
POOLINGS = ("mean", SPREAD, "frames")


@dataclass(frozen=True)
class FrameBlock:
    """Pooled hidden states of one block of an utterance, in host memory."""

    steps: int  # number of frames or tokens
    mean: np.ndarray  # (layers, dim)
    spread: np.ndarray | None  # (layers, dim), squared deviations, only for mean+std
    frames: np.ndarray | None  # (steps, layers, dim), only for the pooling frames


@dataclass(frozen=True)
class Layer:
    """Pooled hidden states of one layer of a batch, on the device."""

    steps: tuple[int, ...]  # number of frames or tokens of each input
    mean: Tensor  # (n, dim)
    spread: Tensor | None  # (n, dim), sums of squared deviations
    frames: Tensor | None  # (all steps, dim), in host memory


def reduce(hidden: Tensor, how: str, counts: Sequence[int] = ()) -> Layer:
    """Reduce one layer of a batch without padding to the statistics for pooling.

    The call does not wait for a GPU, except for the pooling ``frames``: frames are
    copied to host memory, because the device could not hold many.

    Args:
        hidden: (n, steps, dim), or (1, all steps, dim) for packed inputs
        how: one of `POOLINGS`
        counts: number of steps of each packed input; empty for inputs of equal length
    """
    rows = hidden.float().flatten(0, 1)
    if counts:
        mean, spread = _segments(rows, counts, how)
    else:
        counts = [hidden.shape[1]] * len(hidden)
        hidden = rows.view(hidden.shape)
        mean, spread = hidden.mean(dim=1), None
        if how == SPREAD:
            spread = (hidden - mean.unsqueeze(1)).square().sum(dim=1)
    return Layer(tuple(counts), mean, spread, rows.cpu() if how == "frames" else None)


def _segments(
    rows: Tensor, counts: Sequence[int], how: str
) -> tuple[Tensor, Tensor | None]:
    """Return the mean of each segment of rows and, for mean+std, squared deviations."""
    lengths = torch.tensor(counts)
    if rows.is_cuda:
        lengths = lengths.pin_memory().to(rows.device, non_blocking=True)
    # "unsafe" leaves out checks of the lengths, which would wait for the device.
    add = partial(torch.segment_reduce, lengths=lengths, unsafe=True)
    mean = add(rows, "mean")
    if how != SPREAD:
        return mean, None
    centred = rows - mean.repeat_interleave(lengths, dim=0, output_size=len(rows))
    return mean, add(centred.square(), "sum")


def blocks(layers: Sequence[Layer]) -> list[FrameBlock]:
    """Return one block for each input of a batch, from its pooled layers.

    Args:
        layers: of one batch, lowest first
    """
    steps = layers[0].steps
    means = _stack([layer.mean for layer in layers])
    spreads = _stack([layer.spread for layer in layers if layer.spread is not None])
    frames = _stack([layer.frames for layer in layers if layer.frames is not None])
    ends = np.cumsum(steps)
    return [
        FrameBlock(
            steps[i],
            means[i],
            spreads[i] if len(spreads) else None,
            frames[ends[i] - steps[i] : ends[i]] if len(frames) else None,
        )
        for i in range(len(steps))
    ]


def _stack(layers: Sequence[Tensor]) -> np.ndarray:
    """Return (rows, layers, dim) for layers (rows, dim); an empty array for none."""
    stacked: np.ndarray = np.empty(0)
    if layers:
        stacked = torch.stack(list(layers), dim=1).cpu().numpy()
    return stacked


def merge(blocks: Sequence[FrameBlock]) -> FrameBlock:
    """Merge the blocks of one utterance into one, as if it had been a single block.

    Means and squared deviations combine as in Chan, Golub and LeVeque (1979),
    "Updating formulae and a pairwise algorithm for computing sample variances".

    Args:
        blocks: of one utterance, in order
    """
    if len(blocks) == 1:
        return blocks[0]
    steps = np.array([b.steps for b in blocks], np.float64)[:, None, None]
    means = np.stack([b.mean for b in blocks]).astype(np.float64)
    mean = (steps * means).sum(axis=0) / steps.sum()
    between = (steps * (means - mean) ** 2).sum(axis=0)
    within = [b.spread for b in blocks if b.spread is not None]
    frames = [b.frames for b in blocks if b.frames is not None]
    return FrameBlock(
        steps=int(steps.sum()),
        mean=mean.astype(np.float32),
        spread=(sum(within) + between).astype(np.float32) if within else None,
        frames=np.concatenate(frames) if frames else None,
    )


def vector(block: FrameBlock, how: str) -> np.ndarray:
    """Return the embedding of an utterance as the cache stores it.

    Args:
        block: merged block of the utterance
        how: one of `POOLINGS`

    Returns:
        ``mean``: (layers, dim); ``mean+std``: (layers, 2 * dim), with the population
        standard deviation (division by n); ``frames``: (steps, layers, dim)

    Raises:
        AffuseError: if the block lacks the statistics for this pooling
    """
    if how == "mean":
        return block.mean
    if how == SPREAD and block.spread is not None:
        return np.concatenate([block.mean, np.sqrt(block.spread / block.steps)], axis=1)
    if how == "frames" and block.frames is not None:
        return block.frames
    raise AffuseError(f"pooling must be one of {', '.join(POOLINGS)}, got {how!r}")
