"""Dropout masks of a model group, from a separate random stream for each model.

The masks of a model depend on its seed and the number of earlier draws, never on its
neighbours, their number or the thread. Probabilities are rounded to 1/256, so that one
random byte decides on one value. This saves time: torch's dropout takes as long as the
matrix products.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

STEPS = 256  # levels of a probability; one random byte
WORD = 8  # bytes of one random number


def kept_of_256(dropout: float) -> int:
    """Return how many of 256 values a dropout keeps, at least 1.

    Args:
        dropout: probability that a value is dropped, in [0, 1]

    Examples:
        >>> kept_of_256(0.5), kept_of_256(0.0), kept_of_256(0.1), kept_of_256(0.9999)
        (128, 256, 230, 1)
    """
    return max(1, round((1 - dropout) * STEPS))


class DropoutMasks:
    """Dropout masks of the models of a group, along the leading axis.

    Args:
        seeds: of each model, at least 0
        device: of the masks; a GPU draws other numbers than a CPU
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str):
        self.device = torch.device(device)
        kind = _HostStreams if self.device.type == "cpu" else _GpuStreams
        self._source: Any = kind(seeds, self.device)
        self._room: dict[tuple[int, Sequence[int]], Tensor] = {}

    def draw(self, calls: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        """Return masks that are 0 for dropped values and 256 / keep for others.

        One call draws the masks of a whole pass. They are overwritten when masks of
        these shapes are drawn again, because allocation takes as long as drawing.

        Args:
            calls: for each mask, its shape for one model, and how many of 256 values to
                keep (see `kept_of_256`); fewer than 256

        Returns:
            (models, *shape) float32 each
        """
        words = [-(-math.prod(shape) // WORD) for shape, _ in calls]
        drawn = self._source.draw(sum(words))
        masks, begin = [], 0
        for number, ((shape, keep), count) in enumerate(zip(calls, words, strict=True)):
            room = self._buffer(number, shape)
            self._source.write(room, drawn[:, begin : begin + count], keep)
            masks.append(room.view(len(room), *shape))
            begin += count
        return masks

    def _buffer(self, number: int, shape: Sequence[int]) -> Tensor:
        """Return the buffer (models, values) that equal arguments share."""
        if (number, shape) not in self._room:
            self._room[number, shape] = torch.empty(
                len(self._source), math.prod(shape), device=self.device
            )
        return self._room[number, shape]

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order.

        Args:
            chosen: their indices
        """
        self._source.keep(chosen)
        self._room.clear()


class _HostStreams:
    """Random streams on the CPU, by numpy, which is several times as fast as torch."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._bits = [np.random.SFC64(seed) for seed in seeds]

    def __len__(self) -> int:
        return len(self._bits)

    def draw(self, words: int) -> np.ndarray:
        """Return the next random words of each model: (models, words).

        Args:
            words: number of 64-bit words
        """
        drawn = [bits.random_raw(words) for bits in self._bits]
        return drawn[0][None] if len(drawn) == 1 else np.stack(drawn)

    def write(self, room: Tensor, drawn: np.ndarray, keep: int) -> None:
        """Write masks into a buffer.

        Args:
            room: (models, values), overwritten
            drawn: (models, words)
            keep: how many of 256 values to keep
        """
        kept = drawn.view(np.uint8)[:, : room.shape[1]] < np.uint8(keep)
        np.multiply(kept, np.float32(STEPS / keep), out=room.numpy())

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order.

        Args:
            chosen: their indices
        """
        self._bits = [self._bits[index] for index in chosen]


class _GpuStreams:
    """Random streams on a GPU."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._device = device
        self._generators = [torch.Generator(device).manual_seed(s) for s in seeds]

    def __len__(self) -> int:
        return len(self._generators)

    def draw(self, words: int) -> Tensor:
        """Return the next random words of each model: (models, words).

        Args:
            words: number of 64-bit words
        """
        drawn = torch.empty(len(self), words, dtype=torch.int64, device=self._device)
        for row, generator in zip(drawn, self._generators, strict=True):
            row.random_(-(2**63), None, generator=generator)
        return drawn

    def write(self, room: Tensor, drawn: Tensor, keep: int) -> None:
        """Write masks into a buffer.

        Args:
            room: (models, values), overwritten
            drawn: (models, words)
            keep: how many of 256 values to keep
        """
        kept = drawn.view(torch.uint8)[:, : room.shape[1]] < keep
        torch.mul(kept, STEPS / keep, out=room)

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order.

        Args:
            chosen: their indices
        """
        self._generators = [self._generators[index] for index in chosen]
