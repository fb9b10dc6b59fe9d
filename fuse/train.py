"""Trains one design on every fold and seed, and writes the run folder.

A unit is one fold with one seed. What is finished stays: the same command again goes
on where it was interrupted, and more seeds extend the run. The folder's name comes
from all that changes a model or a figure, so nothing stale is ever taken up.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from data.plugins import names
from data.predictions import (
    PREDICTIONS,
    VALIDATION,
    Predictions,
    read_predictions,
    write_info,
    write_predictions,
)
from data.progress import bar
from data.rows import read_rows, write_rows
from data.splits import Fold
from data.store import Embeddings
from data.utterance import Corpus
from fuse import plan as plans
from fuse import units
from fuse.fit import Fitted, fit
from fuse.linter import check_plans, check_runs
from fuse.plan import Plan
from fuse.references import FITTED, REFERENCES, SEED, apply_zeroshot
from fuse.references import fit as fit_reference
from fuse.settings import Settings
from fuse.tensors import Rows

log = logging.getLogger(__name__)


def fusions() -> list[str]:
    """Everything that can be trained: the designs and the references."""
    return [*names("fuse.designs"), *REFERENCES]


def run(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    fusion: str,
    settings: Settings,
    seeds: Sequence[int],
    runs: Path,
    device: str = "cpu",
    label: str = "",
    allow: Sequence[str] = (),
    progress: bool = True,
) -> Path:
    """Train one design, and predict the test part of every fold.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}; an utterance must have them all,
            whatever the design needs, so that designs are compared on the same ones
        fusion: one of `fusions`
        settings: everything that is trained with; without a protocol, the corpus's own
        seeds: of initial weights, order and dropout; references take `SEED` alone
        runs: folder of all runs
        device: "cpu" or "cuda"
        label: name of the experiment, for tables
        allow: rules of the linter that may fail
        progress: show a bar

    Returns:
        the run folder

    Raises:
        ValueError: if modalities, ratings or splits are missing, something leaks, or
            training diverges; the units that were finished before stay
    """
    wanted = (SEED,) if fusion in REFERENCES else tuple(dict.fromkeys(seeds))
    if not wanted:
        raise ValueError("there are no seeds to train with; give at least one")
    plan = plans.make(
        corpus,
        embeddings,
        fusion=fusion,
        settings=settings,
        runs=runs,
        device=device,
        label=label,
    )
    check_plans([plan], corpus, embeddings, allow=allow)
    plans.begin(plan)
    total = len(plan.folds) * len(wanted)
    with bar(total=total, name=fusion, unit="models", show=progress) as shown:
        for fold in plan.folds:
            _train(plan, fold, wanted, shown)
    _join(plan)
    check_runs([plan], corpus, embeddings, allow=allow)
    return plan.folder


def _train(plan: Plan, fold: Fold, seeds: Sequence[int], shown: tqdm) -> None:
    """Train those seeds of one fold that are not there yet."""
    train, validation = plan.rows(fold.train), plan.rows(fold.validation)
    for seed in seeds:
        folder = units.place(plan.folder, fold=fold.name, seed=seed)
        if not _is_whole(folder, plan.info.targets):
            fitted = _fit(plan, train, validation, fold.name, seed)
            _publish(plan, fold, seed, fitted)
            shown.set_postfix(fold=fold.name, ccc=f"{fitted.score:.3f}")
        shown.update()


def _is_whole(folder: Path, targets: Sequence[str]) -> bool:
    """Whether a unit is finished, and all of it can be read; damage is said."""
    if not (folder / PREDICTIONS).is_file():
        return False
    try:
        units.load(folder)
        list(read_rows(folder / units.HISTORY, units.HISTORY_COLUMNS))
        for name in (VALIDATION, PREDICTIONS):
            read_predictions(folder / name, tuple(targets))
    except (OSError, ValueError) as error:
        log.warning("%s; training this model anew", error)
        return False
    return True


def _fit(plan: Plan, train: Rows, validation: Rows, fold: str, seed: int) -> Fitted:
    """A design, or one of the references; the test part is not at hand here."""
    if plan.info.design in FITTED:
        return fit_reference(plan.info.design, train, validation)
    if plan.info.design == "zeroshot":
        return apply_zeroshot(
            train, validation, head=plan.aligned.head, targets=plan.info.targets
        )
    return fit(
        train,
        validation,
        fusion=plan.info.design,
        settings=plan.settings,
        seed=seed,
        where=f"{plan.info.design}, fold {fold}, seed {seed}",
    )


def _publish(plan: Plan, fold: Fold, seed: int, fitted: Fitted) -> None:
    """Write one unit: model and history first, what it says of the test part last."""
    folder = units.place(plan.folder, fold=fold.name, seed=seed)
    description = units.Description(
        fusion=plan.info.design,
        fold=fold.name,
        seed=seed,
        targets=plan.info.targets,
        head=plan.aligned.head,
        recipes=plan.recipes,
        settings=plan.settings,
        parameters=sum(p.numel() for p in fitted.module.parameters()),
    )
    units.save(folder, fitted, description)
    for name, ids in ((VALIDATION, fold.validation), (PREDICTIONS, fold.test)):
        rows = plan.rows(ids)
        with torch.inference_mode():
            predicted = fitted.module(rows.features)
        predictions = Predictions(
            id=np.array(ids),
            fold=np.full(len(ids), fold.name),
            seed=np.full(len(ids), seed),
            truth=rows.truth.cpu().numpy(),
            predicted=predicted.cpu().numpy(),
        )
        write_predictions(folder / name, predictions, plan.info)


def _join(plan: Plan) -> None:
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
        history = [
            row
            for folder in folders
            for _, row in read_rows(folder / units.HISTORY, units.HISTORY_COLUMNS)
        ]
        write_rows(plan.folder / units.HISTORY, units.HISTORY_COLUMNS, history)
        _, description = units.load(folders[0])
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
