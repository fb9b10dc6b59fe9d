"""Trained models of one run or bundle, loaded once, and their mean prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import ModelFolder
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings
from affuse.fuse.inputs.omissions import runs_without
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.regressor import pick
from affuse.fuse.trained.model_files import Description, load
from affuse.fuse.trained.model_folders import demand_widths
from affuse.fuse.trained.recipe_agreement import demand_same_recipes


@dataclass(frozen=True)
class RunPrediction:
    """Predictions of a run's models, one row for each utterance, sorted by id."""

    ids: tuple[str, ...]
    targets: tuple[str, ...]  # of affuse.data.rating_scales.RATINGS
    mean: np.ndarray  # (n, targets), over models, approximately in [-1, 1]
    std: np.ndarray  # (n, targets), over models; 0 for a single model
    models: int  # number of models
    by_model: np.ndarray  # (models, n, targets), predictions of each model
    folds: tuple[str, ...]  # fold of each model
    seeds: tuple[int, ...]  # seed of each model
    # {present modalities: number of predicted utterances that lack the others}
    partial: Mapping[str, int]
    # {reason: number of utterances that lack a modality which the models need}
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class LoadedModel:
    """One trained model with its place in a run or bundle."""

    folder: Path
    fold: str
    seed: int | None  # None if the name of its folder has none
    module: nn.Module
    description: Description


@dataclass(frozen=True)
class ModelSet:
    """Trained models of all folds and seeds, whose mean is the prediction."""

    path: Path  # of the run or bundle, for errors
    models: tuple[LoadedModel, ...]  # at least one
    device: str = "cpu"  # of the models

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the predicted ratings, in order of columns."""
        return self.models[0].description.targets

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that the models take."""
        return tuple(self.models[0].description.recipes)

    @property
    def robust(self) -> bool:
        """True if the models predict utterances that lack a modality."""
        return bool(getattr(self.models[0].module, "robust", False))

    @property
    def recipes(self) -> dict[str, Mapping[str, Recipe]]:
        """Recipes of the embeddings of each fold: {fold: {modality: recipe}}."""
        firsts: dict[str, Mapping[str, Recipe]] = {}
        for model in self.models:
            firsts.setdefault(model.fold, model.description.recipes)
        return firsts

    def predict(self, available: FoldEmbeddings) -> RunPrediction:
        """Return the predictions of all models, and their mean.

        Args:
            available: {fold, or `ALL_FOLDS` for all others: {modality: embeddings}}, of
                any corpus. An utterance that lacks a modality is predicted from the
                others if the models are `robust`, else it is left out

        Raises:
            AffuseError: if a modality is missing or was extracted in another way, or no
                utterance has all modalities that the models need
        """
        needed = self.needed(available)
        groups = _same_groups(needed)
        partial = {m: ids for m, ids in groups.items() if m != self.modalities}
        if not self.robust:
            groups = {m: ids for m, ids in groups.items() if m not in partial}
            _demand_some(groups, next(iter(needed.values())))
        ids = sorted(id_ for group in groups.values() for id_ in group)
        predictions = [
            _predictions(m, needed[m.fold], groups, self.device) for m in self.models
        ]
        lacking = {} if self.robust else _count_lacking(partial, self.modalities)
        return RunPrediction(
            ids=tuple(ids),
            targets=self.targets,
            mean=np.mean(predictions, axis=0),
            std=np.std(predictions, axis=0),
            models=len(predictions),
            by_model=np.stack(predictions),
            folds=tuple(model.fold for model in self.models),
            seeds=tuple(m.seed for m in self.models if m.seed is not None),
            partial={
                " and ".join(m): len(v) for m, v in partial.items() if self.robust
            },
            left_out=lacking,
        )

    def needed(self, available: FoldEmbeddings) -> dict[str, dict[str, Embeddings]]:
        """Return the embeddings that the models of each fold take.

        Raises:
            AffuseError: if a modality is missing, or was extracted in another way
        """
        needed = {}
        for fold, trained in self.recipes.items():
            present = available.get(fold, available.get(ALL_FOLDS, {}))
            lacking = [m for m in trained if present and m not in present]
            if lacking and not self.robust:
                raise AffuseError(
                    f"the run needs {lacking[0]} embeddings, and there is only "
                    f"{', '.join(sorted(present))}; extract {lacking[0]} first, or "
                    f"predict with {runs_without(present)}"
                )
            needed[fold] = {
                modality: pick(present, modality)
                for modality in trained
                if modality in present or not self.robust or not present
            }
            demand_same_recipes(trained, needed[fold], self.path)
        return needed


