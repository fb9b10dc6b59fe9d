"""Trains designs on folds: many at once, each as if it were alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.rating_variation import undefined
from affuse.fuse.inputs.tensors import Aligned, Rows
from affuse.fuse.models.design import Design
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.trainable.design_registry import by_kind
from affuse.fuse.models.trainable.fit_task import Result
from affuse.fuse.seeds import derived
from affuse.fuse.settings import END_TO_END, Settings
from affuse.fuse.training.grouped.group_tasks import Works
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.task_schedule import spread

__all__ = ["Folds", "ModelTask", "Result", "alone", "fit", "fit_all", "fit_fusions"]


@dataclass(frozen=True)
class Folds:
    """All utterances on one device, once for each cache, and whose rows are whose."""

    rows: Mapping[str, Rows]  # by fold; the same where folds share their embeddings
    parts: Mapping[str, tuple[Tensor, Tensor]]  # by fold: to train on, to validate on
    head: tuple[str, ...] = ()  # ratings of the columns of HEAD

    @classmethod
    def of(
        cls,
        aligned: Mapping[str, Aligned],
        folds: Sequence[Fold],
        *,
        features: Sequence[str],
        device: str,
    ) -> Self:
        """Test parts are not among them.

        Args:
            aligned: of each fold
            features: names of modalities that any design takes, or HEAD
            device: where all rows shall be
        """

        def places(fold: str, ids: Sequence[str]) -> Tensor:
            return torch.tensor(aligned[fold].places(ids))

        once = {id(a): a for a in aligned.values()}
        there = {
            key: a.resident(features=features, device=device) for key, a in once.items()
        }
        return cls(
            {f.name: there[id(aligned[f.name])] for f in folds},
            {
                f.name: (places(f.name, f.train), places(f.name, f.validation))
                for f in folds
            },
            next(iter(once.values())).head,
        )

    def job(self, fold: str, *, seed: int, **what: Any) -> ModelTask:
        """Return what shall be trained on a fold; see `ModelTask`.

        Args:
            fold: name
            seed: of the run, from which that of the fold is derived
            what: the other fields of a `ModelTask`
        """
        own = derived(seed, fold)
        return ModelTask(
            self.rows[fold], *self.parts[fold], seed=own, head=self.head, **what
        )


def fit_fusions(jobs: Sequence[ModelTask]) -> Iterator[Result]:
    """Fit models of any designs; those of one kind are fitted together.

    Args:
        jobs: on one device

    Yields:
        number of a job, and its model or the error that made it none, as they come

    Raises:
        AffuseError: before models of a kind are fitted, if a modality is missing
    """
    for kind, numbers in by_kind([job.fusion for job in jobs]):
        for number, found in kind.fit([jobs[n] for n in numbers], fit_all):
            yield numbers[number], found


def fit(
    train: Rows,
    validation: Rows,
    *,
    fusion: str | Design,
    settings: Settings,
    seed: int,
    where: str = "",
) -> Fitted:
    """Train one design on one fold; the best epoch by validation CCC is kept.

    Args:
        train: the only rows that change a parameter or a statistic
        validation: the only other rows that are seen; they stop the training
        fusion: name of a design, or the design itself
        settings: sizes, losses, rates
        seed: of all that is random
        where: fold and seed in words, for errors

    Raises:
        AffuseError: if a modality is missing, or the loss is not finite
    """
    job = alone(
        train, validation, fusion=fusion, settings=settings, seed=seed, where=where
    )
    ((_, found),) = fit_all([job], threads=1)
    if isinstance(found, AffuseError):
        raise found
    return found


def alone(train: Rows, validation: Rows, **what: Any) -> ModelTask:
    """A job of two sets of rows."""
    count, more = len(train.truth), len(validation.truth)
    rows = Rows(
        features={
            name: torch.cat([values, validation.features[name]])
            for name, values in train.features.items()
        },
        truth=torch.cat([train.truth, validation.truth]),
        targets=train.targets,
        layers=train.layers,
        groups=(*train.groups, *validation.groups),
    )
    seen, unseen = torch.arange(count + more).split([count, more])
    return ModelTask(rows, seen, unseen, **what)


def fit_all(
    jobs: Sequence[ModelTask], *, threads: int | None = None
) -> Iterator[Result]:
    """Train many designs; each model is the same, whatever is trained beside it.

    Models of equal shape are stacked and trained together, in parts that end early
    enough for something to be finished every now and then. On a CPU each thread has
    stacks of its own.

    Args:
        jobs: on one device
        threads: of the CPU; None for as many as torch has. A GPU needs one

    Yields:
        number of a job, and its model or the error that made it none, as they come

    Raises:
        AffuseError: before anything is trained, if a modality is missing, or training
            is left to a fine-tuning
    """
    for job in jobs:
        if job.settings.training == END_TO_END:
            raise AffuseError(
                f"training='{END_TO_END}' is that of finetune, whose heads train "
                f"--finetuned RUN takes as they are; here choose joint or pretrain"
            )
        for modality in job.modalities:
            pick(job.rows.features, modality)
    undefined = {n: e for n, job in enumerate(jobs) if (e := _undefined(job))}
    yield from undefined.items()
    numbers = [number for number in range(len(jobs)) if number not in undefined]
    if not numbers:
        return
    card = jobs[0].rows.truth.device.type == "cuda"
    threads = 1 if card else threads or torch.get_num_threads()
    works = Works([jobs[number] for number in numbers], threads=threads).make()
    for _, results in spread(works, threads=threads):
        for number, found in results:
            yield numbers[number], found


def _undefined(job: ModelTask) -> AffuseError | None:
    """Return why a CCC is not defined on rows of a job; None if all are."""
    for part, places in (("training", job.train), ("validation", job.validation)):
        truth = job.rows.truth[places.to(job.rows.truth.device)].cpu().numpy()
        if said := undefined(truth, job.rows.targets, part=part, where=job.where):
            return AffuseError(said)
    return None
