"""Self-attention within each of several inputs that are concatenated.

All other operations of a transformer work on single steps, so only attention has to
know where one input ends and the next begins.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from affuse.extract.networks.hidden_layers import blocks, send

HALVES = (torch.bfloat16, torch.float16)  # dtypes of the variable-length kernel
# Attributes of the projections: query, key, value and output.
PRODUCTS = (
    ("q_proj", "k_proj", "v_proj", "out_proj"),  # Wav2Vec2 and HuBERT
    ("q_lin", "k_lin", "v_lin", "out_lin"),  # DistilBERT
)


class _AttentionState(local):
    """Borders of the inputs that this thread encodes."""

    counts: tuple[int, ...]  # steps of each input
    borders: Tensor  # (inputs + 1,) int32, first step of each input, and the end


_now = _AttentionState()


def suits(model: Any) -> bool:
    """Return True if the kernel supports a model: half precision on a CUDA device."""
    return model.device.type == "cuda" and model.dtype in HALVES


def confine(model: Any) -> None:
    """Replace the attention of a model by `PackedAttention`, in place."""
    heads = model.config.num_attention_heads
    for block in blocks(model) or ():
        block.attention = PackedAttention(block.attention, heads)


@contextmanager
def inputs(counts: Sequence[int], device: torch.device) -> Iterator[None]:
    """Set the borders of the concatenated inputs that are encoded in this context.

    Args:
        counts: steps of each input
        device: of the model
    """
    _now.counts = tuple(counts)
    _now.borders = send(np.cumsum([0, *counts], dtype=np.int32), device)
    try:
        yield
    finally:
        del _now.counts, _now.borders


class PackedAttention(nn.Module):
    """Replacement for a block's attention, with joint query, key and value weights."""

    def __init__(self, inner: Any, heads: int):
        super().__init__()
        names = next(
            candidate for candidate in PRODUCTS if hasattr(inner, candidate[0])
        )
        *parts, self.out = (getattr(inner, name) for name in names)
        self.heads = heads
        self.weight = torch.cat([part.weight.detach() for part in parts])
        self.bias = torch.cat([part.bias.detach() for part in parts])
        self.unused = (None,) * (result_count(inner) - 1)

    def forward(
        self, hidden_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor | None, ...]:
        """Return the output, (1, steps of all inputs, dim), and None for weights."""
        joint = functional.linear(hidden_states[0], self.weight, self.bias)
        q, k, v = joint.unflatten(1, (3, self.heads, -1)).unbind(1)
        states = self.out(_attend(q, k, v).flatten(1))
        return states.unsqueeze(0), *self.unused


def result_count(attention: nn.Module) -> int:
    """Return the number of values that a block expects from its attention.

    Versions of transformers differ: the output and its weights, or also the keys and
    values of earlier steps, which encoders do not have.

    Args:
        attention: module of the block that is to be replaced
    """
    annotation = inspect.signature(type(attention).forward).return_annotation
    values = get_args(annotation)
    return len(values) if len(values) > 2 else 2


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return scaled dot-product attention within each input, (steps, heads, dim)."""
    if q.is_cuda and q.dtype in HALVES:
        from torch.nn.attention.varlen import varlen_attn

        longest, borders = max(_now.counts), _now.borders
        states = varlen_attn(q, k, v, borders, borders, longest, longest)
        return cast(Tensor, states)  # a pair only if more outputs are requested
    pieces = zip(*(x.split(_now.counts) for x in (q, k, v)), strict=True)
    return torch.cat([_plain(*piece) for piece in pieces])


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v).transpose(0, 1)
