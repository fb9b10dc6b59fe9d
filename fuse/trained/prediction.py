"""Predictions for cached utterances of any corpus, averaged over a run's models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from affuse.data.cache import joined_recipe
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings
from affuse.fuse.inputs.omissions import runs_without
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.models.regressor import pick
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_files import load
from affuse.fuse.trained.model_folders import (
    demand_widths,
    finished_models,
    warn_of_unlisted_models,
)
from affuse.fuse.trained.model_folders import seed as seed_of


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


def predict(
    run: Path,
    embeddings: Mapping[str, Embeddings],
    *,
    fold_embeddings: FoldEmbeddings | None = None,
    device: str = "cpu",
) -> RunPrediction:
    """Return the predictions of all models of a run, and their mean.

    Most models were trained on the training utterances of the run. Predictions for
    these utterances do not measure the quality of the models.

    Args:
        run: folder of a run
        embeddings: {modality: rows of its cache}, of any corpus. An utterance that
            lacks a modality is predicted from the others if the models support it (see
            `affuse.fuse.models.system.System.robust`), else it is left out
        fold_embeddings: fold-specific embeddings, which replace `embeddings`
        device: device that computes the predictions

    Raises:
        FileNotFoundError: if there is no such folder, or no finished model in it
        AffuseError: if a modality is missing or was extracted in another way, or no
            utterance has all modalities that the models need
    """
    folders = _finished_models(run)
    warn_of_unlisted_models(run)
    module, first = load(folders[0])
    robust = bool(getattr(module, "robust", False))
    needed = _needed(
        folders, {ALL_FOLDS: embeddings, **(fold_embeddings or {})}, robust=robust
    )
    groups = _same_groups(needed)
    partial = {m: ids for m, ids in groups.items() if m != tuple(first.recipes)}
    if not robust:
        groups = {m: ids for m, ids in groups.items() if m not in partial}
        _demand_some(groups, next(iter(needed.values())))
    ids = sorted(id_ for group in groups.values() for id_ in group)
    predictions = [
        _predictions(path, needed[path.parent.name], groups, device) for path in folders
    ]
    return RunPrediction(
        ids=tuple(ids),
        targets=first.targets,
        mean=np.mean(predictions, axis=0),
        std=np.std(predictions, axis=0),
        models=len(predictions),
        by_model=np.stack(predictions),
        folds=tuple(folder.parent.name for folder in folders),
        seeds=tuple(
            seed for folder in folders if (seed := seed_of(folder)) is not None
        ),
        partial={" and ".join(m): len(v) for m, v in partial.items() if robust},
        left_out={} if robust else _count_lacking(partial, tuple(first.recipes)),
    )


def _needed(
    folders: Sequence[Path], available: FoldEmbeddings, *, robust: bool
) -> dict[str, dict[str, Embeddings]]:
    """Return the embeddings that the models of each fold take.

    Raises:
        AffuseError: if a modality is missing, or was extracted in another way
    """
    needed = {}
    for fold, trained in model_files.recipes(folders).items():
        present = available.get(fold, available[ALL_FOLDS])
        lacking = [m for m in trained if present and m not in present]
        if lacking and not robust:
            raise AffuseError(
                f"the run needs {lacking[0]} embeddings, and there is only "
                f"{', '.join(sorted(present))}; extract {lacking[0]} first, or predict "
                f"with {runs_without(present)}"
            )
        needed[fold] = {
            modality: pick(present, modality)
            for modality in trained
            if modality in present or not robust or not present
        }
        demand_same_recipes(trained, needed[fold], folders[0].parent.parent)
    return needed


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
    folder: Path, embeddings: Mapping[str, Embeddings], groups: Groups, device: str
) -> np.ndarray:
    """Return the predictions of one model: (n, targets), sorted by id."""
    module, _ = load(folder)
    ids = [id_ for group in groups.values() for id_ in group]
    predictions = []
    for modalities, group in groups.items():
        arrays = gather({m: embeddings[m] for m in modalities}, group)
        features = {n: torch.from_numpy(x).to(device) for n, x in arrays.items()}
        demand_widths(module, features, folder)
        with torch.inference_mode():
            predictions.append(module.to(device)(features).double().cpu().numpy())
    return np.concatenate(predictions)[np.argsort(np.array(ids, object))]


def _demand_some(groups: Groups, embeddings: Mapping[str, Embeddings]) -> None:
    """Raise an error if no utterance can be predicted."""
    if not groups:
        counts = ", ".join(f"{len(e.ids)} of {m}" for m, e in embeddings.items())
        raise AffuseError(
            f"no utterance has all of {', '.join(embeddings)}: there are embeddings "
            f"{counts}, and no id in common; extract both from the same corpus"
        )


def recipes(run: Path) -> dict[str, Mapping[str, Recipe]]:
    """Return the recipes of a run's embeddings: {fold: {modality: recipe}}.

    Args:
        run: folder of the run

    Raises:
        FileNotFoundError: if there is no such folder, or no finished model in it
    """
    return model_files.recipes(_finished_models(run))


def _finished_models(run: Path) -> list[Path]:
    """Return the folders of the finished models of a run."""
    if not run.is_dir():
        raise FileNotFoundError(f"{run} not found; name the folder of a run")
    folders = finished_models(run)
    if not folders:
        raise FileNotFoundError(
            f"{run} has no finished model; name the folder of a run, or repeat its "
            f"train command"
        )
    return folders


def demand_same_recipes(
    recipes: Mapping[str, Recipe], embeddings: Mapping[str, Embeddings], run: Path
) -> None:
    """Raise an error if embeddings differ from those of the training.

    They may differ in the corpus and its content.

    Args:
        recipes: {modality: recipe} of the training
        embeddings: {modality: rows of its cache}
        run: folder of the run, for the error

    Raises:
        AffuseError: naming the modality and the first difference
    """
    for modality, cache in embeddings.items():
        trained = recipes[modality]
        parsed = joined_recipe.parse(cache.recipe.text())
        recipe, expected = (r.of_corpus(trained.corpus) for r in (parsed, trained))
        if difference := recipe.difference(expected):
            raise AffuseError(
                f"the {modality} embeddings were extracted with {difference}, which "
                f"{run.name} was trained on; extract again with the run's options"
            )
