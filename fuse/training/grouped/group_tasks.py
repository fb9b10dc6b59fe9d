"""Division of model tasks into model groups, and the dependencies between groups."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from affuse.fuse.training.grouped import batches, shared_codes
from affuse.fuse.training.grouped.group_training import Training
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.task_schedule import Work

WIDEST = 64  # largest number of models in a group
EARLY = 4  # groups of autoencoders that one group of regressors may depend on
T = TypeVar("T")


class Works:
    """Scheduled tasks of model groups, and the tensors that they share.

    Args:
        jobs: model tasks on one device
        threads: number of threads that execute the tasks
    """

    def __init__(self, jobs: Sequence[ModelTask], *, threads: int):
        self.jobs, self.threads = jobs, threads
        self._training = Training(jobs[0].rows.truth.device)

    def make(self) -> list[Work]:
        """Return tasks of autoencoders, then of models; a task returns `Result`s."""
        codecs: dict[Hashable, tuple[ModelTask, str]] = {}
        for job in self.jobs:
            for modality in job.codecs:
                codecs.setdefault(job.codec(modality), (job, modality))
        works, indices = list[Work](), dict[Hashable, int]()
        for pairs in self._chunks(
            codecs.values(),
            lambda p: p[0].fold,
            lambda p: p[0].codec_stack(p[1]),
            self._codecs_at_once,
        ):
            indices |= {job.codec(modality): len(works) for job, modality in pairs}
            works.append(Work(partial(self._training.codecs, pairs)))
        for numbered in self._chunks(
            enumerate(self.jobs),
            lambda n: n[1].fold,
            lambda n: n[1].stack,
            lambda n: self._at_once(n[1]),
        ):
            jobs = [job for _, job in numbered]
            after = {indices[job.codec(m)] for job in jobs for m in job.codecs}
            copied = _pays(jobs[0]) or shared_codes.room(jobs, jobs[0].width)
            run = self._training.prepared if copied else self._training.as_cached
            works.append(Work(partial(run, numbered), frozenset(after)))
        return works

    def _chunks(
        self,
        things: Iterable[T],
        fold: Callable[[T], Hashable],
        stack: Callable[[T], Hashable],
        most: Callable[[T], int],
    ) -> list[list[T]]:
        """Return model groups of near-equal size, and enough of them for all threads.

        A group contains as few folds as possible, because folds do not share
        embeddings.

        Args:
            things: models
            fold: returns the fold of a model
            stack: returns a key that is equal for models that may share a group
            most: returns the largest size of a model's group
        """
        groups: dict[Hashable, dict[Hashable, list[T]]] = {}
        for thing in things:
            folds = groups.setdefault(stack(thing), {})
            folds.setdefault(fold(thing), []).append(thing)
        result = []
        for folds in groups.values():
            group = [thing for part in folds.values() for thing in part]
            full = max(1, min(WIDEST, most(group[0])))
            # Small groups mostly take Python's time, which threads cannot share.
            shares = min(self.threads, max(1, 2 * len(group) // full))
            size = min(full, -(-len(group) // shares))
            count = -(-len(group) // size)
            cuts = [len(group) * k // count for k in range(count + 1)]
            result += [group[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        return result

    def _codecs_at_once(self, pair: tuple[ModelTask, str]) -> int:
        """Return the largest size of a group of autoencoders."""
        job, modality = pair
        dim = job.rows.features[modality].shape[1]
        return batches.most(dim, job.length, self._training.device)

    def _at_once(self, job: ModelTask) -> int:
        """Return the largest size of a group of regressors, limited by memory."""
        most = batches.most(job.width, job.length, self._training.device)
        if _pays(job):  # the limit holds even if each model needs separate copies
            most = min(most, shared_codes.COPIES // shared_codes.size(job, job.width))
        if job.codecs:  # a group with many dependencies would start late
            most = min(most, EARLY * self._codecs_at_once((job, job.codecs[0])))
        return most


def _pays(job: ModelTask) -> bool:
    """Return True if the inputs need a matrix product, so that copies save time."""
    return bool(job.codecs) or job.settings.reduce == "pca"
