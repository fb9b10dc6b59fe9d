"""Tasks to train networks, and the keys of tasks that may share tensors or a group."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor, nn

from affuse.fuse import setting_scopes
from affuse.fuse.models.system import modalities
from affuse.fuse.models.trainable.fit_task import FitTask
from affuse.fuse.setting_texts import auxiliary
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.batches import BatchTask


@dataclass(frozen=True)
class ModelTask(FitTask):
    """Task to train one model in the loop, if its design is a network."""

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that the design takes."""
        return modalities(self.fusion)

    @property
    def dims(self) -> tuple[int, ...]:
        """Size of each modality's embedding."""
        return tuple(self.rows.features[m].shape[1] for m in self.modalities)

    @property
    def pretrained_modalities(self) -> tuple[str, ...]:
        """Modalities with pretrained autoencoders."""
        return self.modalities if self.settings.training == "pretrain" else ()

    @property
    def width(self) -> int:
        """Number of features that the model reads from a row after projection."""
        if self.pretrained_modalities or self.settings.reduce == "pca":
            return len(self.modalities) * self.settings.latent
        return sum(self.dims)

    @property
    def length(self) -> int:
        """Number of rows in a batch."""
        return batches.batch_shape(len(self.train), self.settings)[1]

    def batch_task(
        self,
        module: nn.Module,
        train: Tensor | None = None,
        validation: Tensor | None = None,
    ) -> BatchTask:
        """Return the task of the loop to train a module.

        Args:
            module: with initial weights
            train: rows of the source; None for those of this task
            validation: rows of the source; None for those of this task
        """
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
        """Largest number of components of the PCA; None for no PCA."""
        return self.settings.latent if self.settings.reduce == "pca" else None

    def projection_key(self, modality: str) -> Hashable:
        """Return a key that is equal for tasks that share a modality's projection.

        Args:
            modality: its name
        """
        return (
            modality,
            self.fold,
            self.components,
            setting_scopes.unmarked_values(self.settings),
        )

    @property
    def group_key(self) -> Hashable:
        """Key that is equal for tasks whose models may share a group."""
        common = setting_scopes.shared_regressor_values(self.settings)
        shape = batches.batch_shape(len(self.train), self.settings)
        # A PCA has no more components than rows.
        least = min(len(self.train), self.settings.latent)
        labels = self.rows.labels
        counts = tuple(  # folds may lack some categories
            len(labels.classes(name, self.train))
            for name in auxiliary(self.settings.auxiliary)
        )
        return self.fusion, id(self.rows), self.dims, shape, least, common, counts

    def input_key(self) -> tuple[Hashable, ...]:
        """Return a key that is equal for tasks with equal inputs."""
        return self.fold, *map(self.autoencoder_key, self.pretrained_modalities)

    def autoencoder_key(self, modality: str) -> Hashable:
        """Return a key that is equal for tasks that share a modality's autoencoder.

        Args:
            modality: its name
        """
        decisive = setting_scopes.values_of_autoencoders(self.settings)
        return modality, self.fold, self.seed, decisive

    def autoencoder_group_key(self, modality: str) -> Hashable:
        """Return a key that is equal for autoencoders that may share a group.

        Args:
            modality: its name
        """
        shape = batches.batch_shape(len(self.train), self.settings)
        dim = self.rows.features[modality].shape[1]
        common = setting_scopes.shared_autoencoder_values(self.settings)
        return modality, id(self.rows), dim, shape, common
