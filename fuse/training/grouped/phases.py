"""Training phases: modules of one model, and losses and scores of a model group.

The modules return ``{RATINGS: prediction}``. Where an autoencoder is trained, they also
return its reconstruction and the original by modality.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from affuse.fuse import losses
from affuse.fuse.models.autoencoder import Autoencoder
from affuse.fuse.models.feature_noise import FeatureNoise
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.setting_texts import auxiliary
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped import validation_scores
from affuse.fuse.training.grouped.extra_supervision import (
    LABELS,
    LOGITS,
    WEIGHT,
    ExtraSupervision,
    cross_entropy,
)
from affuse.fuse.training.grouped.mixup import mixed

Outputs = Mapping[str, Tensor]  # {name: (models, batch, ...)} of a batch
RATINGS, RESTORED, ORIGINAL = "ratings", "restored ", "original "


class SystemPhase(nn.Module):
    """System that is trained on cached embeddings, with projections in each batch."""

    def __init__(self, system: System, extra: ExtraSupervision | None = None):
        super().__init__()
        self.system, self.extra = system, extra

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return predictions, and in training mode reconstructions.

        Args:
            features: {modality: (batch, dim)}, as cached; in training also labels and
                partners of rows, if settings need them
        """
        projected = self.system.project(features)
        return _joint(self.system, projected, features, self.extra)


class ProjectedSystemPhase(nn.Module):
    """System that is trained on projected embeddings."""

    def __init__(self, system: System, extra: ExtraSupervision | None = None):
        super().__init__()
        self.system, self.extra = system, extra

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return predictions, and in training mode reconstructions.

        Args:
            features: {modality: (batch, size)}, projected; in training also labels and
                partners of rows, if settings need them
        """
        projected = {m: features[m] for m in self.system.projections}
        return _joint(self.system, projected, features, self.extra)


def _joint(
    system: System,
    projected: Mapping[str, Tensor],
    features: Mapping[str, Tensor],
    extra: ExtraSupervision | None,
) -> dict[str, Tensor]:
    """Return predictions, and in training mode what else the loss needs."""
    projected = {m: mixed(values, features) for m, values in projected.items()}
    codes = system.encode(projected)
    outputs = {RATINGS: system.fusion(codes)}
    if system.training:
        for modality, decoded in system.decode(codes).items():
            outputs[RESTORED + modality] = decoded
            outputs[ORIGINAL + modality] = projected[modality]
        if extra is not None:
            outputs |= extra(codes, features)
    return outputs


class CodePhase(nn.Module):
    """Design that is trained on fixed codes."""

    def __init__(
        self,
        fusion: nn.Module,
        modalities: Sequence[str],
        extra: ExtraSupervision | None = None,
    ):
        super().__init__()
        self.fusion, self.extra = fusion, extra
        self._modalities = tuple(modalities)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return predictions, and in training mode weights of rows, if any.

        Args:
            features: {modality: (batch, latent)}, codes; in training also labels and
                partners of rows, if settings need them
        """
        codes = {m: mixed(features[m], features) for m in self._modalities}
        outputs = {RATINGS: self.fusion(codes)}
        if self.training and self.extra is not None:
            outputs |= self.extra(codes, features)
        return outputs


class AutoencoderPhase(nn.Module):
    """Denoising autoencoder of one modality, which is pretrained.

    Args:
        modality: its name
        projection: fitted on the training rows
        settings: sizes and corruption
        projected: True if its inputs are projected already
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
        self.noise = FeatureNoise(settings.noise)
        self.corrupt = nn.Dropout(settings.input_dropout)
        self.autoencoder = Autoencoder(
            projection.size,
            hidden=settings.autoencoder_hidden,
            latent=settings.latent,
        )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the reconstruction and the original.

        Args:
            features: {modality: (batch, dim)}
        """
        original = self.project(features[self.modality])
        restored = self.autoencoder(self.corrupt(self.noise(original)))
        return {RESTORED + self.modality: restored, ORIGINAL + self.modality: original}


class Objective(Protocol):
    """Loss on training rows and scores on validation rows of a phase."""

    def losses(self, outputs: Outputs, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """Return the loss, and the reconstruction as part of it: (models,) each.

        Args:
            outputs: values of a batch
            truth: (models, batch, targets)
            weight: (models, batch), 1 for a row and 0 for padding
        """

    def note(self, outputs: Outputs, weight: Tensor) -> Tensor:
        """Return the values of one validation block that `scores` needs.

        Args:
            outputs: values of the block
            weight: (models, batch), 1 for a row and 0 for padding
        """

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """Return the scores: (models, scores), float64.

        Args:
            noted: values of all blocks, stacked in dimension 1
            truth: (models, blocks, batch, targets)
            weight: (models, blocks, batch), 1 for a row and 0 for padding
        """


@dataclass(frozen=True)
class RatingObjective:
    """Objective of ratings: the loss of the settings, with reconstruction if any."""

    settings: Settings

    def losses(self, outputs: Outputs, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """Return the loss and the reconstruction; see `Objective`."""
        error = losses.loss(self.settings.loss, mix=self.settings.mix)
        restoring = _reconstruction(outputs, weight)
        rated = weight * outputs[WEIGHT].squeeze(-1) if WEIGHT in outputs else weight
        rating = error(outputs[RATINGS], truth, rated)
        loss = rating + self.settings.reconstruction * restoring
        for name, share in auxiliary(self.settings.auxiliary).items():
            logits, labels = outputs[LOGITS + name], outputs[LABELS + name]
            loss = loss + share * cross_entropy(logits, labels, weight)
        return [loss, restoring]

    def note(self, outputs: Outputs, weight: Tensor) -> Tensor:
        """Return the predictions: (models, batch, targets); see `Objective`."""
        return outputs[RATINGS]

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """Return the CCC of each rating; see `Objective`."""
        return validation_scores.ccc(noted, truth, weight)


@dataclass(frozen=True)
class ReconstructionObjective:
    """Objective of pretraining: reconstruction alone."""

    def losses(self, outputs: Outputs, truth: Tensor, weight: Tensor) -> list[Tensor]:
        """Return the reconstruction twice; see `Objective`."""
        restoring = _reconstruction(outputs, weight)
        return [restoring, restoring]

    def note(self, outputs: Outputs, weight: Tensor) -> Tensor:
        """Return the sum of the loss over rows: (models,); 0 for a block of padding."""
        is_empty = weight.sum(-1, keepdim=True) <= 0
        mean = _reconstruction(outputs, weight.where(~is_empty, 1.0))
        return mean * weight.sum(dim=-1)

    def scores(self, noted: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
        """Return minus the mean loss of all rows; see `Objective`."""
        total = noted.double().cumsum(dim=1)[:, -1:]
        return -total / weight.sum(dim=(1, 2), dtype=torch.float64)[:, None]


def _reconstruction(outputs: Outputs, weight: Tensor) -> Tensor:
    """Return the reconstruction loss, summed over modalities (equation 7)."""
    total = torch.zeros(len(weight), device=weight.device)
    for name, restored in outputs.items():
        if name.startswith(RESTORED):
            original = outputs[ORIGINAL + name.removeprefix(RESTORED)]
            total = total + losses.reconstruction(restored, original, weight)
    return total
