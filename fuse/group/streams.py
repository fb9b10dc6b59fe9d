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
        kind = _Host if torch.device(device).type == "cpu" else _Card
        self._sources = [kind(seed, torch.device(device)) for seed in seeds]

    def draw(self, shape: Sequence[int], keep: int) -> Tensor:
        """0 where a value is dropped, elsewhere what makes up for it: 256 / keep.

        Args:
            shape: (models, ...) of the mask
            keep: of 256 values, as `kept` says
        """
        values = math.prod(shape[1:])
        words = -(-values // WORD)
        drawn = [source.words(words) for source in self._sources]
        bytes_ = drawn[0][None] if len(drawn) == 1 else torch.stack(drawn)
        mask = bytes_.view(torch.uint8)[:, :values] < keep
        return _times(mask, STEPS / keep).view(*shape)

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with some of the models, in this order."""
        self._sources = [self._sources[place] for place in chosen]

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """Those that a CUDA graph must know; none on the CPU."""
        return tuple(s.generator for s in self._sources if isinstance(s, _Card))


def _times(mask: Tensor, factor: float) -> Tensor:
    """float32; on a CPU by numpy, which casts in portions that stay in the cache."""
    if mask.device.type != "cpu":
        return mask * factor
    return torch.from_numpy(np.multiply(mask.numpy(), np.float32(factor)))


class _Host:
    """One model's words on the CPU; numpy's generator is several times torch's."""

    def __init__(self, seed: int, device: torch.device):
        self.bits = np.random.SFC64(seed)

    def words(self, count: int) -> Tensor:
        """(count,) int64, every bit random"""
        return torch.from_numpy(self.bits.random_raw(count).view(np.int64))


class _Card:
    """One model's words on a GPU."""

    def __init__(self, seed: int, device: torch.device):
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def words(self, count: int) -> Tensor:
        """(count,) int64, every bit random"""
        found = torch.empty(count, dtype=torch.int64, device=self.device)
        return found.random_(-(2**63), None, generator=self.generator)
