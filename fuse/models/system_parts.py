"""Builder of the parts of a network: mixtures of layers, autoencoders and the design.

The parts share sizes: of embeddings, of their layers, of codes and of ratings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from affuse.data.cache.recipe import LayerBlock, LayerStructure
from affuse.fuse.models.autoencoder import (
    Autoencoder,
    LayerwiseAutoencoder,
    ScalarMixAutoencoder,
)
from affuse.fuse.models.design import Design
from affuse.fuse.models.scalar_mix import PerRatingDesign, ScalarMix, blocks
from affuse.fuse.settings import Settings


@dataclass(frozen=True)
class SystemParts:
    """Builder of the parts of a system, with the sizes that the parts share."""

    design: Design
    settings: Settings
    targets: int
    layers: Mapping[str, LayerStructure]

    @property
    def weighted(self) -> bool:
        """True if layers are mixed for each rating."""
        return self.settings.layers == "weighted"

    def tokens(self, modality: str) -> int:
        """Return the number of codes of a modality that the design gets.

        It is 1 where layers are mixed or reduced by PCA, and where the modality has
        several encoders, whose layers differ in size. It is also 1 for pretrained
        autoencoders, which all designs share.

        Args:
            modality: its name
        """
        joined = self.settings.reduce == "pca" or self.settings.training == "pretrain"
        separate = self.design.tokens and not joined and not self.weighted
        layers = self.layers.get(modality, 1)
        return layers if separate and isinstance(layers, int) else 1

    def mixtures(self, sizes: Mapping[str, int]) -> nn.ModuleDict:
        """Return a mixture of layers for each modality; empty if layers are not mixed.

        Args:
            sizes: {modality: projected size}
        """
        chosen = sizes if self.weighted else {}
        return nn.ModuleDict(
            {m: ScalarMix(self._blocks(m, n), self.targets) for m, n in chosen.items()}
        )

    def _blocks(self, modality: str, size: int) -> tuple[LayerBlock, ...]:
        """Return the layers of each encoder of a modality."""
        return blocks(self.layers.get(modality, 1), size)

    def _mixed(self, modality: str, size: int) -> int:
        """Return the size of a mixture of a modality's layers."""
        return sum(block.dim for block in self._blocks(modality, size))

    def autoencoders(self, sizes: Mapping[str, int]) -> nn.ModuleDict:
        """Return an autoencoder for each modality; empty with another reduction.

        Args:
            sizes: {modality: projected size}
        """
        chosen = sizes if self.settings.reduce == "autoencoder" else {}
        return nn.ModuleDict({m: self._autoencoder(m, n) for m, n in chosen.items()})

    def _autoencoder(self, modality: str, size: int) -> Autoencoder:
        hidden, latent = self.settings.autoencoder_hidden, self.settings.latent
        if self.weighted:
            return ScalarMixAutoencoder(
                self._mixed(modality, size),
                hidden=hidden,
                latent=latent,
                size=size,
                mixtures=self.targets,
            )
        if (layers := self.tokens(modality)) > 1:
            return LayerwiseAutoencoder(
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
            codes = {m: self._mixed(m, n) for m, n in sizes.items()}
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
        return PerRatingDesign(module) if self.weighted else module
