"""Cross-modal attention: each modality looks up in the other what concerns it.

Tsai et al., 2019, ACL, "Multimodal transformer for unaligned multimodal language
sequences": one crossmodal attention in each direction, without their deep stacks. The
tokens are the cached layers, each encoded on its own. Where there is one layer only,
the tokens are `SLICES` learned views of its code.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
TOKENS = (
    True  # codes of several layers come apart: (batch, layers * code), and `tokens`
)
SLICES = 8  # tokens made of one code
SHARE = 4  # hidden units to one unit of a token


class Tokens(nn.Module):
    """The code of each layer, or several views of the only one, in tokens of one size.

    Args:
        dim: size of all codes together
        count: how many codes that is
        width: size of a token
    """

    def __init__(self, dim: int, *, count: int, width: int):
        super().__init__()
        self.count, views = count, SLICES if count == 1 else 1
        self.embed = nn.Linear(dim // count, views * width)
        # what tells the layers apart, since attention does not know their order
        self.place = nn.Parameter(0.02 * torch.randn(count * views, width))

    def forward(self, codes: Tensor) -> Tensor:
        """(batch, count * code) -> (batch, tokens, width)"""
        views: Tensor = self.embed(codes.unflatten(1, (self.count, -1)))
        return views.reshape(len(codes), *self.place.shape) + self.place


class CrossAttention(nn.Module):
    """``X_m + softmax(X_m W_q (X_n W_k)' / sqrt(width)) X_n W_v``"""

    def __init__(self, width: int):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)

    def forward(self, mine: Tensor, others: Tensor) -> Tensor:
        """(batch, tokens, width), (batch, other tokens, width) -> as the first"""
        scores = self.query(mine) @ self.key(others).transpose(1, 2)
        weights = (scores / math.sqrt(mine.shape[2])).softmax(dim=2)
        found: Tensor = mine + weights @ self.value(others)
        return found


class Fusion(nn.Module):
    """``Y = FC(concat(mean(CM(X_a, X_t)), mean(CM(X_t, X_a))))``, means over tokens

    Args:
        dims: size of each modality's embedding; of all its layers together
        hidden: units of the regressor; a token has a fourth of them
        targets: ratings to predict
        dropout: share of hidden units left out in training
        tokens: layers of each modality; one, if it is not named
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        *,
        hidden: int,
        targets: int,
        dropout: float = 0,
        tokens: Mapping[str, int] | None = None,
    ):
        super().__init__()
        width = math.ceil(hidden / SHARE)
        self.tokens, self.attention = nn.ModuleDict(), nn.ModuleDict()
        for modality in MODALITIES:
            count = (tokens or {}).get(modality, 1)
            self.tokens[modality] = Tokens(
                pick(dims, modality), count=count, width=width
            )
            self.attention[modality] = CrossAttention(width)
        self.regressor = Regressor(
            len(MODALITIES) * width, hidden=hidden, targets=targets, dropout=dropout
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        audio, text = (
            tokens(pick(embeddings, modality))
            for modality, tokens in self.tokens.items()
        )
        heard = self.attention["audio"](audio, text).mean(dim=1)
        read = self.attention["text"](text, audio).mean(dim=1)
        found: Tensor = self.regressor(torch.cat([heard, read], dim=1))
        return found
