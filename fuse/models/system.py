"""The whole of stage two as one module: projections, autoencoders, and a design.

::

    embedding (batch, dim) ─▶ projection ─▶ encoder ─▶ code (batch, latent) ─▶ design
                                              code ─▶ decoder, for the loss only

With ``layers = "weighted"`` mixtures of layers stand between projection and encoder,
one for each rating, see `affuse.fuse.models.scalar_mix`; a design that asks for
``TOKENS`` gets a code of each layer. Its state holds everything that was fitted, so one
file predicts for new recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn

from affuse.fuse.models.autoencoder import Autoencoder, Layerwise, Mixed
from affuse.fuse.models.design import Design, find
from affuse.fuse.models.modality_dropout import Hiding
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.scalar_mix import Mixture, PerRating
from affuse.fuse.settings import Settings


def modalities(fusion: str | Design) -> tuple[str, ...]:
    """Return the modalities that a network needs.

    Raises:
        AffuseError: if there is no such design; the sentence lists the choices
    """
    return find(fusion).modalities


class System(nn.Module):
    """Raw embeddings in, ratings out.

    Args:
        fusion: name of a design, or the design itself
        projections: of each modality that the design needs; others are left aside
        targets: ratings to predict
        settings: sizes and dropout
        layers: cached layers of each modality, that its embedding holds side by side;
            one, if it is not named
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
        self.mixtures = shapes.mixtures(needed)
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.autoencoders = shapes.autoencoders(sizes)
        self.fusion = shapes.fusion(sizes)
        self._fills = settings.modality_dropout > 0
        self._leaves_out = design.tolerant

    @property
    def robust(self) -> bool:
        """Whether it predicts utterances that lack one of its modalities."""
        return len(self.projections) > 1 and (self._fills or self._leaves_out)

    def project(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Fixed once fitted, so done once: {modality: (batch, dim)} -> same keys.

        A `robust` system may lack modalities: one that hides them in training sees the
        training mean in their place, else the design does without.

        Raises:
            AffuseError: naming a modality that is missing
        """
        found = {
            m: p(features[m]) for m, p in self.projections.items() if m in features
        }
        for modality in self.projections:
            if modality not in found and not (found and self.robust):
                pick(features, modality)
        if self._fills and found:
            like = next(iter(found.values()))
            for modality, projection in self.projections.items():
                blank = like.new_zeros(len(like), cast(Projection, projection).size)
                found.setdefault(modality, blank)
        return {m: found[m] for m in self.projections if m in found}

    def encode(self, projected: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Codes of projected embeddings; in training mode, of corrupted ones.

        Hiding values from the encoder that the decoder must restore makes it a
        denoising autoencoder (Vincent et al., 2008).
        """
        codes = self.hide(projected)
        for modality, mixture in self.mixtures.items():
            if modality in codes:
                codes[modality] = mixture(codes[modality])
        codes = {m: self.corrupt(x) for m, x in codes.items()}
        for modality in self.autoencoders:
            if modality in codes:
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


@dataclass(frozen=True)
class Shapes:
    """How layers, codes and ratings are laid out between the parts of a system."""

    design: Design
    settings: Settings
    targets: int
    layers: Mapping[str, int]

    @property
    def weighted(self) -> bool:
        """Whether layers are mixed for each rating."""
        return self.settings.layers == "weighted"

    def tokens(self, modality: str) -> int:
        """Codes that the design gets of a modality.

        One, where layers are mixed or lost in principal components, and where an
        autoencoder that was trained before serves all designs alike.
        """
        joined = self.settings.reduce == "pca" or self.settings.training == "pretrain"
        apart = self.design.tokens and not joined
        return self.layers.get(modality, 1) if apart and not self.weighted else 1

    def mixtures(self, modalities: Sequence[str]) -> nn.ModuleDict:
        """Of each modality, where they are wanted."""
        chosen = modalities if self.weighted else ()
        return nn.ModuleDict(
            {m: Mixture(self.layers.get(m, 1), self.targets) for m in chosen}
        )

    def autoencoders(self, sizes: Mapping[str, int]) -> nn.ModuleDict:
        """Of each modality, of embeddings of that size; none with another reduction."""
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
        """The design, on the codes of embeddings of these sizes."""
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
        made: nn.Module = self.design.Fusion(codes, targets=self.targets, **options)
        return PerRating(made) if self.weighted else made
