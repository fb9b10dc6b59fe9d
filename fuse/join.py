"""All finished units of a run in one table each."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.predictions import (
    PREDICTIONS,
    Predictions,
    read_predictions,
    write_predictions,
)
from data.rows import read_rows, write_rows
from data.runs.info import INFO, write_info
from data.system import digests
from fuse import units
from fuse.plan import Plan


def join(plan: Plan) -> None:
    """All units of the seeds that every fold has, in one table each.

    Two processes may join at once, each with seeds of its own; the last one to look
    finds all of them.
    """
    done: list[int] = []
    while (seeds := _finished(plan)) != done:
        done = seeds
        folders = [
            units.place(plan.folder, fold=fold.name, seed=seed)
            for fold in plan.folds
            for seed in seeds
        ]
        with digests.rewriting(plan.folder, _files(plan, folders)):
            _write(plan, folders)


def _files(plan: Plan, folders: Sequence[Path]) -> list[str]:
    """Name the files that belong to the tables of a run, and its models' manifests."""
    manifests = [folder / digests.MANIFEST for folder in folders]
    names = [str(path.relative_to(plan.folder)) for path in manifests]
    return [units.HISTORY, INFO, PREDICTIONS, *names]


def _write(plan: Plan, folders: Sequence[Path]) -> None:
    """Publish history, description and predictions of finished models."""
    history = [
        row
        for folder in folders
        for _, row in read_rows(folder / units.HISTORY, units.HISTORY_COLUMNS)
    ]
    write_rows(plan.folder / units.HISTORY, units.HISTORY_COLUMNS, history)
    description = units.describe(folders[0])
    info = replace(plan.info, parameters=description.parameters)
    write_info(plan.folder, info)
    tables = [read_predictions(f / PREDICTIONS, info.targets) for f in folders]
    joined = {
        name: np.concatenate([getattr(table, name) for table in tables])
        for name in ("id", "fold", "seed", "truth", "predicted")
    }
    write_predictions(plan.folder / PREDICTIONS, Predictions(**joined), info)


def _finished(plan: Plan) -> list[int]:
    """Seeds that are finished in all folds, sorted."""
    found = []
    for fold in plan.folds:
        paths = (plan.folder / fold.name).glob(f"seed-*/{PREDICTIONS}")
        found.append({int(path.parent.name[5:]) for path in paths})
    return sorted(set.intersection(*found))
