"""Trains one design on one fold, its autoencoders with it or before it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fuse import losses
from fuse.loop import Epoch, Losses, Scores, ccc, minimise, seeded
from fuse.model import System, modalities
from fuse.reduce import Projection
from fuse.settings import Settings
from fuse.tensors import Rows


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about."""

    module: nn.Module  # {modality: (batch, dim)}, as cached -> (batch, targets)
    history: tuple[Epoch, ...]  # scores are the validation CCC of each rating
    pretraining: tuple[Epoch, ...] = ()  # scores are minus the reconstruction loss

    @property
    def score(self) -> float:
        """Mean validation CCC of the weights that were kept."""
        return max(epoch.score for epoch in self.history)


def fit(
    train: Rows,
    validation: Rows,
    *,
    fusion: str,
    settings: Settings,
    seed: int,
    where: str = "",
) -> Fitted:
    """Train one design on one fold; the best epoch by validation CCC is kept.

    Args:
        train: the only rows that change a parameter or a statistic
        validation: the only other rows that are seen; they stop the training
        fusion: name of a design
        settings: sizes, losses, rates
        seed: of all that is random
        where: fold and seed in words, for errors

    Raises:
        ValueError: if a modality is missing, or the loss is not finite
    """
    components = settings.latent if settings.reduce == "pca" else None
    projections = {
        modality: Projection.fitted(rows, components=components)
        for modality, rows in train.features.items()
        if modality in modalities(fusion)
    }
    targets, device = train.truth.shape[1], train.truth.device
    with seeded(seed, device):
        system = System(
            fusion, projections, targets=targets, settings=settings, layers=train.layers
        )
        phases = _Phases(system.to(device), train, validation, settings, seed)
        if settings.training == "joint":
            return Fitted(system, phases.joint(where))
        pretraining = phases.autoencoders(f"{where}, autoencoders")
        return Fitted(system, phases.regressor(where), pretraining)


class _Phases:
    """What is minimised, over which rows, in each phase of training."""

    def __init__(
        self,
        system: System,
        train: Rows,
        validation: Rows,
        settings: Settings,
        seed: int,
    ):
        self.system, self.settings, self.seed = system, settings, seed
        self.objective = losses.loss(settings.loss, mix=settings.mix)
        # fixed statistics, so applied once
        self.train = replace(train, features=system.project(train.features))
        self.validation = replace(
            validation, features=system.project(validation.features)
        )

    def joint(self, where: str) -> tuple[Epoch, ...]:
        """Regression and reconstruction at once, end to end."""

        def both(batch: Tensor) -> tuple[Tensor, Tensor]:
            seen = {m: x[batch] for m, x in self.train.features.items()}
            codes = self.system.encode(seen)
            lost = self._lost(seen, codes)
            error = self.objective(self.system.fusion(codes), self.train.truth[batch])
            return error + self.settings.reconstruction * lost, lost

        def scores() -> tuple[float, ...]:
            codes = self.system.encode(self.validation.features)
            return self._ccc(codes)

        return self._minimise(both, scores, self.settings.epochs, where)

    def autoencoders(self, where: str) -> tuple[Epoch, ...]:
        """Reconstruction alone."""

        def both(batch: Tensor) -> tuple[Tensor, Tensor]:
            seen = {m: x[batch] for m, x in self.train.features.items()}
            lost = self._lost(seen, self.system.encode(seen))
            return lost, lost

        def scores() -> tuple[float, ...]:
            seen = self.validation.features
            return (-float(self._lost(seen, self.system.encode(seen))),)

        return self._minimise(both, scores, self.settings.pretrain_epochs, where)

    def regressor(self, where: str) -> tuple[Epoch, ...]:
        """Regression alone, on codes that stay as they are."""
        self.system.eval()
        with torch.no_grad():
            codes = self.system.encode(self.train.features)
            unseen = self.system.encode(self.validation.features)

        def both(batch: Tensor) -> tuple[Tensor, Tensor]:
            found = self.system.fusion({m: z[batch] for m, z in codes.items()})
            error = self.objective(found, self.train.truth[batch])
            return error, torch.zeros_like(error)

        def scores() -> tuple[float, ...]:
            return self._ccc(unseen)

        return self._minimise(both, scores, self.settings.epochs, where)

    def _ccc(self, codes: Mapping[str, Tensor]) -> tuple[float, ...]:
        """Of each rating, on the validation rows."""
        seen = self.validation
        return ccc(seen.truth, self.system.fusion(codes), targets=seen.targets)

    def _lost(self, seen: Mapping[str, Tensor], codes: Mapping[str, Tensor]) -> Tensor:
        """Equation 7: over modalities, what the decoders do not restore."""
        lost = torch.zeros((), device=self.train.truth.device)
        for modality, decoded in self.system.decode(codes).items():
            lost = lost + losses.reconstruction(decoded, seen[modality])
        return lost

    def _minimise(
        self, both: Losses, scores: Scores, epochs: int, where: str
    ) -> tuple[Epoch, ...]:
        return minimise(
            self.system,
            both,
            scores,
            rows=len(self.train.truth),
            epochs=epochs,
            settings=self.settings,
            seed=self.seed,
            where=where,
        )
