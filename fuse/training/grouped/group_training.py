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
from affuse.fuse.seeds import derive_seed
from affuse.fuse.training.grouped import shared_codes
from affuse.fuse.training.grouped.batches import BatchSource, BatchTask
from affuse.fuse.training.grouped.extra_supervision import (
    ExtraSupervision,
    row_labels,
    supervision,
)
from affuse.fuse.training.grouped.loop import TrainingOutcome, torch_seed, train_group
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.phases import (
    AutoencoderPhase,
    CodePhase,
    ProjectedSystemPhase,
    RatingObjective,
    ReconstructionObjective,
    SystemPhase,
)
from affuse.fuse.training.grouped.shared_codes import CodeCache, RowIndices
from affuse.fuse.training.grouped.task_schedule import StopRequest

NumberedTasks = Sequence[tuple[int, ModelTask]]
Pretrained = tuple[AutoencoderPhase, TrainingOutcome]


class GroupTraining:
    """Training of model groups, with a cache of projections, autoencoders and codes.

    Args:
        device: to train on
    """

    def __init__(self, device: torch.device):
        self.device = device
        self._lock = Lock()  # protects the caches and torch's global random numbers
        self._projections: dict[Hashable, Projection] = {}
        self._autoencoders: dict[Hashable, Pretrained] = {}
        self._copies = CodeCache()

    def train_autoencoders(
        self, pairs: Sequence[tuple[ModelTask, str]], stopped: StopRequest
    ) -> list[Result]:
        """Train autoencoders of one modality, and cache them for dependent tasks.

        Args:
            pairs: (task, modality); the modality is the same for all
            stopped: returns True to end the training

        Returns:
            an empty list
        """
        tasks, modality = [task for task, _ in pairs], pairs[0][1]
        rows = tasks[0].rows

        def inputs(task: ModelTask) -> dict[str, Tensor]:
            """Return projected embeddings of a task's rows."""
            projection = self._projection(task, modality)
            return {modality: self._copies.projected(task, modality, projection)}

        size = rows.features[modality].shape[1]
        if projected := shared_codes.fits_in_cache(tasks, size):
            source, places = shared_codes.build_source(
                tasks, lambda task: task.fold, inputs
            )
        else:
            source = BatchSource({modality: rows.features[modality]}, rows.truth)
            places = [(task.train, task.validation) for task in tasks]
        batch_tasks = [
            self._autoencoder_task(task, modality, place, projected=projected)
            for task, place in zip(tasks, places, strict=True)
        ]
        trained = train_group(
            batch_tasks, source, ReconstructionObjective(), stopped=stopped
        )
        for task, batch_task, outcome in zip(tasks, batch_tasks, trained, strict=True):
            assert isinstance(batch_task.module, AutoencoderPhase)
            key = task.autoencoder_key(modality)
            self._autoencoders[key] = batch_task.module, outcome
        return []

    def train_on_cache(
        self, numbered: NumberedTasks, stopped: StopRequest
    ) -> list[Result]:
        """Train designs on cached embeddings, which are projected in each batch.

        Args:
            numbered: (index, task)
            stopped: returns True to end the training
        """
        first = numbered[0][1]
        systems = [self._system(task) for _, task in numbered]
        batch_tasks = [
            task.batch_task(SystemPhase(system, self._extra(task, system)))
            for (_, task), system in zip(numbered, systems, strict=True)
        ]
        features = {m: first.rows.features[m] for m in first.modalities}
        source = BatchSource(features, first.rows.truth, row_labels(first))
        objective = RatingObjective(first.settings)
        trained = train_group(batch_tasks, source, objective, stopped=stopped)
        finished = zip(numbered, systems, trained, strict=True)
        return [_result(n, system, outcome) for (n, _), system, outcome in finished]

    def train_on_copies(
        self, numbered: NumberedTasks, stopped: StopRequest
    ) -> list[Result]:
        """Train designs on copies of embeddings that were projected, or also encoded.

        Args:
            numbered: (index, task)
            stopped: returns True to end the training
        """
        failed = [(n, e) for n, task in numbered if (e := self._failure(task))]
        numbered = [(n, task) for n, task in numbered if n not in dict(failed)]
        if not numbered:
            return list(failed)
        first = numbered[0][1]
        # The projections move to the training device too, if features are elsewhere.
        systems = [self._system(task) for _, task in numbered]
        for (_, task), system in zip(numbered, systems, strict=True):
            for m in task.pretrained_modalities:
                autoencoder = self._autoencoders[task.autoencoder_key(m)][0].autoencoder
                system.autoencoders[m].load_state_dict(autoencoder.state_dict())
        tasks = [task for _, task in numbered]
        source, places = shared_codes.build_source(
            tasks, ModelTask.input_key, self._inputs, row_labels(first)
        )
        batch_tasks = [
            task.batch_task(self._phase(task, s), *where)
            for task, s, where in zip(tasks, systems, places, strict=True)
        ]
        objective = RatingObjective(first.settings)
        trained = train_group(batch_tasks, source, objective, stopped=stopped)
        finished = zip(numbered, systems, trained, strict=True)
        results = (
            _result(number, system, outcome, self._pretraining(task))
            for (number, task), system, outcome in finished
        )
        return [*failed, *results]

    def _projection(self, task: ModelTask, modality: str) -> Projection:
        """Return the projection of a modality, fitted once for each fold."""
        key = task.projection_key(modality)
        with self._lock:
            if key not in self._projections:
                self._projections[key] = Projection.fitted(
                    task.rows.features[modality],
                    rows=task.train,
                    components=task.components,
                )
            return self._projections[key]

    def _system(self, task: ModelTask) -> System:
        """Return the untrained system of a task, which depends on its seed only."""
        projections = {m: self._projection(task, m) for m in task.modalities}
        targets = task.rows.truth.shape[1]
        with self._lock, torch_seed(task.seed, torch.device("cpu")):
            system = System(
                task.fusion,
                projections,
                targets=targets,
                settings=task.settings,
                layers=task.rows.layers,
            )
        return system.to(self.device)

    def _extra(self, task: ModelTask, system: System) -> ExtraSupervision | None:
        with self._lock:
            return supervision(task, system)

    def _phase(self, task: ModelTask, system: System) -> nn.Module:
        """Return the module that is trained on projected or encoded embeddings."""
        extra = self._extra(task, system)
        if task.pretrained_modalities:
            return CodePhase(system.fusion, task.modalities, extra)
        return ProjectedSystemPhase(system, extra)

    def _autoencoder_task(
        self, task: ModelTask, modality: str, places: RowIndices, *, projected: bool
    ) -> BatchTask:
        """Return the task to train an autoencoder, which depends on no design."""
        projection, settings = self._projection(task, modality), task.settings
        seed = derive_seed(task.seed, modality)
        with self._lock, torch_seed(seed, torch.device("cpu")):
            autoencoder = AutoencoderPhase(
                modality, projection, settings, projected=projected
            )
            autoencoder.to(self.device)
        return replace(
            task.batch_task(autoencoder, *places),
            settings=replace(settings, learning_rate=settings.pretrain_rate, mixup=0.0),
            epochs=settings.pretrain_epochs,
            seed=seed,
            where=f"{task.where}, {modality} autoencoder",
            rate="pretrain_rate",
        )

    def _inputs(self, task: ModelTask) -> dict[str, Tensor]:
        """Return codes, or projected embeddings without pretraining, by modality."""
        inputs = {}
        for m in task.modalities:
            projection = self._projection(task, m)
            if m in task.pretrained_modalities:
                autoencoder = self._autoencoders[task.autoencoder_key(m)][0].autoencoder
                inputs[m] = self._copies.encoded(task, m, projection, autoencoder)
            else:
                inputs[m] = self._copies.projected(task, m, projection)
        return inputs

    def _failure(self, task: ModelTask) -> AffuseError | None:
        """Return the error of an autoencoder that the task needs, or None."""
        errors = (outcome.error for outcome in self._pretraining(task).values())
        return next((AffuseError(error) for error in errors if error), None)

    def _pretraining(self, task: ModelTask) -> dict[str, TrainingOutcome]:
        """Return the outcome of each pretrained autoencoder of a task."""
        keys = {m: task.autoencoder_key(m) for m in task.pretrained_modalities}
        return {m: self._autoencoders[key][1] for m, key in keys.items()}


def _result(
    number: int,
    system: System,
    outcome: TrainingOutcome,
    before: Mapping[str, TrainingOutcome] | None = None,
) -> Result:
    """Return the result of one batch_task."""
    if outcome.error:
        return number, AffuseError(outcome.error)
    pretraining = {
        m: tuple(autoencoder.history) for m, autoencoder in (before or {}).items()
    }
    return number, Fitted(system.eval(), tuple(outcome.history), pretraining)
