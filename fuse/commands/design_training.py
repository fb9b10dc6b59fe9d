"""Trains designs on every fold and seed, and writes their run folders.

A unit is one fold with one seed. What is finished stays: the same command again goes
on where it was interrupted, and more seeds extend the run. The folder's name comes
from all that changes a model or a figure, so nothing stale is ever taken up.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.plugins import DESIGN_PACKAGE, names
from affuse.data.records import Corpus
from affuse.data.system.progress import bar
from affuse.fuse.inputs.fold_embeddings import Own
from affuse.fuse.inputs.rating_variation import demand_folds
from affuse.fuse.linting.linter import check_plans, check_runs
from affuse.fuse.models.baselines import REFERENCES, SEED
from affuse.fuse.models.decisions import DECISIONS
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.scoring.failure_notes import doubts
from affuse.fuse.settings import Settings
from affuse.fuse.training import failed_runs, run_description
from affuse.fuse.training import run_plan as plans
from affuse.fuse.training.decision_training import fit_fusions
from affuse.fuse.training.finetuned_heads import Heads
from affuse.fuse.training.fitting import Folds
from affuse.fuse.training.loopless_models import PlannedModel, headed, reference
from affuse.fuse.training.model_publishing import is_done, publish
from affuse.fuse.training.result_joining import join
from affuse.fuse.training.run_plan import RunPlan
from affuse.fuse.training.setting_resolution import unused

log = logging.getLogger(__name__)


def fusions() -> list[str]:
    """Everything that can be trained: designs, decisions and references."""
    return [*names(DESIGN_PACKAGE), *DECISIONS, *REFERENCES]


def run(
    corpus: Corpus, embeddings: Mapping[str, Embeddings], *, fusion: str, **request: Any
) -> Path:
    """Train one design, see `run_all`; return its run folder."""
    (folder,) = run_all(corpus, embeddings, fusions=[fusion], **request)
    return folder


def run_all(
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    fusions: Sequence[str],
    settings: Settings,
    sized: Mapping[str, Settings] | None = None,
    seeds: Sequence[int],
    runs: Path,
    device: str = "cpu",
    label: str = "",
    allow: Sequence[str] = (),
    own: Own | None = None,
    heads: Heads | None = None,
    progress: bool = True,
) -> list[Path]:
    """Train designs together, and predict the test part of every fold.

    Args:
        corpus: with ratings as released
        embeddings: {modality: rows of its cache}; an utterance must have them all,
            whatever the design needs, so that designs are compared on the same ones
        fusions: some of `fusions`
        settings: everything that is trained with; without a protocol, the corpus's own
        sized: designs that are trained with settings of their own
        seeds: of initial weights, order and dropout; references take `SEED` alone
        runs: folder of all runs
        device: "cpu" or "cuda"
        label: name of the experiment, for tables
        allow: rules of the linter that may fail
        own: embeddings of each fold, if encoders were fine-tuned for each; `embeddings`
            are then those of any fold
        heads: of the one design, if they were fine-tuned with its encoders; nothing is
            trained then, and their seed and settings are its own
        progress: show a bar

    Returns:
        the run folder of each design

    Raises:
        AffuseError: if modalities, ratings or splits are missing, something leaks, or a
            training diverges; all other models are finished first, and stay
    """
    if not seeds:
        raise AffuseError("there are no seeds to train with; give at least one")
    made: list[RunPlan] = []
    for fusion in fusions:
        made.append(
            plans.make(
                corpus,
                embeddings,
                fusion=fusion,
                settings=(sized or {}).get(fusion, settings),
                runs=runs,
                device=device,
                label=label,
                own=own,
                aligned=made[0].aligned if made else None,
            )
        )
    protocol = made[0].info.protocol
    demand_folds(made[0].common, made[0].folds, protocol=protocol, test=True)
    for sentence in unused([settings, *(sized or {}).values()], fusions):
        log.warning("%s", sentence)
    check_plans(made, corpus, embeddings, allow=allow)
    for plan in made:
        for sentence in run_description.predecessors(plan):
            log.warning("%s", sentence)
        run_description.begin(plan)
    seeds = [heads.seed] if heads else list(dict.fromkeys(seeds))
    errors = _train(made, seeds, heads, device, progress)
    for plan in made:
        failed_runs.record(plan.folder, errors[plan.folder])
        join(plan)
        for sentence in doubts(plan.folder, plan.info.targets):
            log.warning("%s: %s", plan.folder, sentence)
    if failed := [error for each in errors.values() for error in each]:
        more = f" (and {len(failed) - 1} more)" if failed[1:] else ""
        raise AffuseError(f"{failed[0]}{more}; all other models are finished")
    check_runs(made, corpus, embeddings, allow=allow)
    return [plan.folder for plan in made]


def _train(
    made: Sequence[RunPlan],
    seeds: Sequence[int],
    heads: Heads | None,
    device: str,
    progress: bool,
) -> dict[Path, list[AffuseError]]:
    """Train what is not there yet, and publish each model when it is done.

    Returns:
        by run folder why models of it could not be trained
    """
    wanted = [
        PlannedModel(plan, fold, seed)
        for fold in made[0].folds
        for plan in made
        for seed in ((SEED,) if plan.info.design in REFERENCES else seeds)
    ]
    name = made[0].info.design if len(made) == 1 else f"{len(made)} designs"
    errors: dict[Path, list[AffuseError]] = {plan.folder: [] for plan in made}
    with bar(total=len(wanted), name=name, unit="models", show=progress) as shown:
        missing = [unit for unit in wanted if not is_done(unit)]
        shown.update(len(wanted) - len(missing))
        for unit, fitted in (
            headed(missing, heads) if heads else _fitted(missing, device)
        ):
            if isinstance(fitted, AffuseError):
                errors[unit.plan.folder].append(fitted)
            else:
                publish(unit, fitted)
                shown.set_postfix_str(
                    f"{unit.where}: validation CCC {fitted.score:.3f}"
                )
            shown.update()
    return errors


def _fitted(
    missing: Sequence[PlannedModel], device: str
) -> Iterator[tuple[PlannedModel, Fitted | AffuseError]]:
    """Each unit with what came of it; the test parts are not at hand here."""
    designs = [unit for unit in missing if unit.plan.info.design not in REFERENCES]
    for unit in missing:
        if unit.plan.info.design in REFERENCES:
            yield unit, reference(unit)
    if not designs:
        return
    plan = designs[0].plan
    folds = Folds.of(
        plan.aligned,
        plan.folds,
        features=sorted({m for unit in designs for m in unit.plan.modalities}),
        device=device,
    )
    jobs = [
        folds.job(
            unit.fold.name,
            fusion=unit.plan.info.design,
            settings=unit.plan.settings,
            seed=unit.seed,
            where=unit.where,
        )
        for unit in designs
    ]
    for number, found in fit_fusions(jobs):
        yield designs[number], found
