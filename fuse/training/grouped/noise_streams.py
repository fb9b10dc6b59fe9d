"""Gaussian numbers of a model group, from a separate random stream for each model.

The numbers of a model depend on its seed and the number of earlier draws, never on its
neighbours.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from affuse.fuse.seeds import derive_seed


class NoiseStreams:
    """Standard normal numbers of the models of a group, along the leading axis.

    Args:
        seeds: of each model, at least 0
        device: of the numbers; a GPU draws other numbers than a CPU
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str):
        self._device = torch.device(device)
        self._seeds = [derive_seed(seed, "noise") for seed in seeds]
        self._hosts: list[np.random.Generator] = []
        self._cards: list[torch.Generator] = []
        if self._device.type == "cpu":
            bits = [np.random.SFC64(seed) for seed in self._seeds]
            self._hosts = [np.random.Generator(each) for each in bits]
        else:
            cards = [torch.Generator(self._device) for _ in self._seeds]
            self._cards = [
                c.manual_seed(s) for c, s in zip(cards, self._seeds, strict=True)
            ]

    def draw(self, shapes: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return the next numbers of each model: (models, *shape) float32 each.

        Args:
            shapes: of the numbers of one model, for each call of a layer
        """
        return [self._draw(shape) for shape in shapes]

    def _draw(self, shape: Sequence[int]) -> Tensor:
        """Return the next numbers of each model: (models, *shape)."""
        models = len(self._hosts or self._cards)
        room = torch.empty(models, math.prod(shape), device=self._device)
        for row, host in zip(room, self._hosts, strict=False):
            host.standard_normal(dtype=np.float32, out=row.numpy())
        for row, card in zip(room, self._cards, strict=False):
            row.normal_(generator=card)
        return room.view(models, *shape)

    def keep(self, chosen: Sequence[int]) -> None:
        """Keep some of the models, in this order.

        Args:
            chosen: their indices
        """
        self._hosts = [self._hosts[k] for k in chosen if self._hosts]
        self._cards = [self._cards[k] for k in chosen if self._cards]
