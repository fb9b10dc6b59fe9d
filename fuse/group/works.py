"""Jobs as works for threads: who shares a stack, an autoencoder, a projection.

An autoencoder that is trained before the regressor depends on fold, modality, seed and
sizes, not on the design; so there is one for all designs.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TypeVar

import torch

from fuse.group import batches, codes
from fuse.group.batches import Source
from fuse.group.jobs import Fitted, Job
from fuse.group.phases import Codec, Rating, Restoring, Whole
from fuse.group.schedule import Stopped, Work
from fuse.loop import Trained, minimise, seeded
from fuse.model import System
from fuse.reduce import Projection

COPIES = 256 << 20  # bytes of all that is projected or encoded for one stack
WIDEST = 64  # models on a stack
EARLY = 4  # stacks of autoencoders that one stack of regressors may wait for
T = TypeVar("T")
Numbered = Sequence[tuple[int, Job]]
Result = tuple[int, Fitted | ValueError]  # number of a job, what came of it


class Works:
    """All works of some jobs, and what they share.

    Args:
        jobs: on one device
        threads: how many will do the works
    """

    def __init__(self, jobs: Sequence[Job], *, threads: int):
        self.jobs, self.threads = jobs, threads
        self.device = jobs[0].rows.truth.device
        self._lock = Lock()  # of what is shared, and of torch's own random numbers
        self._projections: dict[Hashable, Projection] = {}
        self._codecs: dict[Hashable, tuple[Codec, Trained]] = {}

    def make(self) -> list[Work]:
        """Autoencoders first, then what waits for them; a work gives `Result`s."""
        wanted: dict[Hashable, tuple[Job, str]] = {}
        for job in self.jobs:
            for modality in job.codecs:
                wanted.setdefault(job.codec(modality), (job, modality))
        works, places = list[Work](), dict[Hashable, int]()
        for pairs in self._chunks(
            wanted.values(), lambda p: p[0].codec_stack(p[1]), self._codecs_at_once
        ):
            places |= {job.codec(modality): len(works) for job, modality in pairs}
            works.append(Work(partial(self._train_codecs, pairs)))
        for numbered in self._chunks(
            enumerate(self.jobs), lambda n: n[1].stack, lambda n: self._at_once(n[1])
        ):
            after = {places[job.codec(m)] for _, job in numbered for m in job.codecs}
            run = self._prepared if _reads_copies(numbered[0][1]) else self._as_cached
            works.append(Work(partial(run, numbered), frozenset(after)))
        return works

    def _chunks(
        self,
        things: Iterable[T],
        stack: Callable[[T], Hashable],
        most: Callable[[T], int],
    ) -> list[list[T]]:
        """What may stand on one stack, in near-equal parts: for threads, if large."""
        groups: dict[Hashable, list[T]] = {}
        for thing in things:
            groups.setdefault(stack(thing), []).append(thing)
        found = []
        for group in groups.values():
            full = max(1, min(WIDEST, most(group[0])))
            # below half a stack a step is Python's time, which threads cannot share
            shares = min(self.threads, max(1, 2 * len(group) // full))
            size = min(full, -(-len(group) // shares))
            count = -(-len(group) // size)
            cuts = [len(group) * k // count for k in range(count + 1)]
            found += [group[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        return found

    def _codecs_at_once(self, pair: tuple[Job, str]) -> int:
        job, modality = pair
        dim = job.rows.features[modality].shape[1]
        return batches.most(dim, job.length, self.device)

    def _at_once(self, job: Job) -> int:
        """Models on a stack, as memory allows."""
        most = batches.most(job.width, job.length, self.device)
        if _reads_copies(job):
            most = min(most, COPIES // _copy(job))
        if job.codecs:  # whoever waits for many waits for long
            most = min(most, EARLY * self._codecs_at_once((job, job.codecs[0])))
        return most

    def _projection(self, job: Job, modality: str) -> Projection:
        """Of the training rows of a fold, fitted once."""
        pca = job.settings.reduce == "pca"
        components = job.settings.latent if pca else None
        key = modality, job.fold, components
        with self._lock:
            if key not in self._projections:
                self._projections[key] = Projection.fitted(
                    job.rows.features[modality], rows=job.train, components=components
                )
            return self._projections[key]

    def _system(self, job: Job) -> System:
        """As it begins: what the seed decides, whoever else is trained."""
        found = {m: self._projection(job, m) for m in job.modalities}
        targets = job.rows.truth.shape[1]
        with self._lock, seeded(job.seed, torch.device("cpu")):
            system = System(
                job.fusion,
                found,
                targets=targets,
                settings=job.settings,
                layers=job.rows.layers,
            )
        return system.to(self.device)

    def _train_codecs(
        self, pairs: Sequence[tuple[Job, str]], stopped: Stopped
    ) -> list[Result]:
        """Autoencoders of one modality; they are kept for those that wait."""
        tasks = []
        for job, modality in pairs:
            projection = self._projection(job, modality)
            seed = _seed(job.seed, modality)
            with self._lock, seeded(seed, torch.device("cpu")):
                codec = Codec(modality, projection, job.settings).to(self.device)
            settings = job.settings
            task = replace(
                job.task(codec),
                settings=replace(settings, learning_rate=settings.pretrain_rate),
                epochs=settings.pretrain_epochs,
                seed=seed,
                where=f"{job.where}, {modality} autoencoder",
                rate="pretrain_rate",
            )
            tasks.append(task)
        rows, modality = pairs[0][0].rows, pairs[0][1]
        source = Source({modality: rows.features[modality]}, rows.truth)
        trained = minimise(tasks, source, Restoring(), stopped=stopped)
        for (job, _), task, how in zip(pairs, tasks, trained, strict=True):
            assert isinstance(task.module, Codec)
            self._codecs[job.codec(modality)] = task.module, how
        return []

    def _as_cached(self, numbered: Numbered, stopped: Stopped) -> list[Result]:
        """Designs on embeddings that are projected anew in each batch."""
        first = numbered[0][1]
        systems = [self._system(job) for _, job in numbered]
        tasks = [
            job.task(Whole(system))
            for (_, job), system in zip(numbered, systems, strict=True)
        ]
        features = {m: first.rows.features[m] for m in first.modalities}
        source = Source(features, first.rows.truth)
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        return [
            _result(number, system, how)
            for (number, _), system, how in zip(numbered, systems, trained, strict=True)
        ]

    def _prepared(self, numbered: Numbered, stopped: Stopped) -> list[Result]:
        """Designs on embeddings that were projected, or encoded as well, before."""
        failed = [(n, e) for n, job in numbered if (e := self._failure(job))]
        numbered = [(n, job) for n, job in numbered if n not in dict(failed)]
        if not numbered:
            return list(failed)
        first = numbered[0][1]
        systems = [self._system(job) for _, job in numbered]
        for (_, job), system in zip(numbered, systems, strict=True):
            for m in job.codecs:
                codec = self._codecs[job.codec(m)][0].autoencoder
                system.autoencoders[m].load_state_dict(codec.state_dict())
        source, tasks = codes.tasks([job for _, job in numbered], systems)
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        results: list[Result] = list(failed)
        for (number, job), system, how in zip(numbered, systems, trained, strict=True):
            before = {m: self._codecs[job.codec(m)][1] for m in job.codecs}
            results.append(_result(number, system, how, before))
        return results

    def _failure(self, job: Job) -> ValueError | None:
        """Why an autoencoder of this job is none."""
        errors = [self._codecs[job.codec(m)][1].error for m in job.codecs]
        return next((ValueError(error) for error in errors if error), None)


def _copy(job: Job) -> int:
    """Bytes of all that one model reads, once it is projected or encoded."""
    return 4 * job.width * (len(job.train) + len(job.validation))


def _reads_copies(job: Job) -> bool:
    """Whether projections are applied once: where they cost a product, or fit."""
    pays = bool(job.codecs) or job.settings.reduce == "pca"
    return pays or not job.rows.mapped and _copy(job) <= COPIES


def _seed(seed: int, modality: str) -> int:
    """Of an autoencoder: the same whatever the design takes beside it."""
    digest = hashlib.sha256(f"{seed} {modality}".encode()).digest()
    return int.from_bytes(digest[:4])


def _result(
    number: int,
    system: System,
    how: Trained,
    before: Mapping[str, Trained] | None = None,
) -> Result:
    """Of one job."""
    if how.error:
        return number, ValueError(how.error)
    pretraining = {m: tuple(each.history) for m, each in (before or {}).items()}
    return number, Fitted(system.eval(), tuple(how.history), pretraining)
