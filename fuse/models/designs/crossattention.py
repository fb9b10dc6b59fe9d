"""Cross-modal attention: each modality attends to the other.

Tsai et al., 2019, ACL, "Multimodal transformer for unaligned multimodal language
sequences": one cross-modal attention layer in each direction, without their deep
stacks. The tokens are the cached layers, encoded separately. If only one layer is
cached, the tokens are `SLICES` learned linear maps of its code.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from affuse.fuse.models.regressor import Regressor, pick

MODALITIES = ("audio", "text")
TOKENS = True  # one code for each layer, concatenated: (batch, layers * code)
SLICES = 8  # number of tokens from a single code
SHARE = 4  # ratio of hidden units to units of a token


class Tokens(nn.Module):
    """Map of each layer's code, or several maps of a single code, to tokens.

    Args:
        dim: size of all codes together
        count: number of codes
        width: size of a token
    """

    def __init__(self, dim: int, *, count: int, width: int):
        super().__init__()
        self.count, views = count, SLICES if count == 1 else 1
        self.embed = nn.Linear(dim // count, views * width)
        # Position embeddings distinguish layers, because attention ignores their order.
        self.place = nn.Parameter(0.02 * torch.randn(count * views, width))

    def forward(self, codes: Tensor) -> Tensor:
        """Return the tokens of one modality.

        Args:
            codes: (batch, count * code)

        Returns:
            (batch, tokens, width)
        """
        views: Tensor = self.embed(codes.unflatten(1, (self.count, -1)))
        return views.reshape(codes.shape[0], *self.place.shape) + self.place


class CrossAttention(nn.Module):
    """Attention layer ``X_m + softmax(X_m W_q (X_n W_k)' / sqrt(width)) X_n W_v``.

    Args:
        width: size of a token
    """

    def __init__(self, width: int):
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Return the tokens of one modality after attention to those of the other.

        Args:
            queries: (batch, tokens, width) of the attending modality
            context: (batch, other tokens, width) of the other modality

        Returns:
            (batch, tokens, width)
        """
        scores = self.query(queries) @ self.key(context).transpose(1, 2)
        weights = (scores / math.sqrt(queries.shape[2])).softmax(dim=2)
        attended: Tensor = queries + weights @ self.value(context)
        return attended


class Fusion(nn.Module):
    """Design ``Y = FC(concat(mean(CM(X_a, X_t)), mean(CM(X_t, X_a))))``.

    The means are over tokens, and CM is `CrossAttention`.

    Args:
        dims: size of each modality's embedding, with all its layers
        hidden: units of the regressor; a token has a quarter of them
        targets: number of ratings to predict
        dropout: share of hidden units that dropout sets to 0 in training
        tokens: {modality: number of layers}; 1 by default
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
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        audio, text = (
            tokens(pick(embeddings, modality))
            for modality, tokens in self.tokens.items()
        )
        from_audio = self.attention["audio"](audio, text).mean(dim=1)
        from_text = self.attention["text"](text, audio).mean(dim=1)
        predictions: Tensor = self.regressor(torch.cat([from_audio, from_text], dim=1))
        return predictions
