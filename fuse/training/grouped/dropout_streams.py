"""Dropout masks of many models at once, each from random numbers of its own.

What a model draws depends on its seed and on how often it drew before, never on the
models beside it, their number or the thread. Shares are rounded to 1/256, so that one
random byte decides on one value: torch's own dropout takes as long as the products.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

STEPS = 256  # of a share; one random byte
WORD = 8  # bytes that are drawn at once


def kept(dropout: float) -> int:
    """Of 256 values, how many a dropout of this share keeps; at least one.

    Examples:
        >>> kept(0.5), kept(0.0), kept(0.1), kept(0.9999)
        (128, 256, 230, 1)
    """
    return max(1, round((1 - dropout) * STEPS))


class Masks:
    """Draws for models along a leading axis.

    Args:
        seeds: of each model, at least 0
        device: where the masks shall be; other numbers on a GPU than on a CPU
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str):
        self.device = torch.device(device)
        kind = _Host if self.device.type == "cpu" else _Card
        self._source: Any = kind(seeds, self.device)
        self._room: dict[tuple[int, Sequence[int]], Tensor] = {}

    def draw(self, calls: Sequence[tuple[Sequence[int], int]]) -> list[Tensor]:
        """0 where a value is dropped, elsewhere what makes up for it: 256 / keep.

        A model draws once for all of them. What is given is written over when masks of
        these shapes are drawn again: new memory each time costs as much as the numbers.

        Args:
            calls: of each mask, the shape for one model, and of 256 values those to
                keep, as `kept` says; fewer than all

        Returns:
            (models, *shape) each
        """
        words = [-(-math.prod(shape) // WORD) for shape, _ in calls]
        drawn = self._source.draw(sum(words))
        found, begin = [], 0
        for number, ((shape, keep), count) in enumerate(zip(calls, words, strict=True)):
            room = self._find(number, shape)
            self._source.write(room, drawn[:, begin : begin + count], keep)
            found.append(room.view(len(room), *shape))
            begin += count
        return found

    def _find(self, number: int, shape: Sequence[int]) -> Tensor:
        """(models, values), the same for equal arguments."""
        if (number, shape) not in self._room:
            self._room[number, shape] = torch.empty(
                len(self._source), math.prod(shape), device=self.device
            )
        return self._room[number, shape]

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order."""
        self._source.keep(chosen)
        self._room.clear()


class _Host:
    """Numbers of models on the CPU, by numpy: several times as fast as torch."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._bits = [np.random.SFC64(seed) for seed in seeds]

    def __len__(self) -> int:
        return len(self._bits)

    def draw(self, words: int) -> np.ndarray:
        """(models, words), each model's next ones"""
        drawn = [bits.random_raw(words) for bits in self._bits]
        return drawn[0][None] if len(drawn) == 1 else np.stack(drawn)

    def write(self, room: Tensor, drawn: np.ndarray, keep: int) -> None:
        """(models, words) numbers to masks: (models, values)"""
        kept = drawn.view(np.uint8)[:, : room.shape[1]] < np.uint8(keep)
        np.multiply(kept, np.float32(STEPS / keep), out=room.numpy())

    def keep(self, chosen: Sequence[int]) -> None:
        """See `Masks`."""
        self._bits = [self._bits[place] for place in chosen]


class _Card:
    """Numbers of models on a GPU."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._device = device
        self._generators = [torch.Generator(device).manual_seed(s) for s in seeds]

    def __len__(self) -> int:
        return len(self._generators)

    def draw(self, words: int) -> Tensor:
        """(models, words), each model's next ones"""
        found = torch.empty(len(self), words, dtype=torch.int64, device=self._device)
        for row, generator in zip(found, self._generators, strict=True):
            row.random_(-(2**63), None, generator=generator)
        return found

    def write(self, room: Tensor, drawn: Tensor, keep: int) -> None:
        """(models, words) numbers to masks: (models, values)"""
        kept = drawn.view(torch.uint8)[:, : room.shape[1]] < keep
        torch.mul(kept, STEPS / keep, out=room)

    def keep(self, chosen: Sequence[int]) -> None:
        """See `Masks`."""
        self._generators = [self._generators[place] for place in chosen]
