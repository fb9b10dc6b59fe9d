"""What is trained, on what, in each phase: modules for one model, losses for many.

The modules give ``{RATINGS: prediction}`` and, where an autoencoder learns, what it
restores and what it should have restored, by modality.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from affuse.fuse import losses
from affuse.fuse.models.autoencoder import Autoencoder
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped import validation_scores

Found = Mapping[str, Tensor]  # of a batch, (models, batch, ...) each
RATINGS, RESTORED, ORIGINAL = "ratings", "restored ", "original "


class SystemPhase(nn.Module):
    """A system from embeddings as cached, end to end."""

    def __init__(self, system: System):
        super().__init__()
        self.system = system

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (batch, dim)}, as cached"""
        return _joint(self.system, self.system.project(features))


class Projected(nn.Module):
    """A system from projected embeddings on."""

    def __init__(self, system: System):
        super().__init__()
        self.system = system

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (batch, size)}, projected"""
        return _joint(self.system, features)


def _joint(system: System, seen: Mapping[str, Tensor]) -> dict[str, Tensor]:
    codes = system.encode(seen)
    found = {RATINGS: system.fusion(codes)}
    if system.training:
        for modality, decoded in system.decode(codes).items():
            found[RESTORED + modality] = decoded
            found[ORIGINAL + modality] = seen[modality]
    return found


class Regression(nn.Module):
    """A design alone, on codes that stay as they are."""

    def __init__(self, fusion: nn.Module):
        super().__init__()
        self.fusion = fusion

    def forward(self, codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (batch, latent)}"""
        return {RATINGS: self.fusion(codes)}


class Codec(nn.Module):
    """The autoencoder of one modality, which learns to undo what is hidden from it.

    Args:
        modality: whose embeddings it sees
        projection: fitted
        settings: sizes and corruption
        projected: whether what it sees is projected before
    """

    def __init__(
        self,
        modality: str,
        projection: Projection,
        settings: Settings,
        *,
        projected: bool,
    ):
        super().__init__()
        self.modality = modality
        self.project = nn.Identity() if projected else projection
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.autoencoder = Autoencoder(
            projection.size,
            hidden=settings.autoencoder_hidden,
            latent=settings.latent,
        )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{modality: (batch, dim)}"""
        seen = self.project(features[self.modality])
        restored = self.autoencoder(self.corrupt(seen))
        return {RESTORED + self.modality: restored, ORIGINAL + self.modality: seen}


class Objective(Protocol):
    """What a phase lowers on training rows, and raises on validation rows."""

    def losses(self, found: Found, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """The whole loss, and the reconstruction in it: (models,) each"""

    def note(self, found: Found, weight: Tensor) -> Tensor:
        """Of one validation block, what `scores` needs."""

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """(models, kinds) from what was noted of all blocks, stacked in dimension 1"""


@dataclass(frozen=True)
class Rating:
    """Ratings by the loss of the settings, with reconstruction where there is some."""

    settings: Settings

    def losses(self, found: Found, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """See `Objective`."""
        error = losses.loss(self.settings.loss, mix=self.settings.mix)
        lost = _lost(found, weight)
        rated = error(found[RATINGS], truth, weight)
        return [rated + self.settings.reconstruction * lost, lost]

    def note(self, found: Found, weight: Tensor) -> Tensor:
        """(models, batch, targets)"""
        return found[RATINGS]

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """The CCC of each rating"""
        return validation_scores.ccc(noted, truth, weight)


@dataclass(frozen=True)
class Restoring:
    """Reconstruction alone."""

    def losses(self, found: Found, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """See `Objective`."""
        lost = _lost(found, weight)
        return [lost, lost]

    def note(self, found: Found, weight: Tensor) -> Tensor:
        """(models,), the sum over rows; a block without rows adds nothing"""
        lost = _lost(found, weight.where(weight.sum(-1, keepdim=True) > 0, 1.0))
        return lost * weight.sum(dim=-1)

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """Minus the loss over all rows"""
        total = noted.double().cumsum(dim=1)[:, -1:]
        return -total / weight.sum(dim=(1, 2), dtype=torch.float64)[:, None]


def _lost(found: Found, weight: Tensor) -> Tensor:
    """Equation 7: over modalities, what the decoders do not restore."""
    lost = torch.zeros(len(weight), device=weight.device)
    for name, restored in found.items():
        if name.startswith(RESTORED):
            original = found[ORIGINAL + name.removeprefix(RESTORED)]
            lost = lost + losses.reconstruction(restored, original, weight)
    return lost
