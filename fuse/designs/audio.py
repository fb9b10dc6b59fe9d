"""Speech alone: the baseline row "Wav2Vec2" of the paper's Table II."""

from collections.abc import Mapping

from torch import Tensor, nn

from fuse.designs._regressor import Regressor, pick

MODALITIES = ("audio",)


class Fusion(nn.Module):
    """The regressor on the audio embedding.

    Args:
        dims: size of each modality's embedding; only ``audio`` is used
        hidden: units of the regressor
        targets: ratings to predict
        dropout: share of hidden units left out in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.regressor = Regressor(
            pick(dims, "audio"), hidden=hidden, targets=targets, dropout=dropout
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)} -> (batch, targets)"""
        found: Tensor = self.regressor(pick(embeddings, "audio"))
        return found
