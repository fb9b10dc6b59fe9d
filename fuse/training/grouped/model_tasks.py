"""Networks that shall be trained, and which of them may share what."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from affuse.fuse import setting_scopes
from affuse.fuse.models.system import modalities
from affuse.fuse.models.trainable.fit_task import FitTask
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.batches import BatchTask


@dataclass(frozen=True)
class ModelTask(FitTask):
    """One model that the loop can train, if its design is a network."""

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """Those that the design takes."""
        return modalities(self.fusion)

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
