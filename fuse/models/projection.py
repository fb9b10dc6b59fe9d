"""Projection of one modality's embeddings: standardisation and optional PCA.

All statistics come from the training rows. The module stores them as buffers, so they
are saved with the model and are not trained.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from affuse.fuse.inputs.chunks import (
    CACHE_CHUNK_BYTES,
    CHUNK_BYTES,
    DOUBLE,
    spans,
    take,
)
from affuse.fuse.models.principal_axes import Pieces, rotation, total

LEAST_SPREAD = 1e-6  # deviation relative to the mean and to the largest deviation


class Projection(nn.Module):
    """Map of embeddings x to ``(x - mean) * scale``, then ``@ rotation`` with a PCA.

    A feature that is constant in the training rows has no information and gets scale 0,
    so that an utterance that differs there is not scaled up.

    Args:
        dim: size of the embedding
        components: of the PCA; None for no PCA
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
    def fitted(
        cls,
        values: Tensor,
        *,
        rows: Tensor | None = None,
        components: int | None = None,
    ) -> Self:
        """Return the projection that is fitted on the training rows only.

        The rows are read in chunks, so that they need not fit into memory.

        Args:
            values: (n, dim)
            rows: indices of the training rows of one fold; None for all rows
            components: largest size of the PCA, limited by n and dim; None for no PCA
        """
        if rows is None:
            rows = torch.arange(len(values))
        dim = values.shape[1]
        if components is not None:
            components = min(components, len(rows), dim)
        projection = cls(dim, components).to(values.device)

        def pieces(limit: int = CHUNK_BYTES) -> Iterator[Tensor]:
            for span in spans(len(rows), DOUBLE * dim, limit):
                yield take(values, rows[span].to(values.device)).double()

        mean, std = _moments(lambda: pieces(CACHE_CHUNK_BYTES), len(rows))
        varies = (std > LEAST_SPREAD * std.max()) & (std > LEAST_SPREAD * mean.abs())
        projection.mean.copy_(mean)
        projection.scale.copy_(torch.where(varies, 1 / std, torch.zeros_like(std)))
        if projection.rotation is not None:
            shape = len(rows), dim, projection.rotation.shape[1]
            axes = rotation(lambda: _standard(pieces, mean, projection.scale), *shape)
            projection.rotation.copy_(torch.from_numpy(axes))
        return projection

    @property
    def size(self) -> int:
        """Number of features of the projected embedding."""
        return len(self.mean) if self.rotation is None else self.rotation.shape[1]

    def forward(self, embedding: Tensor) -> Tensor:
        """Return projected embeddings.

        Args:
            embedding: (batch, dim)

        Returns:
            (batch, size)
        """
        standard = (embedding - self.mean) * self.scale
        return standard if self.rotation is None else standard @ self.rotation


def _moments(pieces: Pieces, rows: int) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each feature: (dim,) each, in float64."""
    mean = total(x.sum(dim=0) for x in pieces()) / rows
    squares = total((x - mean).square().sum(dim=0) for x in pieces())
    return mean, (squares / rows).sqrt()


def _standard(pieces: Pieces, mean: Tensor, scale: Tensor) -> Iterator[Tensor]:
    """Yield standardised chunks."""
    for x in pieces():
        yield (x - mean) * scale
