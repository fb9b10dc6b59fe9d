"""Attention with relative keys (Shaw et al., 2018), with less memory than transformers.

transformers stores a vector for each pair of frames: 2.3 GB for a minute of w2v-BERT
2.0, in every block. But there is only one vector for each distance, 73 in this model.
So each query is multiplied by every vector once, and each pair selects its product.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from affuse.extract.networks.hidden_layers import blocks

KIND = "relative_key"


def rewrite(model: Any) -> None:
    """Replace the attention of a w2v-BERT model that has relative keys, in place."""
    if model.config.position_embeddings_type != KIND:
        return
    for block in blocks(model) or ():
        block.self_attn = RelativeAttention(block.self_attn)


class RelativeAttention(nn.Module):
    """Replacement for a block's attention, with the same weights and without a mask."""

    def __init__(self, inner: Any):
        super().__init__()
        self.heads: int = inner.num_heads
        self.parts = nn.ModuleList((inner.linear_q, inner.linear_k, inner.linear_v))
        self.out = inner.linear_out
        self.keys = inner.distance_embedding
        self.left: int = inner.left_max_position_embeddings
        self.right: int = inner.right_max_position_embeddings

    def forward(self, hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
        """Return the attention output, (n, frames, dim), and None for its weights."""
        q, k, v = (
            part(hidden_states).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.parts
        )
        steps = torch.arange(q.shape[2], device=q.device)
        distances = (steps - steps[:, None]).clamp(-self.left, self.right) + self.left
        products = torch.matmul(q, self.keys.weight.T) * q.shape[3] ** -0.5
        bias = products.gather(3, distances.expand(*q.shape[:2], -1, -1))
        states = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.out(states.transpose(1, 2).flatten(2)), None
