"""Brings one modality's embeddings to unit scale, and to fewer dimensions by PCA.

All statistics come from the training rows that are given; the module carries them as
buffers, so they are saved with the model and are no parameters.
"""

from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

LEAST_SPREAD = 1e-6  # of a feature, relative to its mean and to the widest feature


class Projection(nn.Module):
    """``(x - mean) * scale``, then ``@ rotation`` if there is one.

    A feature that is constant in the training rows says nothing, and gets scale 0: an
    utterance that differs there must not be blown up.

    Args:
        dim: size of the embedding
        components: of the PCA; None for none
    """

    mean: Tensor  # (dim,)
    scale: Tensor  # (dim,)
    rotation: Tensor | None  # (dim, components)

    def __init__(self, dim: int, components: int | None = None):
        super().__init__()
        rotation = None if components is None else torch.zeros(dim, components)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("rotation", rotation)

    @classmethod
    def fitted(cls, rows: Tensor, *, components: int | None = None) -> Self:
        """The projection that these rows determine, and no others.

        Args:
            rows: (n, dim), of the training part of one fold
            components: largest size of the PCA, lowered to what n and dim allow; None
                for no PCA
        """
        if components is not None:
            components = min(components, *rows.shape)
        projection = cls(rows.shape[1], components).to(rows.device)
        values = rows.double()
        mean = values.mean(dim=0)
        std = (values - mean).square().mean(dim=0).sqrt()
        known = (std > LEAST_SPREAD * std.max()) & (std > LEAST_SPREAD * mean.abs())
        projection.mean.copy_(mean)
        projection.scale.copy_(torch.where(known, 1 / std, torch.zeros_like(std)))
        if projection.rotation is not None:
            standard = ((values - mean) * projection.scale).cpu().numpy()
            found = _rotation(standard, projection.rotation.shape[1])
            projection.rotation.copy_(torch.from_numpy(found))
        return projection

    @property
    def size(self) -> int:
        """Features that come out."""
        return len(self.mean) if self.rotation is None else self.rotation.shape[1]

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, dim) -> (batch, size)"""
        standard = (embedding - self.mean) * self.scale
        return standard if self.rotation is None else standard @ self.rotation


def _rotation(standard: np.ndarray, components: int) -> np.ndarray:
    """Principal directions (dim, components), scaled to a mean variance of 1.

    One factor for all components: their relative size is kept, for whitening would
    raise the noise of the last ones to the height of the first.
    """
    from sklearn.decomposition import PCA

    pca = PCA(components, random_state=0).fit(standard)
    variance = float(pca.explained_variance_.mean())
    found = pca.components_.T / np.sqrt(variance if variance > 0 else 1.0)
    return np.asarray(found)
