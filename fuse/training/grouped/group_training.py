"""What the threads do: autoencoders, and designs behind them, of one stack each.

An autoencoder that is trained before the regressor depends on fold, modality, seed and
sizes, not on the design; so there is one for all designs.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.models.trainable.fit_task import Result
from affuse.fuse.seeds import derived
from affuse.fuse.training.grouped import shared_codes
from affuse.fuse.training.grouped.batches import BatchSource, BatchTask
from affuse.fuse.training.grouped.loop import Trained, minimise, seeded
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.phases import (
    Codec,
    Projected,
    Rating,
    Regression,
    Restoring,
    SystemPhase,
)
from affuse.fuse.training.grouped.shared_codes import Copies, Places
from affuse.fuse.training.grouped.task_schedule import Stopped

Numbered = Sequence[tuple[int, ModelTask]]


class Training:
    """Trains stacks, and remembers what several of them need.

    Args:
        device: that trains
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._lock = Lock()  # of what is shared, and of torch's own random numbers
        self._projections: dict[Hashable, Projection] = {}
        self._codecs: dict[Hashable, tuple[Codec, Trained]] = {}
        self._copies = Copies()

    def codecs(
        self, pairs: Sequence[tuple[ModelTask, str]], stopped: Stopped
    ) -> list[Result]:
        """Autoencoders of one modality; they are kept for those that wait."""
        jobs, modality = [job for job, _ in pairs], pairs[0][1]
        rows = jobs[0].rows

        def seen(job: ModelTask) -> dict[str, Tensor]:
            projection = self._projection(job, modality)
            return {modality: self._copies.projected(job, modality, projection)}

        if projected := shared_codes.room(jobs, rows.features[modality].shape[1]):
            source, places = shared_codes.source(jobs, lambda job: job.fold, seen)
        else:
            source = BatchSource({modality: rows.features[modality]}, rows.truth)
            places = [(job.train, job.validation) for job in jobs]
        tasks = [
            self._codec(job, modality, place, projected=projected)
            for job, place in zip(jobs, places, strict=True)
        ]
        trained = minimise(tasks, source, Restoring(), stopped=stopped)
        for job, task, how in zip(jobs, tasks, trained, strict=True):
            assert isinstance(task.module, Codec)
            self._codecs[job.codec(modality)] = task.module, how
        return []

    def as_cached(self, numbered: Numbered, stopped: Stopped) -> list[Result]:
        """Designs on embeddings that are projected anew in each batch."""
        first = numbered[0][1]
        systems = [self._system(job) for _, job in numbered]
        tasks = [
            job.task(SystemPhase(system))
            for (_, job), system in zip(numbered, systems, strict=True)
        ]
        features = {m: first.rows.features[m] for m in first.modalities}
        source = BatchSource(features, first.rows.truth)
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        return [
            _result(number, system, how)
            for (number, _), system, how in zip(numbered, systems, trained, strict=True)
        ]

    def prepared(self, numbered: Numbered, stopped: Stopped) -> list[Result]:
        """Designs on embeddings that were projected, or encoded as well, before."""
        failed = [(n, e) for n, job in numbered if (e := self._failure(job))]
        numbered = [(n, job) for n, job in numbered if n not in dict(failed)]
        if not numbered:
            return list(failed)
        first = numbered[0][1]
        # projections as well go where they are needed, if features lie elsewhere
        systems = [self._system(job) for _, job in numbered]
        for (_, job), system in zip(numbered, systems, strict=True):
            for m in job.codecs:
                codec = self._codecs[job.codec(m)][0].autoencoder
                system.autoencoders[m].load_state_dict(codec.state_dict())
        jobs = [job for _, job in numbered]
        source, places = shared_codes.source(
            jobs, lambda job: (job.fold, *map(job.codec, job.codecs)), self._seen
        )
        tasks = [
            job.task(Regression(s.fusion) if job.codecs else Projected(s), *where)
            for job, s, where in zip(jobs, systems, places, strict=True)
        ]
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        results: list[Result] = list(failed)
        for (number, job), system, how in zip(numbered, systems, trained, strict=True):
            before = {m: self._codecs[job.codec(m)][1] for m in job.codecs}
            results.append(_result(number, system, how, before))
        return results

    def _projection(self, job: ModelTask, modality: str) -> Projection:
        """Of the training rows of a fold, fitted once."""
        key = job.projection(modality)
        with self._lock:
            if key not in self._projections:
                self._projections[key] = Projection.fitted(
                    job.rows.features[modality],
                    rows=job.train,
                    components=job.components,
                )
            return self._projections[key]

    def _system(self, job: ModelTask) -> System:
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

    def _codec(
        self, job: ModelTask, modality: str, places: Places, *, projected: bool
    ) -> BatchTask:
        """The training of an autoencoder as it begins, whatever the design is."""
        projection, settings = self._projection(job, modality), job.settings
        seed = derived(job.seed, modality)
        with self._lock, seeded(seed, torch.device("cpu")):
            codec = Codec(modality, projection, settings, projected=projected)
            codec.to(self.device)
        return replace(
            job.task(codec, *places),
            settings=replace(settings, learning_rate=settings.pretrain_rate),
            epochs=settings.pretrain_epochs,
            seed=seed,
            where=f"{job.where}, {modality} autoencoder",
            rate="pretrain_rate",
        )

    def _seen(self, job: ModelTask) -> dict[str, Tensor]:
        """{modality: (rows, size)}, projected, and encoded if a phase did so before."""
        found = {}
        for m in job.modalities:
            projection = self._projection(job, m)
            if m in job.codecs:
                codec = self._codecs[job.codec(m)][0].autoencoder
                found[m] = self._copies.encoded(job, m, projection, codec)
            else:
                found[m] = self._copies.projected(job, m, projection)
        return found

    def _failure(self, job: ModelTask) -> AffuseError | None:
        """Why an autoencoder of this job is none."""
        errors = [self._codecs[job.codec(m)][1].error for m in job.codecs]
        return next((AffuseError(error) for error in errors if error), None)


def _result(
    number: int,
    system: System,
    how: Trained,
    before: Mapping[str, Trained] | None = None,
) -> Result:
    """Of one job."""
    if how.error:
        return number, AffuseError(how.error)
    pretraining = {m: tuple(each.history) for m, each in (before or {}).items()}
    return number, Fitted(system.eval(), tuple(how.history), pretraining)
