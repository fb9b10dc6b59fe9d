"""Training of designs on folds, with many models at once but independent results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.data.splits.protocols import Fold
from affuse.fuse.inputs.rating_variation import describe_undefined_ccc
from affuse.fuse.inputs.tensors import AlignedCorpus, Rows
from affuse.fuse.models.design import Design
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.regressor import pick
from affuse.fuse.models.trainable.design_registry import group_by_kind
from affuse.fuse.models.trainable.fit_task import Result
from affuse.fuse.seeds import derive_seed
from affuse.fuse.settings import END_TO_END, Settings
from affuse.fuse.training.grouped.group_tasks import GroupTasks
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.task_schedule import execute_tasks

__all__ = [
    "FoldRows",
    "ModelTask",
    "Result",
    "single_task",
    "fit",
    "fit_all",
    "fit_any_kind",
]


@dataclass(frozen=True)
class FoldRows:
    """Utterances of all folds on one device, and the rows of each part of a fold."""

    rows: Mapping[str, Rows]  # {fold: rows}, the same object for shared embeddings
    parts: Mapping[str, tuple[Tensor, Tensor]]  # {fold: (training, validation) rows}
    head: tuple[str, ...] = ()  # ratings of the columns of HEAD

    @classmethod
    def of(
        cls,
        aligned: Mapping[str, AlignedCorpus],
        folds: Sequence[Fold],
        *,
        features: Sequence[str],
        device: str,
    ) -> Self:
        """Return training and validation parts of folds on a device; no test parts.

        Args:
            aligned: {fold: data}
            folds: of a protocol
            features: names of modalities that any design takes, or HEAD
            device: of all rows
        """

        def places(fold: str, ids: Sequence[str]) -> Tensor:
            """Return the indices of rows."""
            return torch.tensor(aligned[fold].row_indices(ids))

        once = {id(a): a for a in aligned.values()}
        resident = {
            key: a.all_rows(features=features, device=device) for key, a in once.items()
        }
        return cls(
            {f.name: resident[id(aligned[f.name])] for f in folds},
            {
                f.name: (places(f.name, f.train), places(f.name, f.validation))
                for f in folds
            },
            next(iter(once.values())).head,
        )

    def task(self, fold: str, *, seed: int, **what: Any) -> ModelTask:
        """Return a task of one fold; see `ModelTask`.

        Args:
            fold: name
            seed: of the run, from which the seed of the fold is derived
            what: the other fields of a `ModelTask`
        """
        fold_seed = derive_seed(seed, fold)
        return ModelTask(
            self.rows[fold], *self.parts[fold], seed=fold_seed, head=self.head, **what
        )


def fit_any_kind(tasks: Sequence[ModelTask]) -> Iterator[Result]:
    """Fit models of any designs, those of one kind together.

    Args:
        tasks: tasks on one device

    Yields:
        index of a task, and its model or the error of its training, when it ends

    Raises:
        AffuseError: before models of a kind are fitted, if a modality is missing
    """
    for kind, numbers in group_by_kind([task.fusion for task in tasks]):
        for number, result in kind.fit([tasks[n] for n in numbers], fit_all):
            yield numbers[number], result


def fit(
    train: Rows,
    validation: Rows,
    *,
    fusion: str | Design,
    settings: Settings,
    seed: int,
    where: str = "",
) -> Fitted:
    """Train one design on one fold, and return the best checkpoint by validation CCC.

    Args:
        train: the only rows that change weights or statistics
        validation: rows that choose the best checkpoint and stop the training
        fusion: name of a design, or the design itself
        settings: sizes, losses, learning rates
        seed: of all random numbers
        where: description of fold and seed, for errors

    Raises:
        AffuseError: if a modality is missing, or the loss is not finite
    """
    task = single_task(
        train, validation, fusion=fusion, settings=settings, seed=seed, where=where
    )
    ((_, result),) = fit_all([task], threads=1)
    if isinstance(result, AffuseError):
        raise result
    return result


def single_task(train: Rows, validation: Rows, **what: Any) -> ModelTask:
    """Return a task of two sets of rows, which are concatenated.

    Args:
        train: training rows
        validation: validation rows
        what: the other fields of a `ModelTask`
    """
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
        labels=train.labels + validation.labels,
    )
    first, second = torch.arange(count + more).split([count, more])
    return ModelTask(rows, first, second, **what)


def fit_all(
    tasks: Sequence[ModelTask], *, threads: int | None = None
) -> Iterator[Result]:
    """Train many designs, each with the same result as if it were trained alone.

    Models of equal shape are trained together as model groups. The groups are small
    enough that some finish early. On a CPU each thread trains separate groups.

    Args:
        tasks: tasks on one device
        threads: of the CPU; None for torch's number of threads. A GPU needs one

    Yields:
        index of a task, and its model or the error of its training, when it ends

    Raises:
        AffuseError: before anything is trained, if a modality is missing, or only a
            fine-tuning can train with these settings
    """
    for task in tasks:
        if task.settings.training == END_TO_END:
            raise AffuseError(
                f"training='{END_TO_END}' is done by finetune, whose heads are used "
                f"with train --finetuned RUN; choose joint or pretrain here"
            )
        for modality in task.modalities:
            pick(task.rows.features, modality)
    undefined = {
        n: e for n, task in enumerate(tasks) if (e := _undefined_ccc_error(task))
    }
    yield from undefined.items()
    numbers = [number for number in range(len(tasks)) if number not in undefined]
    if not numbers:
        return
    card = tasks[0].rows.truth.device.type == "cuda"
    threads = 1 if card else threads or torch.get_num_threads()
    scheduled = GroupTasks(
        [tasks[number] for number in numbers], threads=threads
    ).schedule()
    for _, results in execute_tasks(scheduled, threads=threads):
        for number, result in results:
            yield numbers[number], result


def _undefined_ccc_error(task: ModelTask) -> AffuseError | None:
    """Return the error of an undefined CCC or of missing labels of a task, or None."""
    for part, places in (("training", task.train), ("validation", task.validation)):
        truth = task.rows.truth[places.to(task.rows.truth.device)].cpu().numpy()
        if reason := describe_undefined_ccc(
            truth, task.rows.targets, part=part, where=task.where
        ):
            return AffuseError(reason)
    if reason := task.rows.labels.lacking(task.settings, task.train):
        return AffuseError(f"{task.where}: {reason}" if task.where else reason)
    return None
