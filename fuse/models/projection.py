"""Brings one modality's embeddings to unit scale, and to fewer dimensions by PCA.

All statistics come from the training rows that are given; the module carries them as
buffers, so they are saved with the model and are no parameters.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from affuse.fuse.inputs.chunks import BYTES, CACHED, DOUBLE, spans, take
from affuse.fuse.models.principal_axes import Pieces, rotation, total

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
    def fitted(
        cls,
        values: Tensor,
        *,
        rows: Tensor | None = None,
        components: int | None = None,
    ) -> Self:
        """The projection that these rows determine, and no others.

        They are read piece by piece, so that they need not fit into memory.

        Args:
            values: (n, dim)
            rows: numbers of those in the training part of one fold; None for all
            components: largest size of the PCA, lowered to what n and dim allow; None
                for no PCA
        """
        if rows is None:
            rows = torch.arange(len(values))
        dim = values.shape[1]
        if components is not None:
            components = min(components, len(rows), dim)
        projection = cls(dim, components).to(values.device)

        def pieces(limit: int = BYTES) -> Iterator[Tensor]:
            for span in spans(len(rows), DOUBLE * dim, limit):
                yield take(values, rows[span].to(values.device)).double()

        mean, std = _moments(lambda: pieces(CACHED), len(rows))
        known = (std > LEAST_SPREAD * std.max()) & (std > LEAST_SPREAD * mean.abs())
        projection.mean.copy_(mean)
        projection.scale.copy_(torch.where(known, 1 / std, torch.zeros_like(std)))
        if projection.rotation is not None:
            shape = len(rows), dim, projection.rotation.shape[1]
            found = rotation(lambda: _standard(pieces, mean, projection.scale), *shape)
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


def _moments(pieces: Pieces, rows: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature: (dim,) each, in float64."""
    mean = total(x.sum(dim=0) for x in pieces()) / rows
    squares = total((x - mean).square().sum(dim=0) for x in pieces())
    return mean, (squares / rows).sqrt()


def _standard(pieces: Pieces, mean: Tensor, scale: Tensor) -> Iterator[Tensor]:
    for x in pieces():
        yield (x - mean) * scale
