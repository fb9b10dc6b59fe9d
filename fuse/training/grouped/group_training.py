"""Training of one model group: autoencoders, or designs on their codes.

A pretrained autoencoder depends on fold, modality, seed and sizes, but not on the
design. So all designs share one autoencoder.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

import torch
from torch import Tensor, nn

from affuse.data.errors import AffuseError
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.system import System
from affuse.fuse.models.trainable.fit_task import Result
from affuse.fuse.seeds import derived
from affuse.fuse.training.grouped import shared_codes
from affuse.fuse.training.grouped.batches import BatchSource, BatchTask
from affuse.fuse.training.grouped.extra_supervision import (
    ExtraSupervision,
    row_labels,
    supervision,
)
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
    """Training of model groups, with a cache of projections, autoencoders and codes.

    Args:
        device: to train on
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._lock = Lock()  # protects the caches and torch's global random numbers
        self._projections: dict[Hashable, Projection] = {}
        self._codecs: dict[Hashable, tuple[Codec, Trained]] = {}
        self._copies = Copies()

    def codecs(
        self, pairs: Sequence[tuple[ModelTask, str]], stopped: Stopped
    ) -> list[Result]:
        """Train autoencoders of one modality, and cache them for dependent tasks.

        Args:
            pairs: (task, modality); the modality is the same for all
            stopped: returns True to end the training

        Returns:
            an empty list
        """
        jobs, modality = [job for job, _ in pairs], pairs[0][1]
        rows = jobs[0].rows

        def inputs(job: ModelTask) -> dict[str, Tensor]:
            """Return projected embeddings of a task's rows."""
            projection = self._projection(job, modality)
            return {modality: self._copies.projected(job, modality, projection)}

        if projected := shared_codes.room(jobs, rows.features[modality].shape[1]):
            source, places = shared_codes.source(jobs, lambda job: job.fold, inputs)
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
        """Train designs on cached embeddings, which are projected in each batch.

        Args:
            numbered: (index, task)
            stopped: returns True to end the training
        """
        first = numbered[0][1]
        systems = [self._system(job) for _, job in numbered]
        tasks = [
            job.task(SystemPhase(system, self._extra(job, system)))
            for (_, job), system in zip(numbered, systems, strict=True)
        ]
        features = {m: first.rows.features[m] for m in first.modalities}
        source = BatchSource(features, first.rows.truth, row_labels(first))
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        return [
            _result(number, system, how)
            for (number, _), system, how in zip(numbered, systems, trained, strict=True)
        ]

    def prepared(self, numbered: Numbered, stopped: Stopped) -> list[Result]:
        """Train designs on copies of embeddings that were projected, or also encoded.

        Args:
            numbered: (index, task)
            stopped: returns True to end the training
        """
        failed = [(n, e) for n, job in numbered if (e := self._failure(job))]
        numbered = [(n, job) for n, job in numbered if n not in dict(failed)]
        if not numbered:
            return list(failed)
        first = numbered[0][1]
        # The projections move to the training device too, if features are elsewhere.
        systems = [self._system(job) for _, job in numbered]
        for (_, job), system in zip(numbered, systems, strict=True):
            for m in job.codecs:
                codec = self._codecs[job.codec(m)][0].autoencoder
                system.autoencoders[m].load_state_dict(codec.state_dict())
        jobs = [job for _, job in numbered]
        source, places = shared_codes.source(
            jobs,
            lambda job: (job.fold, *map(job.codec, job.codecs)),
            self._inputs,
            row_labels(first),
        )
        tasks = [
            job.task(self._phase(job, s), *where)
            for job, s, where in zip(jobs, systems, places, strict=True)
        ]
        trained = minimise(tasks, source, Rating(first.settings), stopped=stopped)
        results: list[Result] = list(failed)
        for (number, job), system, how in zip(numbered, systems, trained, strict=True):
            before = {m: self._codecs[job.codec(m)][1] for m in job.codecs}
            results.append(_result(number, system, how, before))
        return results

    def _projection(self, job: ModelTask, modality: str) -> Projection:
        """Return the projection of a modality, fitted once for each fold."""
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
        """Return the untrained system of a task, which depends on its seed only."""
        projections = {m: self._projection(job, m) for m in job.modalities}
        targets = job.rows.truth.shape[1]
        with self._lock, seeded(job.seed, torch.device("cpu")):
            system = System(
                job.fusion,
                projections,
                targets=targets,
                settings=job.settings,
                layers=job.rows.layers,
            )
        return system.to(self.device)

    def _extra(self, job: ModelTask, system: System) -> ExtraSupervision | None:
        """Return the supervision of a task beside ratings, or None."""
        with self._lock:
            return supervision(job, system)

    def _phase(self, job: ModelTask, system: System) -> nn.Module:
        """Return the module that is trained on projected or encoded embeddings."""
        extra = self._extra(job, system)
        if job.codecs:
            return Regression(system.fusion, job.modalities, extra)
        return Projected(system, extra)

    def _codec(
        self, job: ModelTask, modality: str, places: Places, *, projected: bool
    ) -> BatchTask:
        """Return the task to train an autoencoder, which depends on no design."""
        projection, settings = self._projection(job, modality), job.settings
        seed = derived(job.seed, modality)
        with self._lock, seeded(seed, torch.device("cpu")):
            codec = Codec(modality, projection, settings, projected=projected)
            codec.to(self.device)
        return replace(
            job.task(codec, *places),
            settings=replace(settings, learning_rate=settings.pretrain_rate, mixup=0.0),
            epochs=settings.pretrain_epochs,
            seed=seed,
            where=f"{job.where}, {modality} autoencoder",
            rate="pretrain_rate",
        )

    def _inputs(self, job: ModelTask) -> dict[str, Tensor]:
        """Return codes, or projected embeddings without pretraining, by modality."""
        inputs = {}
        for m in job.modalities:
            projection = self._projection(job, m)
            if m in job.codecs:
                codec = self._codecs[job.codec(m)][0].autoencoder
                inputs[m] = self._copies.encoded(job, m, projection, codec)
            else:
                inputs[m] = self._copies.projected(job, m, projection)
        return inputs

    def _failure(self, job: ModelTask) -> AffuseError | None:
        """Return the error of an autoencoder that the task needs, or None."""
        errors = [self._codecs[job.codec(m)][1].error for m in job.codecs]
        return next((AffuseError(error) for error in errors if error), None)


def _result(
    number: int,
    system: System,
    how: Trained,
    before: Mapping[str, Trained] | None = None,
) -> Result:
    """Return the result of one task."""
    if how.error:
        return number, AffuseError(how.error)
    pretraining = {m: tuple(codec.history) for m, codec in (before or {}).items()}
    return number, Fitted(system.eval(), tuple(how.history), pretraining)