def load_models(path: Path, folders: Sequence[Path], device: str = "cpu") -> ModelSet:
    """Load the models of a run or bundle.

    Args:
        path: of the run or bundle
        folders: of its models, at least one
        device: device that computes the predictions

    Raises:
        FileNotFoundError: if a file is missing
        AffuseError: if a model is damaged, or its code has changed
    """
    models = []
    for folder in folders:
        module, description = load(folder)
        place = folder, folder.parent.name, ModelFolder(folder).seed
        models.append(LoadedModel(*place, module.to(device), description))
    return ModelSet(path, tuple(models), device)


Groups = Mapping[tuple[str, ...], Sequence[str]]  # {modalities: ids that have them}


def _same_groups(needed: FoldEmbeddings) -> Groups:
    """Return the ids of all utterances by modalities, which all folds share.

    Raises:
        AffuseError: if folds differ in their utterances
    """
    by_fold = {fold: _groups(embeddings) for fold, embeddings in needed.items()}
    first, *others = by_fold
    for fold in others:
        if by_fold[fold] != by_fold[first]:
            raise AffuseError(
                f"folds '{first}' and '{fold}' have embeddings of different "
                f"utterances; extract both again, from the same corpus"
            )
    return by_fold[first]


def _groups(embeddings: Mapping[str, Embeddings]) -> Groups:
    """Return the ids of all utterances by the modalities that they have."""
    cached = {modality: frozenset(e.ids) for modality, e in embeddings.items()}
    groups: dict[tuple[str, ...], list[str]] = {}
    for id_ in sorted(frozenset.union(*cached.values())):
        present = tuple(modality for modality, ids in cached.items() if id_ in ids)
        groups.setdefault(present, []).append(id_)
    return groups


def _count_lacking(partial: Groups, needed: Sequence[str]) -> dict[str, int]:
    """Return the number of utterances by a phrase on the modalities that they lack."""
    return {
        " and ".join(f"no {m} embedding" for m in needed if m not in present): len(ids)
        for present, ids in sorted(partial.items())
    }


def _predictions(
    model: LoadedModel,
    embeddings: Mapping[str, Embeddings],
    groups: Groups,
    device: str,
) -> np.ndarray:
    """Return the predictions of one model: (n, targets), sorted by id."""
    ids = [id_ for group in groups.values() for id_ in group]
    predictions = []
    for modalities, group in groups.items():
        arrays = gather({m: embeddings[m] for m in modalities}, group)
        features = {n: torch.from_numpy(x).to(device) for n, x in arrays.items()}
        demand_widths(model.module, features, model.folder)
        with torch.inference_mode():
            predictions.append(model.module(features).double().cpu().numpy())
    return np.concatenate(predictions)[np.argsort(np.array(ids, object))]


def _demand_some(groups: Groups, embeddings: Mapping[str, Embeddings]) -> None:
    """Raise an error if no utterance can be predicted."""
    if not groups:
        counts = ", ".join(f"{len(e.ids)} of {m}" for m, e in embeddings.items())
        raise AffuseError(
            f"no utterance has all of {', '.join(embeddings)}: there are embeddings "
            f"{counts}, and no id in common; extract both from the same corpus"
        )
