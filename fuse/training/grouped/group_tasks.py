"""Division of model tasks into model groups, and the dependencies between groups."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from affuse.fuse.training.grouped import batches, shared_codes
from affuse.fuse.training.grouped.group_training import GroupTraining
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.task_schedule import ScheduledTask

LARGEST_GROUP = 64  # largest number of models in a group
MOST_DEPENDENCIES = (
    4  # groups of autoencoders that one group of regressors may depend on
)
T = TypeVar("T")


class GroupTasks:
    """Scheduled tasks of model groups, and the tensors that they share.

    Args:
        tasks: model tasks on one device
        threads: number of threads that execute the tasks
    """

    def __init__(self, tasks: Sequence[ModelTask], *, threads: int):
        self.tasks, self.threads = tasks, threads
        self._training = GroupTraining(tasks[0].rows.truth.device)

    def schedule(self) -> list[ScheduledTask]:
        """Return tasks of autoencoders, then of models; a task returns `Result`s."""
        autoencoders: dict[Hashable, tuple[ModelTask, str]] = {}
        for task in self.tasks:
            for modality in task.pretrained_modalities:
                autoencoders.setdefault(
                    task.autoencoder_key(modality), (task, modality)
                )
        scheduled, indices = list[ScheduledTask](), dict[Hashable, int]()
        for pairs in self._divide_into_groups(
            autoencoders.values(),
            lambda p: p[0].fold,
            lambda p: p[0].autoencoder_group_key(p[1]),
            self._largest_autoencoder_group,
        ):
            indices |= {
                task.autoencoder_key(modality): len(scheduled)
                for task, modality in pairs
            }
            scheduled.append(
                ScheduledTask(partial(self._training.train_autoencoders, pairs))
            )
        for numbered in self._divide_into_groups(
            enumerate(self.tasks),
            lambda n: n[1].fold,
            lambda n: n[1].group_key,
            lambda n: self._largest_regressor_group(n[1]),
        ):
            tasks = [task for _, task in numbered]
            after = {
                indices[task.autoencoder_key(m)]
                for task in tasks
                for m in task.pretrained_modalities
            }
            copied = _needs_copies(tasks[0]) or shared_codes.fits_in_cache(
                tasks, tasks[0].width
            )
            run = (
                self._training.train_on_copies
                if copied
                else self._training.train_on_cache
            )
            scheduled.append(ScheduledTask(partial(run, numbered), frozenset(after)))
        return scheduled

    def _divide_into_groups(
        self,
        models: Iterable[T],
        fold: Callable[[T], Hashable],
        group_key: Callable[[T], Hashable],
        most: Callable[[T], int],
    ) -> list[list[T]]:
        """Return model groups of near-equal size, and enough of them for all threads.

        A group contains as few folds as possible, because folds do not share
        embeddings.

        Args:
            models: models
            fold: returns the fold of a model
            group_key: returns a key that is equal for models that may share a group
            most: returns the largest size of a model's group
        """
        groups: dict[Hashable, dict[Hashable, list[T]]] = {}
        for model in models:
            folds = groups.setdefault(group_key(model), {})
            folds.setdefault(fold(model), []).append(model)
        result = []
        for folds in groups.values():
            group = [model for part in folds.values() for model in part]
            full = max(1, min(LARGEST_GROUP, most(group[0])))
            # Small groups mostly take Python's time, which threads cannot share.
            shares = min(self.threads, max(1, 2 * len(group) // full))
            size = min(full, -(-len(group) // shares))
            count = -(-len(group) // size)
            cuts = [len(group) * k // count for k in range(count + 1)]
            result += [group[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        return result

    def _largest_autoencoder_group(self, pair: tuple[ModelTask, str]) -> int:
        """Return the largest size of a group of autoencoders."""
        task, modality = pair
        dim = task.rows.features[modality].shape[1]
        return batches.largest_group(dim, task.length, self._training.device)

    def _largest_regressor_group(self, task: ModelTask) -> int:
        """Return the largest size of a group of regressors, limited by memory."""
        most = batches.largest_group(task.width, task.length, self._training.device)
        if _needs_copies(task):
            # The limit holds even if each model needs separate copies.
            size = shared_codes.copy_size(task, task.width)
            most = min(most, shared_codes.COPY_BYTES // size)
        if modalities := task.pretrained_modalities:
            # A group with many dependencies would start late.
            largest = self._largest_autoencoder_group((task, modalities[0]))
            most = min(most, MOST_DEPENDENCIES * largest)
        return most


def _needs_copies(task: ModelTask) -> bool:
    """Return True if the inputs need a matrix product, so that copies save time."""
    return bool(task.pretrained_modalities) or task.settings.reduce == "pca"
