"""Publication of a trained model in its run folder, by one of several processes.

Training is deterministic, so two processes that train the same model have equal
results. The first publishes the model, and the other leaves it unchanged. So no reader
of the run sees files while they are replaced.
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
    """Return True if a complete model of this run exists.

    Args:
        unit: model to look for
    """
    if not model_files.is_whole(unit.folder, unit.plan.info.targets):
        return False
    if _is_of_run(unit):
        return True
    log.warning("%s holds a model of another run; training it again", unit.folder)
    return False


def _is_of_run(unit: PlannedModel) -> bool:
    """Return True if the model in the folder is the planned one."""
    saved, info = model_files.describe(unit.folder), unit.plan.info
    identity = (saved.fusion, saved.fold, saved.seed, saved.settings, saved.code)
    return identity == (
        *(info.design, unit.fold.name, unit.seed),
        *(unit.plan.settings, info.code),
    )


def publish(unit: PlannedModel, fitted: Fitted) -> None:
    """Write a trained model and its predictions, unless another process has.

    Args:
        unit: planned model
        fitted: trained model
    """
    with claim(ModelFolder(unit.folder).lock, wait=True):
        targets = unit.plan.info.targets
        if model_files.is_whole(unit.folder, targets, quiet=True) and _is_of_run(unit):
            return
        _write(unit, fitted)


def _write(unit: PlannedModel, fitted: Fitted) -> None:
    """Write the files of a model, and their digests last."""
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
    # Damage of earlier files has been reported, so their digests are dropped.
    digests.add_digests(unit.folder, {}, drop=ModelFolder.files())
    with digests.rewrite_files(unit.folder, ModelFolder.files()):
        model_files.save(unit.folder, fitted, description)
        model = ModelFolder(unit.folder)
        parts = ((model.validation, fold.validation), (model.predictions, fold.test))
        for path, ids in parts:
            write_predictions(path, _predicted(unit, fitted, ids), plan.info)


def _predicted(unit: PlannedModel, fitted: Fitted, ids: Sequence[str]) -> Predictions:
    """Return the predictions of a trained model for one part of its fold."""
    rows = unit.plan.rows(unit.fold.name, ids)
    predicted = through(fitted.module, rows.features, rows.numbers)
    return Predictions(
        id=np.array(ids),
        fold=np.full(len(ids), unit.fold.name),
        seed=np.full(len(ids), unit.seed),
        truth=rows.truth.cpu().numpy(),
        predicted=predicted.cpu().numpy(),
    )
