"""Autoencoders of one modality: the paper's dimensionality reduction (equations 3-6).

`Autoencoder` encodes an embedding, with all its layers concatenated.
`LayerwiseAutoencoder` encodes the layers separately, and `ScalarMixAutoencoder` encodes
weighted means of the layers.
"""

from torch import Tensor, nn


class Autoencoder(nn.Module):
    """Autoencoder with one hidden layer in the encoder and one in the decoder.

    Args:
        dim: size of the embedding
        hidden: units of each hidden layer
        latent: size of the latent code
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
        """Return the latent code (equations 3 and 4).

        Args:
            embedding: (batch, dim)

        Returns:
            (batch, latent)
        """
        code: Tensor = self.encoder(embedding)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Return the reconstruction, for training only (equations 5 and 6).

        Args:
            code: (batch, latent)

        Returns:
            (batch, dim)
        """
        embedding: Tensor = self.decoder(code)
        return embedding

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the reconstruction of an embedding from its latent code.

        Args:
            embedding: (batch, dim)

        Returns:
            (batch, dim)
        """
        return self.decode(self.encode(embedding))


class LayerwiseAutoencoder(Autoencoder):
    """Autoencoder that is shared by all layers and encodes each layer separately.

    Args:
        dim: size of one layer's embedding
        hidden: units of each hidden layer
        latent: size of one layer's code
        layers: number of layers
    """

    def __init__(self, dim: int, *, hidden: int, latent: int, layers: int):
        super().__init__(dim, hidden=hidden, latent=latent)
        self.layers = layers

    def encode(self, embedding: Tensor) -> Tensor:
        """Return the latent codes of all layers, concatenated.

        Args:
            embedding: (batch, layers * dim)

        Returns:
            (batch, layers * latent)
        """
        return super().encode(self._by_layer(embedding)).flatten(1)

    def decode(self, code: Tensor) -> Tensor:
        """Return the reconstructions of all layers, concatenated.

        Args:
            code: (batch, layers * latent)

        Returns:
            (batch, layers * dim)
        """
        return super().decode(self._by_layer(code)).flatten(1)

    def _by_layer(self, joined: Tensor) -> Tensor:
        """Return concatenated layers on an axis: (batch, layers, features)."""
        separate: Tensor = joined.unflatten(1, (self.layers, -1))
        return separate


class ScalarMixAutoencoder(Autoencoder):
    """Autoencoder of scalar mixes, which reconstructs all layers from their codes.

    If it reconstructed the mixes, training would prefer mixes that are easy to
    reconstruct.

    Args:
        dim: size of a mixture
        hidden: units of each hidden layer
        latent: size of one mixture's code
        size: of the embedding, with all layers of all encoders
        mixtures: number of mixtures
    """

    def __init__(self, dim: int, *, hidden: int, latent: int, size: int, mixtures: int):
        super().__init__(dim, hidden=hidden, latent=latent)
        self.decoder = nn.Sequential(
            nn.Linear(mixtures * latent, hidden),
            nn.ReLU(),
            nn.Linear(hidden, size),
        )

    def decode(self, code: Tensor) -> Tensor:
        """Return the reconstruction of all layers from the codes of all mixtures.

        Args:
            code: (batch, mixtures, latent)

        Returns:
            (batch, size)
        """
        return super().decode(code.flatten(1))
