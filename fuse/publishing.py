"""Writes a trained model into its folder of a run, once for all processes.

Models are deterministic, so two processes that train the same one have the same result.
The first publishes it, and the other leaves it as it is: files that are being replaced
are not to be seen by whoever reads the run.
"""

import logging
from collections.abc import Sequence

import numpy as np

from data.files import claim
from data.predictions import PREDICTIONS, VALIDATION, Predictions, write_predictions
from data.system import digests
from fuse import units
from fuse.fit import Fitted
from fuse.pieces import through
from fuse.untrained import Unit

log = logging.getLogger(__name__)


def is_done(unit: Unit) -> bool:
    """Return True if a model is there, whole, and of this run."""
    if not units.is_whole(unit.folder, unit.plan.info.targets):
        return False
    if _is_of_run(unit):
        return True
    log.warning("%s holds a model of another run; training it anew", unit.folder)
    return False


def _is_of_run(unit: Unit) -> bool:
    """Return True if the description of a model is that of the unit."""
    found, info = units.describe(unit.folder), unit.plan.info
    one = (found.fusion, found.fold, found.seed, found.settings, found.code)
    return one == (
        *(info.design, unit.fold.name, unit.seed),
        *(unit.plan.settings, info.code),
    )


def publish(unit: Unit, fitted: Fitted) -> None:
    """Write one trained model and what it says, unless another process has."""
    with claim(unit.folder.with_name(f".{unit.folder.name}.lock"), wait=True):
        targets = unit.plan.info.targets
        if units.is_whole(unit.folder, targets, quiet=True) and _is_of_run(unit):
            return
        _write(unit, fitted)


def _write(unit: Unit, fitted: Fitted) -> None:
    """Write the files of a model; their digests are written last."""
    plan, fold = unit.plan, unit.fold
    description = units.Description(
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
    digests.record(unit.folder, {}, drop=units.FILES)  # damage was named before
    with digests.rewriting(unit.folder, units.FILES):
        units.save(unit.folder, fitted, description)
        for name, ids in ((VALIDATION, fold.validation), (PREDICTIONS, fold.test)):
            predictions = _predicted(unit, fitted, ids)
            write_predictions(unit.folder / name, predictions, plan.info)


def _predicted(unit: Unit, fitted: Fitted, ids: Sequence[str]) -> Predictions:
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
