"""Compresses one modality: the paper's dimensionality reduction, equations 3 to 6.

`Autoencoder` takes an embedding whole, all its layers side by side; `Layerwise` takes
its layers one by one, and `Mixed` weighted means of them.
"""

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


class Layerwise(Autoencoder):
    """One autoencoder for all layers: each becomes a code of its own.

    Args:
        dim: size of one layer's embedding
        hidden: units of the layer between embedding and code, on either side
        latent: size of one layer's code
        layers: how many there are
    """

    def __init__(self, dim: int, *, hidden: int, latent: int, layers: int):
        super().__init__(dim, hidden=hidden, latent=latent)
        self.layers = layers

    def encode(self, embedding: Tensor) -> Tensor:
        """(batch, layers * dim) -> (batch, layers * latent)"""
        return super().encode(self._apart(embedding)).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        """(batch, layers * latent) -> (batch, layers * dim)"""
        return super().decode(self._apart(code)).flatten(1)

    def _apart(self, joined: Tensor) -> Tensor:
        apart: Tensor = joined.unflatten(1, (self.layers, -1))
        return apart  # (batch, layers, ...)


class Mixed(Autoencoder):
    """Encodes several mixtures of layers; together their codes restore all layers.

    To restore the mixtures alone would reward those that are easy to restore.

    Args:
        dim: size of a mixture, and of one layer's embedding
        hidden: units of the layer between embedding and code, on either side
        latent: size of one mixture's code
        layers: how many are mixed
        mixtures: how many are made of them
    """

    def __init__(
        self, dim: int, *, hidden: int, latent: int, layers: int, mixtures: int
    ):
        super().__init__(dim, hidden=hidden, latent=latent)
        self.decoder = nn.Sequential(
            nn.Linear(mixtures * latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, layers * dim),
        )

    def decode(self, code: Tensor) -> Tensor:
        """(batch, mixtures, latent) -> (batch, layers * dim)"""
        return super().decode(code.flatten(1))
