"""Jobs as works for threads: which stand on one stack, and who waits for whom."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from affuse.fuse.training.grouped import batches, shared_codes
from affuse.fuse.training.grouped.group_training import Training
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.task_schedule import Work

WIDEST = 64  # models on a stack
EARLY = 4  # stacks of autoencoders that one stack of regressors may wait for
T = TypeVar("T")


class Works:
    """All works of some jobs, and what they share.

    Args:
        jobs: on one device
        threads: how many will do the works
    """

    def __init__(self, jobs: Sequence[ModelTask], *, threads: int):
        self.jobs, self.threads = jobs, threads
        self._training = Training(jobs[0].rows.truth.device)

    def make(self) -> list[Work]:
        """Autoencoders first, then what waits for them; a work gives `Result`s."""
        wanted: dict[Hashable, tuple[ModelTask, str]] = {}
        for job in self.jobs:
            for modality in job.codecs:
                wanted.setdefault(job.codec(modality), (job, modality))
        works, places = list[Work](), dict[Hashable, int]()
        for pairs in self._chunks(
            wanted.values(),
            lambda p: p[0].fold,
            lambda p: p[0].codec_stack(p[1]),
            self._codecs_at_once,
        ):
            places |= {job.codec(modality): len(works) for job, modality in pairs}
            works.append(Work(partial(self._training.codecs, pairs)))
        for numbered in self._chunks(
            enumerate(self.jobs),
            lambda n: n[1].fold,
            lambda n: n[1].stack,
            lambda n: self._at_once(n[1]),
        ):
            jobs = [job for _, job in numbered]
            after = {places[job.codec(m)] for job in jobs for m in job.codecs}
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
        """What may stand on one stack, in near-equal parts: for threads, if large.

        A part is of as few folds as can be, for each has embeddings of its own.
        """
        groups: dict[Hashable, dict[Hashable, list[T]]] = {}
        for thing in things:
            folds = groups.setdefault(stack(thing), {})
            folds.setdefault(fold(thing), []).append(thing)
        found = []
        for folds in groups.values():
            group = [thing for part in folds.values() for thing in part]
            full = max(1, min(WIDEST, most(group[0])))
            # below half a stack a step is Python's time, which threads cannot share
            shares = min(self.threads, max(1, 2 * len(group) // full))
            size = min(full, -(-len(group) // shares))
            count = -(-len(group) // size)
            cuts = [len(group) * k // count for k in range(count + 1)]
            found += [group[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        return found

    def _codecs_at_once(self, pair: tuple[ModelTask, str]) -> int:
        job, modality = pair
        dim = job.rows.features[modality].shape[1]
        return batches.most(dim, job.length, self._training.device)

    def _at_once(self, job: ModelTask) -> int:
        """Models on a stack, as memory allows."""
        most = batches.most(job.width, job.length, self._training.device)
        if _pays(job):  # even where each model has copies of its own
            most = min(most, shared_codes.COPIES // shared_codes.size(job, job.width))
        if job.codecs:  # whoever waits for many waits for long
            most = min(most, EARLY * self._codecs_at_once((job, job.codecs[0])))
        return most


def _pays(job: ModelTask) -> bool:
    """Whether what is applied before costs a product: then it is done but once."""
    return bool(job.codecs) or job.settings.reduce == "pca"
