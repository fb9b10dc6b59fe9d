"""Compresses one modality: the paper's dimensionality reduction, equations 3 to 6."""

from torch import Tensor, nn


class Autoencoder(nn.Module):
    """One hidden layer to the latent code, its mirror image back.

    Args:
        dim: size of the embedding
        hidden: units of the layer between embedding and code, on either side
        latent: size of the code
    """

    def __init__(self, dim: int, *, hidden: int, latent: int):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, dim)
        )

    def encode(self, embedding: Tensor) -> Tensor:
        """Equations 3 and 4: (batch, dim) -> (batch, latent)"""
        code: Tensor = self.encoder(embedding)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Equations 5 and 6, for training only: (batch, latent) -> (batch, dim)"""
        embedding: Tensor = self.decoder(code)
        return embedding

    def forward(self, embedding: Tensor) -> Tensor:
        """What is left of the embedding after compression: (batch, dim) -> same"""
        return self.decode(self.encode(embedding))
