"""Network of stage two as one module: projections, autoencoders, and a design.

::

    embedding (batch, dim) ─▶ projection ─▶ encoder ─▶ code (batch, latent) ─▶ design
                                              code ─▶ decoder, for the loss only

With ``layers = "weighted"``, mixtures of layers are computed between projection and
encoder, one for each rating; see `affuse.fuse.models.scalar_mix`. A design that
declares ``TOKENS`` gets one code for each layer. The state of the module contains
everything that was fitted, so one file of weights predicts new recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn

from affuse.fuse.models.autoencoder import Autoencoder, Layerwise, Mixed
from affuse.fuse.models.design import Design, find
from affuse.fuse.models.feature_noise import FeatureNoise
from affuse.fuse.models.modality_dropout import Hiding
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.scalar_mix import Mixture, PerRating
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
        layers: {modality: number of cached layers in its embedding}; 1 by default
    """

    def __init__(
        self,
        fusion: str | Design,
        projections: Mapping[str, Projection],
        *,
        targets: int,
        settings: Settings,
        layers: Mapping[str, int] | None = None,
    ):
        super().__init__()
        design = find(fusion)
        needed = design.modalities
        self.projections = nn.ModuleDict({m: pick(projections, m) for m in needed})
        shapes = Shapes(design, settings, targets, dict(layers or {}))
        sizes = {m: projections[m].size for m in needed}
        self.hide = Hiding(settings.modality_dropout, len(needed))
        self.noise = FeatureNoise(settings.noise)
        self.mixtures = shapes.mixtures(needed)
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.autoencoders = shapes.autoencoders(sizes)
        self.fusion = shapes.fusion(sizes)
        self._fills = settings.modality_dropout > 0
        self._leaves_out = design.tolerant

    @property
    def robust(self) -> bool:
        """True if it predicts utterances that lack one of its modalities."""
        return len(self.projections) > 1 and (self._fills or self._leaves_out)

    def project(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return projected embeddings; projections are not trained, so once is enough.

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
                blank = like.new_zeros(len(like), cast(Projection, projection).size)
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
        codes = self.hide({m: self.noise(x) for m, x in projected.items()})
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


@dataclass(frozen=True)
class Shapes:
    """Sizes of layers, codes and ratings that the parts of a system exchange."""

    design: Design
    settings: Settings
    targets: int
    layers: Mapping[str, int]

    @property
    def weighted(self) -> bool:
        """True if layers are mixed for each rating."""
        return self.settings.layers == "weighted"

    def tokens(self, modality: str) -> int:
        """Return the number of codes of a modality that the design gets.

        It is 1 where layers are mixed or reduced by PCA. It is also 1 for pretrained
        autoencoders, which all designs share.

        Args:
            modality: its name
        """
        joined = self.settings.reduce == "pca" or self.settings.training == "pretrain"
        separate = self.design.tokens and not joined
        return self.layers.get(modality, 1) if separate and not self.weighted else 1

    def mixtures(self, modalities: Sequence[str]) -> nn.ModuleDict:
        """Return a mixture of layers for each modality; empty if layers are not mixed.

        Args:
            modalities: names
        """
        chosen = modalities if self.weighted else ()
        return nn.ModuleDict(
            {m: Mixture(self.layers.get(m, 1), self.targets) for m in chosen}
        )

    def autoencoders(self, sizes: Mapping[str, int]) -> nn.ModuleDict:
        """Return an autoencoder for each modality; empty with another reduction.

        Args:
            sizes: {modality: projected size}
        """
        chosen = sizes if self.settings.reduce == "autoencoder" else {}
        return nn.ModuleDict({m: self._autoencoder(m, n) for m, n in chosen.items()})

    def _autoencoder(self, modality: str, size: int) -> Autoencoder:
        hidden, latent = self.settings.autoencoder_hidden, self.settings.latent
        layers = self.layers.get(modality, 1)
        if self.weighted:
            return Mixed(
                size // layers,
                hidden=hidden,
                latent=latent,
                layers=layers,
                mixtures=self.targets,
            )
        if self.tokens(modality) > 1:
            return Layerwise(
                size // layers, hidden=hidden, latent=latent, layers=layers
            )
        return Autoencoder(size, hidden=hidden, latent=latent)

    def fusion(self, sizes: Mapping[str, int]) -> nn.Module:
        """Return the design as a module, built for the codes of the modalities.

        Args:
            sizes: {modality: projected size}
        """
        if self.settings.reduce == "autoencoder":
            codes = {m: self.tokens(m) * self.settings.latent for m in sizes}
        elif self.weighted:
            codes = {m: n // self.layers.get(m, 1) for m, n in sizes.items()}
        else:
            codes = dict(sizes)
        options: dict[str, Any] = {
            "hidden": self.settings.hidden,
            "dropout": self.settings.dropout,
        }
        if self.design.tokens:
            options["tokens"] = {m: self.tokens(m) for m in sizes}
        extra = self.design.extra_settings
        options |= {name: getattr(self.settings, name) for name in extra}
        module: nn.Module = self.design.Fusion(codes, targets=self.targets, **options)
        return PerRating(module) if self.weighted else module
