"""Training of designs on every fold and seed, and their run folders.

Training resumes: each (fold, seed) model is saved when it finishes, and a repeated
command trains only the missing ones. More seeds extend a run. The name of a run's
folder depends on all that affects models or scores, so outdated models are never used.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.progress import bar
from affuse.data.system.work_log import log_work
from affuse.fuse.commands.computing_device import device_in_words
from affuse.fuse.inputs.fold_embeddings import FoldEmbeddings
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.linting.linter import check_plans, check_runs
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.scoring.failure_notes import doubtful_predictions
from affuse.fuse.training import failed_runs, run_description
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.finetuned_heads import Heads
from affuse.fuse.training.fitting import FoldRows, fit_any_kind
from affuse.fuse.training.model_publishing import is_published, publish
from affuse.fuse.training.planned_models import PlannedModel, models_with_heads
from affuse.fuse.training.result_joining import join_results
from affuse.fuse.training.run_plan import RunPlan
from affuse.fuse.training.setting_resolution import unused_setting_notes
from affuse.fuse.training.training_request import TrainingData, TrainingSetup
from affuse.fuse.wording import count

log = logging.getLogger(__name__)


def run(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    fusion: str,
    fold_embeddings: FoldEmbeddings | None = None,
    heads: Heads | None = None,
    **setup: Any,
) -> Path:
    """Train one design, and return its run folder.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}
        fusion: name of a design of any kind
        fold_embeddings: fold-specific embeddings, see `TrainingData`
        heads: jointly trained heads, see `run_all`
        setup: fields of `TrainingSetup`
    """
    data = TrainingData(corpus, embeddings, fold_embeddings or {})
    (folder,) = run_all(data, [fusion], TrainingSetup(**setup), heads=heads)
    return folder


def run_all(
    data: TrainingData,
    fusions: Sequence[str],
    setup: TrainingSetup,
    *,
    heads: Heads | None = None,
    say: Callable[[str], object] | None = None,
) -> list[Path]:
    """Train designs together, and predict the test part of every fold.

    Args:
        data: corpus and embeddings
        fusions: names of designs of any kind
        setup: settings, seeds, and the folder of runs
        heads: jointly trained heads of the only design, which replace training; seeds
            and settings are those of the heads
        say: called with a sentence if all models are finished, so none is trained

    Returns:
        the run folder of each design

    Raises:
        AffuseError: if modalities, ratings or splits are missing, a leak is detected,
            or a training diverges; all other models are finished and saved first
    """
    if not setup.seeds:
        raise AffuseError("there are no seeds to train with; give at least one")
    plans_ = list(_planned(data, fusions, setup))
    protocol = plans_[0].info.protocol
    demand_folds(plans_[0].common, plans_[0].folds, protocol=protocol, test=True)
    for sentence in unused_setting_notes(
        [setup.settings, *setup.settings_by_design.values()], fusions
    ):
        log.warning("%s", sentence)
    check_plans(plans_, data.corpus, data.embeddings, allow=setup.allow)
    for plan in plans_:
        for sentence in run_description.earlier_run_notes(plan):
            log.warning("%s", sentence)
        run_description.write_description(plan)
    errors = _train(plans_, setup, heads, say)
    for plan in plans_:
        failed_runs.record_failures(plan.folder, errors[plan.folder])
        join_results(plan)
        for sentence in doubtful_predictions(plan.folder, plan.info.targets):
            log.warning("%s: %s", plan.folder, sentence)
    if failed := [error for listed in errors.values() for error in listed]:
        more = f" (and {len(failed) - 1} more)" if failed[1:] else ""
        raise AffuseError(f"{failed[0]}{more}; all other models are finished")
    check_runs(plans_, data.corpus, data.embeddings, allow=setup.allow)
    return [plan.folder for plan in plans_]


def _planned(
    data: TrainingData, fusions: Sequence[str], setup: TrainingSetup
) -> Iterator[RunPlan]:
    """Yield the plan of each run; corpus and embeddings are joined once."""
    for fusion in fusions:
        plan = plans.plan_run(
            data,
            fusion=fusion,
            settings=setup.settings_of(fusion),
            runs=setup.runs,
            device=setup.device,
            label=setup.label,
        )
        data = replace(data, aligned=plan.aligned)
        yield plan


def _train(
    plans_: Sequence[RunPlan],
    setup: TrainingSetup,
    heads: Heads | None,
    say: Callable[[str], object] | None,
) -> dict[Path, list[AffuseError]]:
    """Train missing models, and publish each model when it is finished.

    Returns:
        {run folder: errors of models that could not be trained}
    """
    seeds = [heads.seed] if heads else setup.seeds
    planned = [
        PlannedModel(plan, fold, seed)
        for fold in plans_[0].folds
        for plan in plans_
        for seed in find_trainable(plan.info.design).seeds(seeds)
    ]
    name = plans_[0].info.design if len(plans_) == 1 else f"{len(plans_)} designs"
    errors: dict[Path, list[AffuseError]] = {plan.folder: [] for plan in plans_}
    with (
        log_work("train", device=device_in_words(setup.device), unit="models") as clock,
        bar(
            total=len(planned), name=name, unit="models", show=setup.progress
        ) as progress,
    ):
        missing = [unit for unit in planned if not is_published(unit)]
        progress.update(len(planned) - len(missing))
        for unit, fitted in (
            models_with_heads(missing, heads) if heads else _fitted(missing)
        ):
            if isinstance(fitted, AffuseError):
                errors[unit.plan.folder].append(fitted)
            else:
                publish(unit, fitted)
                clock.count(RunFolder(unit.plan.folder).work, 1)
                progress.set_postfix_str(
                    f"{unit.where}: validation CCC {fitted.score:.3f}"
                )
            progress.update()
    if say and not missing:
        say(f"nothing to train; finished already: {count(len(planned), 'model')}")
    return errors


def _fitted(
    missing: Sequence[PlannedModel],
) -> Iterator[tuple[PlannedModel, Fitted | AffuseError]]:
    """Yield each model with its result; test parts are not available here."""
    if not missing:
        return
    plan = missing[0].plan
    folds = FoldRows.of(
        plan.aligned,
        plan.folds,
        features=sorted({name for unit in missing for name in unit.plan.features}),
        device=plan.device,
    )
    jobs = [
        folds.task(
            unit.fold.name,
            fusion=unit.plan.info.design,
            settings=unit.plan.settings,
            seed=unit.seed,
            where=unit.where,
        )
        for unit in missing
    ]
    for number, result in fit_any_kind(jobs):
        yield missing[number], result
