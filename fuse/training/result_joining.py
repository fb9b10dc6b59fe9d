"""All finished units of a run in one table each."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from affuse.data.runs.run_folder import ModelFolder, RunFolder
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


def join(plan: RunPlan) -> None:
    """All units of the seeds that every fold has, in one table each.

    Two processes may join at once, each with seeds of its own; the last one to look
    finds all of them.
    """
    done: list[int] = []
    while (seeds := _finished(plan)) != done:
        done = seeds
        folders = [
            model_files.place(plan.folder, fold=fold.name, seed=seed)
            for fold in plan.folds
            for seed in seeds
        ]
        models = [_manifest(plan, folder) for folder in folders]
        _forget(plan, models)
        joint = [RunFolder.history, RunFolder.info, RunFolder.predictions]
        with digests.rewriting(plan.folder, joint):
            _write(plan, folders)
        digests.seal(plan.folder, models)


def _manifest(plan: RunPlan, model: Path) -> str:
    """Name the manifest of a model as the manifest of its run lists it."""
    return str((ModelFolder(model).manifest).relative_to(plan.folder))


def _forget(plan: RunPlan, models: Sequence[str]) -> None:
    """Take models out of the manifest of a run; those that are lost are named."""
    listed = [name for name in digests.readable(plan.folder) if "/" in name]
    if lost := sorted(set(listed) - set(models)):
        log.warning(
            "%s lists %d models that are not finished any more, first %s; the tables "
            "are of the others",
            RunFolder(plan.folder).manifest,
            len(lost),
            Path(lost[0]).parent,
        )
    digests.record(plan.folder, {}, drop=listed)


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


def _finished(plan: RunPlan) -> list[int]:
    """Seeds that are finished in all folds, sorted."""
    found = []
    for fold in plan.folds:
        models = RunFolder(plan.folder).models(
            fold=fold.name, file=ModelFolder.predictions
        )
        seeds = {model.seed for model in models}
        found.append({number for number in seeds if number is not None})
    return sorted(set.intersection(*found))
