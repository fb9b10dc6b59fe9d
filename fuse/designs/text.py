"""Words alone: the baseline row "DistilBERT" of the paper's Table II."""

from collections.abc import Mapping

from torch import Tensor, nn

from fuse.designs._regressor import Regressor, pick

MODALITIES = ("text",)


class Fusion(nn.Module):
    """The regressor on the text embedding.

    Args:
        dims: size of each modality's embedding; only ``text`` is used
        hidden: units of the regressor
        targets: ratings to predict
        dropout: share of hidden units left out in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.regressor = Regressor(
            pick(dims, "text"), hidden=hidden, targets=targets, dropout=dropout
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        found: Tensor = self.regressor(pick(embeddings, "text"))
        return found
