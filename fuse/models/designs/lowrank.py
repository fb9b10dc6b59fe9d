"""Low-rank fusion: products of modalities without their full outer product.

Liu et al., 2018, ACL, "Efficient low-rank multimodal fusion with modality-specific
factors". The weights of tensor fusion are a sum of `RANK` outer products. So each
modality is multiplied by separate factors, and no tensor has the size of their product.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from affuse.fuse.models.regressor import pick

MODALITIES = ("audio", "text")
RANK = 4


class Fusion(nn.Module):
    """Design ``Y = W sum_r (W_a^r [Z_a, 1]) * (W_t^r [Z_t, 1])``, where W has a bias.

    A factor that multiplies a code with an appended 1 is a linear layer with a bias.

    Args:
        dims: size of each modality's embedding
        hidden: units of the fused layer
        targets: number of ratings to predict
        dropout: share of fused units that dropout sets to 0 in training
    """

    def __init__(
        self, dims: Mapping[str, int], *, hidden: int, targets: int, dropout: float = 0
    ):
        super().__init__()
        self.factors = nn.ModuleDict(
            {
                modality: nn.Linear(pick(dims, modality), RANK * hidden)
                for modality in MODALITIES
            }
        )
        self.regressor = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, targets))

    def forward(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions.

        Args:
            embeddings: {modality: (batch, dim)}

        Returns:
            (batch, targets)
        """
        audio, text = (
            factor(pick(embeddings, modality))
            for modality, factor in self.factors.items()
        )  # (batch, RANK * hidden) each
        fused = (audio * text).unflatten(1, (RANK, -1)).sum(dim=1)
        predictions: Tensor = self.regressor(fused)
        return predictions
