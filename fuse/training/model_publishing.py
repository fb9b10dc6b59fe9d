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
from affuse.fuse.inputs.chunks import apply_in_chunks
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.trained import model_files
from affuse.fuse.training.planned_models import PlannedModel

log = logging.getLogger(__name__)


def is_published(model: PlannedModel) -> bool:
    """Return True if a complete model of this run exists.

    Args:
        model: model to look for
    """
    if not model_files.is_complete(model.folder, model.plan.info.targets):
        return False
    if _is_of_run(model):
        return True
    log.warning("%s holds a model of another run; training it again", model.folder)
    return False


def _is_of_run(model: PlannedModel) -> bool:
    """Return True if the model in the folder is the planned one."""
    saved, info = model_files.describe(model.folder), model.plan.info
    identity = (saved.fusion, saved.fold, saved.seed, saved.settings, saved.code)
    return identity == (
        *(info.design, model.fold.name, model.seed),
        *(model.plan.settings, info.code),
    )


def publish(model: PlannedModel, fitted: Fitted) -> None:
    """Write a trained model and its predictions, unless another process has.

    Args:
        model: planned model
        fitted: trained model
    """
    with claim(ModelFolder(model.folder).lock, wait=True):
        targets = model.plan.info.targets
        if model_files.is_complete(model.folder, targets, quiet=True) and _is_of_run(
            model
        ):
            return
        _write(model, fitted)


def _write(model: PlannedModel, fitted: Fitted) -> None:
    """Write the files of a model, and their digests last."""
    plan, fold = model.plan, model.fold
    description = model_files.Description(
        fusion=plan.info.design,
        fold=fold.name,
        seed=model.seed,
        targets=plan.info.targets,
        head=plan.common.head,
        recipes=plan.recipes[fold.name],
        settings=plan.settings,
        parameters=sum(p.numel() for p in fitted.module.parameters()),
        code=plan.info.code,
    )
    # Damage of earlier files has been reported, so their digests are dropped.
    digests.add_digests(model.folder, {}, drop=ModelFolder.files())
    with digests.rewrite_files(model.folder, ModelFolder.files()):
        model_files.save(model.folder, fitted, description)
        files = ModelFolder(model.folder)
        parts = ((files.validation, fold.validation), (files.predictions, fold.test))
        for path, ids in parts:
            write_predictions(path, _predicted(model, fitted, ids), plan.info)


def _predicted(model: PlannedModel, fitted: Fitted, ids: Sequence[str]) -> Predictions:
    """Return the predictions of a trained model for one part of its fold."""
    rows = model.plan.rows(model.fold.name, ids)
    predicted = apply_in_chunks(fitted.module, rows.features, rows.numbers)
    return Predictions(
        id=np.array(ids),
        fold=np.full(len(ids), model.fold.name),
        seed=np.full(len(ids), model.seed),
        truth=rows.truth.cpu().numpy(),
        predicted=predicted.cpu().numpy(),
    )
