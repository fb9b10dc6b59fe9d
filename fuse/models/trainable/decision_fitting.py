"""Training of decision-level fusion, with weights fitted on out-of-fold predictions.

Models overfit their training rows, and the model that overfits most would get too high
a weight. So the training part is divided again, by speaker or dialogue. Each inner fold
is predicted by models that were trained on the other inner folds; the validation part
of the outer fold stops their training. Test utterances are not used here.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.chunks import apply_in_chunks
from affuse.fuse.models.decisions import (
    MODALITIES,
    DecisionFusion,
    ccc_weights,
    stacking_weights,
)
from affuse.fuse.models.fitted import Epoch, Fitted, ccc
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task

INNER_FOLDS = 5  # largest number of inner folds of the training part


def fit_decision_fusion(tasks: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
    """Train models of each modality, and fit the weights of their predictions.

    The models of all tasks and inner folds are trained together. Tasks that differ only
    in their decision-level design share the models.

    Args:
        tasks: of the designs in `affuse.fuse.models.decisions.DECISIONS`; no inner fold
            divides a group of their rows
        loop: trains many networks at once

    Yields:
        index of a task, and its model or error; first the errors of tasks whose
        training rows cannot be divided into the inner folds that they need

    Raises:
        AffuseError: before anything is trained, if a modality is missing
    """
    shared: dict[Hashable, _SharedBases[Task]] = {}
    for number, task in enumerate(tasks):
        key = task.fold, task.seed, task.settings
        shared.setdefault(key, _SharedBases(task)).members[number] = str(task.fusion)
    base_tasks, owners = list[Task](), list[tuple[_SharedBases[Task], int]]()
    for group in shared.values():
        yield from group.divide_rows()
        for index, base in enumerate(group.bases()):
            base_tasks.append(base)
            owners.append((group, index))
    for number, outcome in loop(base_tasks):
        group, index = owners[number]
        group.outcomes[index] = outcome
        if len(group.outcomes) == group.size:
            yield from group.results()


class _SharedBases(Generic[Task]):
    """Decision-level tasks of one fold and seed, which share unimodal models.

    Args:
        task: any of the tasks, for rows, settings and seed
    """

    def __init__(self, task: Task):
        self.task = task
        self.members: dict[int, str] = {}  # {index of a task: name of its design}
        self.outcomes: dict[int, Fitted | AffuseError] = {}  # by index in `bases`
        self.size = 0
        self._inner: list[tuple[np.ndarray, np.ndarray]] = []

    def divide_rows(self) -> Iterator[Result]:
        """Divide rows into inner folds, and yield errors of members that lack them.

        Members that need inner folds are removed if the rows cannot be divided.
        """
        weighted = [n for n, fusion in self.members.items() if fusion != "latemean"]
        groups = self.task.rows.groups
        try:
            if weighted:
                self._inner = divide([groups[r] for r in self.task.train.tolist()])
        except AffuseError as error:
            for number in weighted:
                del self.members[number]
                yield number, AffuseError(f"{self.task.where}: {error}")

    def bases(self) -> list[Task]:
        """Return a task for each modality, on all training rows and on inner folds."""
        if not self.members:
            return []
        train = self.task.train
        parts = [train, *(train[torch.from_numpy(rest)] for rest, _ in self._inner)]
        tasks = [
            replace(
                self.task,
                train=part,
                fusion=modality,
                where=f"{self.task.where}, {modality}"
                + (f", inner fold {number}" if number else ""),
            )
            for number, part in enumerate(parts)
            for modality in MODALITIES
        ]
        self.size = len(tasks)
        return tasks

    def results(self) -> Iterator[Result]:
        """Yield the result of each member; an error of one model fails all members."""
        errors = [f for f in self.outcomes.values() if isinstance(f, AffuseError)]
        predictions_of_bases = (
            None if errors or not self._inner else self._out_of_fold_predictions()
        )
        for number, fusion in self.members.items():
            yield (
                number,
                errors[0] if errors else self._fuse(fusion, predictions_of_bases),
            )

    def _model(self, part: int) -> DecisionFusion:
        """Return the mean of the models that were trained on one part of the rows.

        Args:
            part: 0 for all training rows, or the number of an inner fold from 1
        """
        modules = {}
        for index, modality in enumerate(MODALITIES, part * len(MODALITIES)):
            outcome = self.outcomes[index]
            assert isinstance(outcome, Fitted)
            modules[modality] = outcome.module
        rows = self.task.rows
        model = DecisionFusion(modules, targets=rows.truth.shape[1])
        return model.to(rows.truth.device).eval()

    @torch.no_grad()
    def _out_of_fold_predictions(self) -> np.ndarray:
        """Return out-of-fold predictions: (training rows, modalities * targets)."""
        train, targets = self.task.train, self.task.rows.truth.shape[1]
        predictions_of_bases = np.zeros((len(train), len(MODALITIES) * targets))
        for part, (_, held) in enumerate(self._inner, 1):
            rows = train[torch.from_numpy(held)]
            predictions, _ = self._predictions(self._model(part).base_predictions, rows)
            predictions_of_bases[held] = predictions.double().cpu().numpy()
        return predictions_of_bases

    def _predictions(
        self, model: Callable[[Mapping[str, Tensor]], Tensor], indices: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the predictions of some utterances, and their ratings."""
        rows = self.task.rows
        at = indices.to(rows.truth.device)
        features = {m: rows.features[m] for m in MODALITIES}
        return apply_in_chunks(model, features, at), rows.truth[at]

    @torch.no_grad()
    def _fuse(self, fusion: str, predictions_of_bases: np.ndarray | None) -> Fitted:
        """Return the model of one decision-level design, with its validation CCC."""
        model = self._model(0)
        rows, train = self.task.rows, self.task.train
        if fusion != "latemean" and predictions_of_bases is not None:
            truth = rows.truth[train.to(rows.truth.device)]
            _fit_weights(
                model, predictions_of_bases, truth.double().cpu().numpy(), fusion
            )
        predictions, truth = self._predictions(model, train)
        loss = (predictions - truth).square().mean()
        predictions, truth = self._predictions(model, self.task.validation)
        scores = ccc(truth, predictions, targets=rows.targets)
        return Fitted(model, (Epoch(1, float(loss), 0.0, scores),))


