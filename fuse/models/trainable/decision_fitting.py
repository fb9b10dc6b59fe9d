"""Trains late fusion by decisions; its weights know out-of-fold predictions only.

A model is too sure of what it was trained on, and of two the one that learns by heart
would get the higher weight. So the training part is divided once more, by speaker or
dialogue: each inner fold is predicted by models that were trained on the others and
stopped by the fold's validation part. Test utterances are not at hand here.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.chunks import through
from affuse.fuse.models.decisions import (
    MODALITIES,
    Decisions,
    ccc_weights,
    stacking_weights,
)
from affuse.fuse.models.fitted import Epoch, Fitted, ccc
from affuse.fuse.models.trainable.fit_task import Loop, Result, Task

INNER = 5  # folds of the training part, at most


def decide(jobs: Sequence[Task], loop: Loop[Task]) -> Iterator[Result]:
    """Models of each modality, and the weights of what they say.

    All models, of all jobs and inner folds, are trained together; jobs that differ in
    nothing but how decisions are fused share theirs.

    Args:
        jobs: of `affuse.fuse.models.decisions.DECISIONS`; groups of their rows are not
            divided
        loop: trains many networks at once

    Yields:
        number of a job, and what came of it; first those that need inner folds, and
        whose training rows cannot be divided

    Raises:
        AffuseError: before anything is trained, if a modality is missing
    """
    panels: dict[Hashable, _Panel[Task]] = {}
    for number, job in enumerate(jobs):
        key = job.fold, job.seed, job.settings
        panels.setdefault(key, _Panel(job)).members[number] = str(job.fusion)
    wanted, owners = list[Task](), list[tuple[_Panel[Task], int]]()
    for panel in panels.values():
        yield from panel.divided()
        for place, base in enumerate(panel.bases()):
            wanted.append(base)
            owners.append((panel, place))
    for number, found in loop(wanted):
        panel, place = owners[number]
        panel.found[place] = found
        if len(panel.found) == panel.size:
            yield from panel.results()


class _Panel(Generic[Task]):
    """All that is decided of one fold with one seed.

    Args:
        job: any of its jobs, for rows, settings and seed
    """

    def __init__(self, job: Task):
        self.job = job
        self.members: dict[int, str] = {}  # how decisions are fused, by number of a job
        self.found: dict[int, Fitted | AffuseError] = {}  # by place among `bases`
        self.size = 0
        self._inner: list[tuple[np.ndarray, np.ndarray]] = []

    def divided(self) -> Iterator[Result]:
        """Make inner folds, if any member needs them; those that lack them leave."""
        needy = [n for n, fusion in self.members.items() if fusion != "latemean"]
        groups = self.job.rows.groups
        try:
            if needy:
                self._inner = divide([groups[r] for r in self.job.train.tolist()])
        except AffuseError as error:
            for number in needy:
                del self.members[number]
                yield number, AffuseError(f"{self.job.where}: {error}")

    def bases(self) -> list[Task]:
        """A model of each modality, on all training rows and on inner folds."""
        if not self.members:
            return []
        train = self.job.train
        parts = [train, *(train[torch.from_numpy(rest)] for rest, _ in self._inner)]
        jobs = [
            replace(
                self.job,
                train=part,
                fusion=modality,
                where=f"{self.job.where}, {modality}"
                + (f", inner fold {number}" if number else ""),
            )
            for number, part in enumerate(parts)
            for modality in MODALITIES
        ]
        self.size = len(jobs)
        return jobs

    def results(self) -> Iterator[Result]:
        """Of every member; an error of any model is that of all."""
        errors = [f for f in self.found.values() if isinstance(f, AffuseError)]
        votes = None if errors or not self._inner else self._votes()
        for number, fusion in self.members.items():
            yield number, errors[0] if errors else self._fuse(fusion, votes)

    def _model(self, part: int) -> Decisions:
        """The models of one part of the training rows, and their mean."""
        modules = {}
        for place, modality in enumerate(MODALITIES, part * len(MODALITIES)):
            found = self.found[place]
            assert isinstance(found, Fitted)
            modules[modality] = found.module
        rows = self.job.rows
        made = Decisions(modules, targets=rows.truth.shape[1])
        return made.to(rows.truth.device).eval()

    @torch.no_grad()
    def _votes(self) -> np.ndarray:
        """(training rows, modalities * targets), each of models that did not see it"""
        train, targets = self.job.train, self.job.rows.truth.shape[1]
        votes = np.zeros((len(train), len(MODALITIES) * targets))
        for part, (_, held) in enumerate(self._inner, 1):
            found, _ = self._said(
                self._model(part).votes, train[torch.from_numpy(held)]
            )
            votes[held] = found.double().cpu().numpy()
        return votes

    def _said(
        self, model: Callable[[Mapping[str, Tensor]], Tensor], places: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is said of some utterances, and their ratings."""
        rows = self.job.rows
        at = places.to(rows.truth.device)
        features = {m: rows.features[m] for m in MODALITIES}
        return through(model, features, at), rows.truth[at]

    @torch.no_grad()
    def _fuse(self, fusion: str, votes: np.ndarray | None) -> Fitted:
        model = self._model(0)
        if fusion != "latemean" and votes is not None:
            truth = self.job.rows.truth[self.job.train.to(self.job.rows.truth.device)]
            _weigh(model, votes, truth.double().cpu().numpy(), fusion)
        said, truth = self._said(model, self.job.train)
        lost = (said - truth).square().mean()
        said, truth = self._said(model, self.job.validation)
        scores = ccc(truth, said, targets=self.job.rows.targets)
        return Fitted(model, (Epoch(1, float(lost), 0.0, scores),))


def divide(groups: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers, of near-equal folds that divide no group: those to train on, held

    Raises:
        AffuseError: if there are fewer than two groups
    """
    from sklearn.model_selection import GroupKFold

    count = min(INNER, len(set(groups)))
    if count < 2:
        raise AffuseError(
            "weights of decisions are fitted on utterances of speakers or dialogues "
            "that a model was not trained on, and the training part has only one "
            "group of them; choose latemean, or a protocol with more for training"
        )
    rows = np.arange(len(groups))
    return list(GroupKFold(count).split(rows, groups=np.array(groups, object)))


def _weigh(model: Decisions, votes: np.ndarray, truth: np.ndarray, fusion: str) -> None:
    """Put the weights of each rating into the model."""
    targets = truth.shape[1]
    weights, constants = np.zeros((targets, votes.shape[1])), np.zeros(targets)
    for k in range(targets):
        if fusion == "stacking":
            weights[k], constants[k] = stacking_weights(votes, truth[:, k])
        else:
            own = slice(k, None, targets)  # what each model says of this rating
            found = ccc_weights(votes[:, own], truth[:, k], nonnegative=True)
            weights[k, own], constants[k] = found
    with torch.no_grad():
        model.weigh.weight.copy_(torch.from_numpy(weights))
        model.weigh.bias.copy_(torch.from_numpy(constants))
