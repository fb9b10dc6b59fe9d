"""Dropout masks of many models at once, each from random numbers of its own.

What a model draws depends on its seed and on how often it drew before, never on the
models beside it, their number or the thread. Shares are rounded to 1/256, so that one
random byte decides on one value: torch's own dropout takes as long as the products.
"""

import math
from collections.abc import Sequence

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
        self._sources = [kind(seed, self.device) for seed in seeds]

    def draw(self, shape: Sequence[int], keep: int) -> Tensor:
        """0 where a value is dropped, elsewhere what makes up for it: 256 / keep.

        Args:
            shape: (models, ...) of the mask
            keep: of 256 values, as `kept` says; fewer than all
        """
        found = torch.empty(
            len(self._sources), math.prod(shape[1:]), device=self.device
        )
        for row, source in zip(found, self._sources, strict=True):
            source.write(row, keep)
        return found.view(*shape)

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order."""
        self._sources = [self._sources[place] for place in chosen]


class _Host:
    """One model's numbers on the CPU, by numpy: several times as fast as torch."""

    def __init__(self, seed: int, device: torch.device):
        self.bits = np.random.SFC64(seed)

    def write(self, row: Tensor, keep: int) -> None:
        """A mask into (values,)."""
        drawn = self.bits.random_raw(-(-len(row) // WORD)).view(np.uint8)
        kept = drawn[: len(row)] < np.uint8(keep)
        np.multiply(kept, np.float32(STEPS / keep), out=row.numpy())


class _Card:
    """One model's numbers on a GPU."""

    def __init__(self, seed: int, device: torch.device):
        self.generator = torch.Generator(device).manual_seed(seed)

    def write(self, row: Tensor, keep: int) -> None:
        """A mask into (values,)."""
        words = -(-len(row) // WORD)
        drawn = torch.empty(words, dtype=torch.int64, device=row.device)
        drawn.random_(-(2**63), None, generator=self.generator)
        torch.mul(drawn.view(torch.uint8)[: len(row)] < keep, STEPS / keep, out=row)
