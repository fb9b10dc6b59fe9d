"""Join of the histories and predictions of finished models into tables of the run."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from affuse.data.runs.run_folder import ModelFolder, RunFolder, is_model
from affuse.data.runs.run_information import write_info
from affuse.data.runs.run_predictions import (
    Predictions,
    read_predictions,
    write_predictions,
)
from affuse.data.system import digests
from affuse.data.system.csv_tables import read_rows, write_rows
from affuse.fuse.trained import model_files
from affuse.fuse.training.run_plan import RunPlan

log = logging.getLogger(__name__)


def join_results(plan: RunPlan) -> None:
    """Write the tables of the run from the models of seeds that all folds have.

    Two processes with different seeds may join at the same time; the last one finds all
    models.

    Args:
        plan: of the run
    """
    done: list[int] = []
    while (seeds := _finished_seeds(plan)) != done:
        done = seeds
        folders = [
            model_files.model_folder(plan.folder, fold=fold.name, seed=seed)
            for fold in plan.folds
            for seed in seeds
        ]
        models = [_manifest(plan, folder) for folder in folders]
        _remove_from_manifest(plan, models)
        joint = [RunFolder.history, RunFolder.info, RunFolder.predictions]
        with digests.rewrite_files(plan.folder, joint):
            _write(plan, folders)
        digests.list_files(plan.folder, models)


def _manifest(plan: RunPlan, model: Path) -> str:
    """Return the name of a model's manifest in the manifest of its run."""
    return str((ModelFolder(model).manifest).relative_to(plan.folder))


def _remove_from_manifest(plan: RunPlan, models: Sequence[str]) -> None:
    """Remove models from the manifest of a run, and warn of those that are lost."""
    listed = [name for name in digests.read_or_empty(plan.folder) if is_model(name)]
    if lost := sorted(set(listed) - set(models)):
        log.warning(
            "%s lists %d models that are not finished any more, first %s; the tables "
            "contain the others",
            RunFolder(plan.folder).manifest,
            len(lost),
            Path(lost[0]).parent,
        )
    digests.add_digests(plan.folder, {}, drop=listed)


def _write(plan: RunPlan, folders: Sequence[Path]) -> None:
    """Publish history, description and predictions of finished models."""
    run = RunFolder(plan.folder)
    history = [
        row
        for folder in folders
        for _, row in read_rows(
            ModelFolder(folder).history, model_files.HISTORY_COLUMNS
        )
    ]
    write_rows(run.history, model_files.HISTORY_COLUMNS, history)
    description = model_files.describe(folders[0])
    info = replace(plan.info, parameters=description.parameters)
    write_info(plan.folder, info)
    tables = [
        read_predictions(ModelFolder(f).predictions, info.targets) for f in folders
    ]
    joined = {
        name: np.concatenate([getattr(table, name) for table in tables])
        for name in ("id", "fold", "seed", "truth", "predicted")
    }
    write_predictions(run.predictions, Predictions(**joined), info)


def _finished_seeds(plan: RunPlan) -> list[int]:
    """Return the seeds that are finished in all folds, sorted."""
    finished = []
    for fold in plan.folds:
        models = RunFolder(plan.folder).models(
            fold=fold.name, file=ModelFolder.predictions
        )
        seeds = {model.seed for model in models}
        finished.append({number for number in seeds if number is not None})
    return sorted(set.intersection(*finished))
