"""Trains late fusion by decisions; its weights know out-of-fold predictions only.

A model is too sure of what it was trained on, and of two the one that learns by heart
would get the higher weight. So the training part is divided once more, by speaker or
dialogue: each inner fold is predicted by models that were trained on the others and
stopped by the fold's validation part. Test utterances are not at hand here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from fuse.decisions import (
    DECISIONS,
    MODALITIES,
    Decisions,
    ccc_weights,
    stacking_weights,
)
from fuse.fit import Fitted, fit
from fuse.loop import Epoch, ccc
from fuse.settings import Settings
from fuse.tensors import Rows

INNER = 5  # folds of the training part, at most


def fit_decisions(
    train: Rows,
    validation: Rows,
    *,
    fusion: str,
    settings: Settings,
    seed: int,
    where: str = "",
) -> Fitted:
    """One model of each modality, and the weights of what they say.

    Args:
        train: the only rows that change a parameter; `Rows.groups` are not divided
        validation: the only other rows that are seen; they stop the training of every
            model, inner ones too
        fusion: one of `fuse.decisions.DECISIONS`
        settings: of all models alike
        seed: of all that is random
        where: fold and seed in words, for errors

    Raises:
        ValueError: if a modality or the groups are missing, or a loss is not finite
    """
    bases = _Bases(validation, settings, seed, where)
    targets = train.truth.shape[1]
    model = bases.fit(train).to(train.truth.device)
    if fusion != "latemean":
        votes = np.zeros((len(train.truth), len(MODALITIES) * targets))
        for number, (rest, held) in enumerate(divide(train.groups), 1):
            inner = bases.fit(take(train, rest), f", inner fold {number}")
            with torch.no_grad():
                said = inner.votes(take(train, held).features)
            votes[held] = said.double().cpu().numpy()
        _weigh(model, votes, train.truth.double().cpu().numpy(), fusion)
    with torch.no_grad():
        lost = (model(train.features) - train.truth).square().mean()
        scores = ccc(
            validation.truth, model(validation.features), targets=validation.targets
        )
    return Fitted(model, (Epoch(1, float(lost), 0.0, scores),))


def fit_fusion(train: Rows, validation: Rows, *, fusion: str, **options: Any) -> Fitted:
    """A design, see `fuse.fit.fit`, or a fusion of decisions, see `fit_decisions`."""
    how = fit_decisions if fusion in DECISIONS else fit
    return how(train, validation, fusion=fusion, **options)


@dataclass(frozen=True)
class _Bases:
    """Trains one model of each modality, whatever the rows."""

    validation: Rows
    settings: Settings
    seed: int
    where: str

    def fit(self, train: Rows, name: str = "") -> Decisions:
        """Their mean, for now."""
        modules = {
            modality: fit(
                train,
                self.validation,
                fusion=modality,
                settings=self.settings,
                seed=self.seed,
                where=f"{self.where}, {modality}{name}",
            ).module
            for modality in MODALITIES
        }
        return Decisions(modules, targets=train.truth.shape[1]).eval()


def divide(groups: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers, of near-equal folds that divide no group: those to train on, held

    Raises:
        ValueError: if there are fewer than two groups
    """
    from sklearn.model_selection import GroupKFold

    count = min(INNER, len(set(groups)))
    if count < 2:
        raise ValueError(
            "weights of decisions are fitted on utterances of speakers or dialogues "
            "that a model was not trained on, and the training part has only one "
            "group of them; choose latemean, or a protocol with more for training"
        )
    rows = np.arange(len(groups))
    return list(GroupKFold(count).split(rows, groups=np.array(groups, object)))


def take(rows: Rows, chosen: np.ndarray) -> Rows:
    """Some of the rows, in the order of these numbers."""
    places = torch.from_numpy(chosen).to(rows.truth.device)
    return replace(
        rows,
        features={name: x[places] for name, x in rows.features.items()},
        truth=rows.truth[places],
        groups=tuple(rows.groups[place] for place in chosen),
    )


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
