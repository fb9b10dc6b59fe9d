"""What shall be trained, what came of it, and who may share what."""

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor, nn

from fuse import scopes
from fuse.design import Design
from fuse.group import batches
from fuse.group.batches import Task
from fuse.loop import Epoch
from fuse.model import modalities
from fuse.settings import Settings
from fuse.tensors import Rows


@dataclass(frozen=True)
class Job:
    """One design that shall be trained on one fold."""

    rows: Rows  # of all utterances; jobs that are given the same share it
    train: Tensor  # (n,) the only rows that change a parameter or a statistic
    validation: Tensor  # (n,) the only other rows that are seen; they end the training
    fusion: str | Design  # name of a design, or the design itself
    settings: Settings
    seed: int  # of all that is random
    where: str = ""  # fold and seed in words, for errors

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """Those that the design takes."""
        return modalities(self.fusion)

    @cached_property
    def fold(self) -> Hashable:
        """Equal for jobs that see the same rows."""
        digest = hashlib.sha256(self.train.numpy().tobytes())
        digest.update(b"validation")
        digest.update(self.validation.numpy().tobytes())
        return id(self.rows), digest.digest()

    @property
    def dims(self) -> tuple[int, ...]:
        """Features of each modality that come in."""
        return tuple(self.rows.features[m].shape[1] for m in self.modalities)

    @property
    def codecs(self) -> tuple[str, ...]:
        """Modalities whose autoencoders are trained before."""
        return self.modalities if self.settings.training == "pretrain" else ()

    @property
    def width(self) -> int:
        """Features of all modalities that a stack reads, once they are projected."""
        if self.codecs or self.settings.reduce == "pca":
            return len(self.modalities) * self.settings.latent
        return sum(self.dims)

    @property
    def length(self) -> int:
        """Rows of a batch."""
        return batches.shape(len(self.train), self.settings)[1]

    def task(
        self,
        module: nn.Module,
        train: Tensor | None = None,
        validation: Tensor | None = None,
    ) -> Task:
        """The training of one module, on these rows of a source or on the job's own."""
        return Task(
            module,
            self.train if train is None else train,
            self.validation if validation is None else validation,
            settings=self.settings,
            epochs=self.settings.epochs,
            seed=self.seed,
            where=self.where,
        )

    @property
    def components(self) -> int | None:
        """Largest size of the PCA that embeddings go through; None for no PCA."""
        return self.settings.latent if self.settings.reduce == "pca" else None

    def projection(self, modality: str) -> Hashable:
        """Return a key that is equal for jobs that share a modality's projection."""
        return modality, self.fold, self.components, scopes.unmarked(self.settings)

    @property
    def stack(self) -> Hashable:
        """Equal for jobs whose models may stand on one stack."""
        common = scopes.shared_by_regressors(self.settings)
        shape = batches.shape(len(self.train), self.settings)
        # components of a PCA are no more than rows
        least = min(len(self.train), self.settings.latent)
        return self.fusion, id(self.rows), self.dims, shape, least, common

    def codec(self, modality: str) -> Hashable:
        """Equal for jobs that share the autoencoder of a modality."""
        decisive = scopes.decisive_for_autoencoders(self.settings)
        return modality, self.fold, self.seed, decisive

    def codec_stack(self, modality: str) -> Hashable:
        """Equal for autoencoders that may stand on one stack."""
        shape = batches.shape(len(self.train), self.settings)
        dim = self.rows.features[modality].shape[1]
        common = scopes.shared_by_autoencoders(self.settings)
        return modality, id(self.rows), dim, shape, common


@dataclass(frozen=True)
class Fitted:
    """A trained model, and how it came about."""

    module: nn.Module  # {modality: (batch, dim)}, as cached -> (batch, targets)
    history: tuple[Epoch, ...]  # scores are the validation CCC of each rating
    # of each autoencoder that was trained before; scores are minus the loss
    pretraining: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Mean validation CCC of the weights that were kept."""
        return max(epoch.score for epoch in self.history)
