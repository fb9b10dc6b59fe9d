"""Self-attention within each of several inputs that stand end to end.

Every other step of a transformer works on single steps, so nothing else must know where
one input ends and the next begins.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from affuse.extract.networks.hidden_layers import blocks, send

HALVES = (torch.bfloat16, torch.float16)  # of which the kernel for lengths is made
# what attention calls its products: query, key, value and what comes out
PRODUCTS = (
    ("q_proj", "k_proj", "v_proj", "out_proj"),  # Wav2Vec2 and HuBERT
    ("q_lin", "k_lin", "v_lin", "out_lin"),  # DistilBERT
)


class _AttentionState(local):
    """What this thread encodes."""

    counts: tuple[int, ...]  # steps of each input
    borders: Tensor  # (inputs + 1,) int32, first step of each input, and the end


_now = _AttentionState()


def suits(model: Any) -> bool:
    """Whether there is a kernel for it: in half precision on a CUDA device."""
    return model.device.type == "cuda" and model.dtype in HALVES


def confine(model: Any) -> None:
    """Let attention stop at the borders of the inputs that are encoded."""
    heads = model.config.num_attention_heads
    for block in blocks(model) or ():
        block.attention = PackedAttention(block.attention, heads)


@contextmanager
def inputs(counts: Sequence[int], device: torch.device) -> Iterator[None]:
    """So many steps of each input stand end to end in what is encoded meanwhile."""
    _now.counts = tuple(counts)
    _now.borders = send(np.cumsum([0, *counts], dtype=np.int32), device)
    try:
        yield
    finally:
        del _now.counts, _now.borders


class PackedAttention(nn.Module):
    """Takes the place of a block's own: its weights, query, key and value in one."""

    def __init__(self, inner: Any, heads: int):
        super().__init__()
        names = next(found for found in PRODUCTS if hasattr(inner, found[0]))
        *parts, self.out = (getattr(inner, name) for name in names)
        self.heads = heads
        self.weight = torch.cat([part.weight.detach() for part in parts])
        self.bias = torch.cat([part.bias.detach() for part in parts])

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
        """(1, steps of all inputs, dim) -> the same shape, and no weights"""
        joint = functional.linear(hidden_states[0], self.weight, self.bias)
        q, k, v = joint.unflatten(1, (3, self.heads, -1)).unbind(1)
        found = self.out(_attend(q, k, v).flatten(1))
        return found.unsqueeze(0), None


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """(steps, heads, dim) each -> the same shape; scaled as all of these models do."""
    if q.is_cuda and q.dtype in HALVES:
        from torch.nn.attention.varlen import varlen_attn

        longest, borders = max(_now.counts), _now.borders
        found = varlen_attn(q, k, v, borders, borders, longest, longest)
        return cast(Tensor, found)  # a pair only where more is asked for
    pieces = zip(*(x.split(_now.counts) for x in (q, k, v)), strict=True)
    return torch.cat([_plain(*piece) for piece in pieces])


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v).transpose(0, 1)