def divide(groups: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return near-equal folds that divide no group, as indices of rows.

    Args:
        groups: speaker or dialogue of each row

    Returns:
        for each fold, the indices to train on and the held-out indices

    Raises:
        AffuseError: if there are fewer than two groups
    """
    from sklearn.model_selection import GroupKFold

    count = min(INNER_FOLDS, len(set(groups)))
    if count < 2:
        raise AffuseError(
            "weights of decisions are fitted on utterances of speakers or dialogues "
            "that a model was not trained on, but the training part has only one such "
            "group; choose latemean, or a protocol with more groups for training"
        )
    rows = np.arange(len(groups))
    return list(GroupKFold(count).split(rows, groups=np.array(groups, object)))


def _fit_weights(
    model: DecisionFusion,
    predictions_of_bases: np.ndarray,
    truth: np.ndarray,
    fusion: str,
) -> None:
    """Fit the weights of each rating, and write them into the model."""
    targets = truth.shape[1]
    weights, constants = (
        np.zeros((targets, predictions_of_bases.shape[1])),
        np.zeros(targets),
    )
    for k in range(targets):
        if fusion == "stacking":
            weights[k], constants[k] = stacking_weights(
                predictions_of_bases, truth[:, k]
            )
        else:
            same = slice(k, None, targets)  # columns of the predictions of rating k
            weights[k, same], constants[k] = ccc_weights(
                predictions_of_bases[:, same], truth[:, k], nonnegative=True
            )
    with torch.no_grad():
        model.weigh.weight.copy_(torch.from_numpy(weights))
        model.weigh.bias.copy_(torch.from_numpy(constants))
