"""What shall be trained, what came of it, and who may share what."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from affuse.fuse import setting_scopes
from affuse.fuse.inputs.tensors import Rows
from affuse.fuse.models.design import Design
from affuse.fuse.models.system import modalities
from affuse.fuse.settings import Settings
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.batches import BatchTask


@dataclass(frozen=True)
class ModelTask:
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
    ) -> BatchTask:
        """The training of one module, on these rows of a source or on the job's own."""
        return BatchTask(
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
        return (
            modality,
            self.fold,
            self.components,
            setting_scopes.unmarked(self.settings),
        )

    @property
    def stack(self) -> Hashable:
        """Equal for jobs whose models may stand on one stack."""
        common = setting_scopes.shared_by_regressors(self.settings)
        shape = batches.shape(len(self.train), self.settings)
        # components of a PCA are no more than rows
        least = min(len(self.train), self.settings.latent)
        return self.fusion, id(self.rows), self.dims, shape, least, common

    def codec(self, modality: str) -> Hashable:
        """Equal for jobs that share the autoencoder of a modality."""
        decisive = setting_scopes.decisive_for_autoencoders(self.settings)
        return modality, self.fold, self.seed, decisive

    def codec_stack(self, modality: str) -> Hashable:
        """Equal for autoencoders that may stand on one stack."""
        shape = batches.shape(len(self.train), self.settings)
        dim = self.rows.features[modality].shape[1]
        common = setting_scopes.shared_by_autoencoders(self.settings)
        return modality, id(self.rows), dim, shape, common
