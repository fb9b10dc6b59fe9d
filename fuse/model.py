"""The whole of stage two as one module: projections, autoencoders, and a design.

::

    embedding (batch, dim) ─▶ projection ─▶ encoder ─▶ code (batch, latent) ─▶ design
                                              code ─▶ decoder, for the loss only

Its state holds everything that was fitted, so one file predicts for new recordings.
"""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from data.plugins import load
from fuse.autoencoder import Autoencoder
from fuse.designs._regressor import pick
from fuse.reduce import Projection
from fuse.settings import Settings


def modalities(fusion: str) -> tuple[str, ...]:
    """Modalities that a design needs.

    Raises:
        ValueError: if there is no such design; the sentence lists the choices
    """
    found: tuple[str, ...] = load("fuse.designs", fusion).MODALITIES
    return found


class System(nn.Module):
    """Raw embeddings in, ratings out.

    Args:
        fusion: name of a design
        projections: of each modality that the design needs; others are left aside
        targets: ratings to predict
        settings: sizes and dropout
    """

    def __init__(
        self,
        fusion: str,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
    ):
        super().__init__()
        needed = modalities(fusion)
        self.projections = nn.ModuleDict({m: pick(projections, m) for m in needed})
        sizes = {m: projections[m].size for m in needed}
        self.autoencoders = nn.ModuleDict()
        if settings.reduce == "autoencoder":
            for modality, size in sizes.items():
                self.autoencoders[modality] = Autoencoder(
                    size, hidden=settings.autoencoder_hidden, latent=settings.latent
                )
            sizes = dict.fromkeys(needed, settings.latent)
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.fusion = load("fuse.designs", fusion).Fusion(
            sizes, hidden=settings.hidden, targets=targets, dropout=settings.dropout
        )

    def project(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Fixed once fitted, so done once: {modality: (batch, dim)} -> same keys."""
        return {m: p(pick(features, m)) for m, p in self.projections.items()}

    def encode(self, projected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Codes of projected embeddings; in training mode, of corrupted ones.

        Hiding values from the encoder that the decoder must restore makes it a
        denoising autoencoder (Vincent et al., 2008).
        """
        codes = {m: self.corrupt(x) for m, x in projected.items()}
        for modality in self.autoencoders:
            codes[modality] = self._autoencoder(modality).encode(codes[modality])
        return codes

    def decode(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Projected embeddings, restored; empty where there is no autoencoder."""
        return {m: self._autoencoder(m).decode(codes[m]) for m in self.autoencoders}

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """{modality: (batch, dim)}, as cached -> (batch, targets)"""
        found: Tensor = self.fusion(self.encode(self.project(features)))
        return found

    def _autoencoder(self, modality: str) -> Autoencoder:
        return cast(Autoencoder, self.autoencoders[modality])
