"""Writes a trained model into its folder of a run, once for all processes.

Models are deterministic, so two processes that train the same one have the same result.
The first publishes it, and the other leaves it as it is: files that are being replaced
are not to be seen by whoever reads the run.
"""

import logging
from collections.abc import Sequence

import numpy as np

from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import (
    Predictions,
    write_predictions,
)
from affuse.data.system import digests
from affuse.data.system.atomic_files import claim
from affuse.fuse.inputs.chunks import through
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.trained import model_files
from affuse.fuse.training.planned_models import PlannedModel

log = logging.getLogger(__name__)


def is_done(unit: PlannedModel) -> bool:
    """Return True if a model is there, whole, and of this run."""
    if not model_files.is_whole(unit.folder, unit.plan.info.targets):
        return False
    if _is_of_run(unit):
        return True
    log.warning("%s holds a model of another run; training it anew", unit.folder)
    return False


def _is_of_run(unit: PlannedModel) -> bool:
    """Return True if the description of a model is that of the unit."""
    found, info = model_files.describe(unit.folder), unit.plan.info
    one = (found.fusion, found.fold, found.seed, found.settings, found.code)
    return one == (
        *(info.design, unit.fold.name, unit.seed),
        *(unit.plan.settings, info.code),
    )


def publish(unit: PlannedModel, fitted: Fitted) -> None:
    """Write one trained model and what it says, unless another process has."""
    with claim(ModelFolder(unit.folder).lock, wait=True):
        targets = unit.plan.info.targets
        if model_files.is_whole(unit.folder, targets, quiet=True) and _is_of_run(unit):
            return
        _write(unit, fitted)


def _write(unit: PlannedModel, fitted: Fitted) -> None:
    """Write the files of a model; their digests are written last."""
    plan, fold = unit.plan, unit.fold
    description = model_files.Description(
        fusion=plan.info.design,
        fold=fold.name,
        seed=unit.seed,
        targets=plan.info.targets,
        head=plan.common.head,
        recipes=plan.recipes[fold.name],
        settings=plan.settings,
        parameters=sum(p.numel() for p in fitted.module.parameters()),
        code=plan.info.code,
    )
    digests.record(unit.folder, {}, drop=ModelFolder.files())  # damage was named before
    with digests.rewriting(unit.folder, ModelFolder.files()):
        model_files.save(unit.folder, fitted, description)
        model = ModelFolder(unit.folder)
        parts = ((model.validation, fold.validation), (model.predictions, fold.test))
        for path, ids in parts:
            write_predictions(path, _predicted(unit, fitted, ids), plan.info)


def _predicted(unit: PlannedModel, fitted: Fitted, ids: Sequence[str]) -> Predictions:
    """Return what a trained model says of one part of its fold."""
    rows = unit.plan.rows(unit.fold.name, ids)
    predicted = through(fitted.module, rows.features, rows.numbers)
    return Predictions(
        id=np.array(ids),
        fold=np.full(len(ids), unit.fold.name),
        seed=np.full(len(ids), unit.seed),
        truth=rows.truth.cpu().numpy(),
        predicted=predicted.cpu().numpy(),
    )
