"""Predictions for cached utterances of any corpus, averaged over a run's models."""

from collections.abc import Mapping
from pathlib import Path

from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_folders import (
    finished_models,
    warn_of_unlisted_models,
)
from affuse.fuse.trained.model_set import ModelSet, RunPrediction, load_models


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
    available = {ALL_FOLDS: embeddings, **(fold_embeddings or {})}
    return load_run(run, device).predict(available)


def load_run(run: Path, device: str = "cpu") -> ModelSet:
    """Load all finished models of a run.

    Args:
        run: folder of the run
        device: device that computes the predictions

    Raises:
        FileNotFoundError: if there is no such folder, or no finished model in it
        AffuseError: if a model is damaged, or its code has changed
    """
    folders = _finished_models(run)
    warn_of_unlisted_models(run)
    return load_models(run, folders, device)


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
