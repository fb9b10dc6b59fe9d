"""Network of stage two as one module: projections, autoencoders, and a design.

::

    embedding (batch, dim) ─▶ projection ─▶ encoder ─▶ code (batch, latent) ─▶ design
                                              code ─▶ decoder, for the loss only

With ``layers = "weighted"``, mixtures of layers are computed between projection and
encoder, one for each rating; see `affuse.fuse.models.scalar_mix`. A design that
declares ``TOKENS`` gets one code for each layer. The state of the module contains
everything that was fitted, so one file of weights predicts new recordings.
"""

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from affuse.data.cache.recipe import LayerStructure
from affuse.fuse.models.autoencoder import (
    Autoencoder,
)
from affuse.fuse.models.design import Design, find
from affuse.fuse.models.feature_noise import FeatureNoise
from affuse.fuse.models.modality_dropout import ModalityDropout
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.system_parts import SystemParts
from affuse.fuse.settings import Settings


def modalities(fusion: str | Design) -> tuple[str, ...]:
    """Return the modalities that a network needs.

    Args:
        fusion: name of the design, or the design itself

    Raises:
        AffuseError: if there is no such design; the message lists the choices
    """
    return find(fusion).modalities


class System(nn.Module):
    """Network from cached embeddings to ratings.

    Args:
        fusion: name of a design, or the design itself
        projections: {modality: projection}; modalities that the design does not need
            are ignored
        targets: number of ratings to predict
        settings: sizes and dropout
        layers: {modality: layers in its embedding}; one layer by default
    """

    def __init__(
        self,
        fusion: str | Design,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, LayerStructure] | None = None,
    ):
        super().__init__()
        design = find(fusion)
        needed = design.modalities
        self.projections = nn.ModuleDict({m: pick(projections, m) for m in needed})
        parts = SystemParts(design, settings, targets, dict(layers or {}))
        sizes = {m: projections[m].size for m in needed}
        self.drop_modalities = ModalityDropout(settings.modality_dropout, len(needed))
        self.noise = FeatureNoise(settings.noise)
        self.mixtures = parts.mixtures(sizes)
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.autoencoders = parts.autoencoders(sizes)
        self.fusion = parts.fusion(sizes)
        self._fills = settings.modality_dropout > 0
        self._leaves_out = design.tolerant

    @property
    def robust(self) -> bool:
        """True if it predicts utterances that lack one of its modalities."""
        return len(self.projections) > 1 and (self._fills or self._leaves_out)

    def project(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return projected embeddings, which training may compute once and reuse.

        A `robust` system accepts missing modalities. If it was trained with modality
        dropout, the training mean replaces them; otherwise the design omits them.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            {modality: (batch, projected size)}

        Raises:
            AffuseError: naming a modality that is missing
        """
        projected = {
            m: p(features[m]) for m, p in self.projections.items() if m in features
        }
        for modality in self.projections:
            if modality not in projected and not (projected and self.robust):
                pick(features, modality)
        if self._fills and projected:
            like = next(iter(projected.values()))
            for modality, projection in self.projections.items():
                blank = like.new_zeros(like.shape[0], cast(Projection, projection).size)
                projected.setdefault(modality, blank)
        return {m: projected[m] for m in self.projections if m in projected}

    def encode(self, projected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the codes of projected embeddings, corrupted in training mode.

        The decoder must restore values that the encoder does not see, which makes it a
        denoising autoencoder (Vincent et al., 2008). Noise is added first, so that a
        modality that is dropped stays 0.

        Args:
            projected: {modality: (batch, projected size)}
        """
        codes = self.drop_modalities({m: self.noise(x) for m, x in projected.items()})
        for modality, mixture in self.mixtures.items():
            if modality in codes:
                codes[modality] = mixture(codes[modality])
        codes = {m: self.corrupt(x) for m, x in codes.items()}
        for modality in self.autoencoders:
            if modality in codes:
                codes[modality] = self._autoencoder(modality).encode(codes[modality])
        return codes

    def decode(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the reconstructions of projected embeddings by the autoencoders.

        Args:
            codes: {modality: codes}, as `encode` returns them

        Returns:
            {modality: (batch, projected size)}; empty without autoencoders
        """
        return {m: self._autoencoder(m).decode(codes[m]) for m in self.autoencoders}

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the predictions of cached embeddings.

        Args:
            features: {modality: (batch, dim)}, as cached

        Returns:
            (batch, targets), on the scale of the ratings
        """
        predictions: Tensor = self.fusion(self.encode(self.project(features)))
        return predictions

    def _autoencoder(self, modality: str) -> Autoencoder:
        return cast(Autoencoder, self.autoencoders[modality])
