"""Scores of trained models on degraded inputs, with the intervals of the report.

Each fold's test part is predicted by the models of that fold, and nothing is trained.
All conditions are scored on the same utterances, so that their differences are paired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Predictions, Run
from affuse.data.system.digests import digest
from affuse.fuse.inputs.fold_embeddings import ALL_FOLDS, FoldEmbeddings
from affuse.fuse.inputs.rating_variation import undefined_notes
from affuse.fuse.inputs.tensors import gather
from affuse.fuse.robustness.condition_difference import condition_difference
from affuse.fuse.robustness.condition_records import (
    CLEAN,
    ConditionFacts,
    ConditionScore,
    DegradedInputs,
    RobustnessResult,
)
from affuse.fuse.robustness.condition_warnings import condition_warnings
from affuse.fuse.scoring.clusters import choose
from affuse.fuse.scoring.statistics import estimate
from affuse.fuse.trained import model_files
from affuse.fuse.trained.model_files import model_folder
from affuse.fuse.trained.model_folders import demand_widths

TOLERANCE = 0.02  # of a prediction on [-1, 1]; devices differ in rounding


@dataclass(frozen=True)
class RobustnessTask:
    """Run, its clean embeddings, the utterances to score, and the device."""

    run: Run
    clean: FoldEmbeddings  # {fold, or ALL_FOLDS: {modality: rows}}
    ids: frozenset[str]  # of the utterances to score
    device: str = "cpu"


def demand_clean_predictions(task: RobustnessTask) -> None:
    """Raise an error if models do not predict what the run recorded for clean inputs.

    Call this before any input is degraded, because encoding may take long.

    Raises:
        AffuseError: naming an utterance and both predictions
    """
    clean = _restricted(task.run, task.ids)
    _demand_folds(task.run, clean)
    _demand_same(clean, next(_predict(task, clean.predictions, ())))


def score_conditions(
    task: RobustnessTask, degraded: Sequence[DegradedInputs]
) -> RobustnessResult:
    """Return the scores of a run on clean inputs and in each condition.

    Args:
        task: with at least one utterance in each fold
        degraded: inputs of each condition

    Raises:
        AffuseError: if a fold has no utterance to score
    """
    clean = _restricted(task.run, task.ids)
    _demand_folds(task.run, clean)
    facts = [ConditionFacts(CLEAN, CLEAN, CLEAN), *(each.facts for each in degraded)]
    by_condition = list(_predict(task, clean.predictions, degraded))
    runs = [
        replace(clean, predictions=replace(clean.predictions, predicted=predicted))
        for predicted in by_condition
    ]
    unit = choose(clean)
    estimates = [estimate(each, unit=unit) for each in runs]
    changes = [condition_difference(each, runs[0], unit) for each in runs]
    first = estimates[0]
    return RobustnessResult(
        run=task.run.info.name,
        design=task.run.info.design,
        corpus=task.run.info.corpus,
        nature=task.run.info.nature,
        targets=task.run.info.targets,
        scores=tuple(
            ConditionScore(f, e.ratings, e.mean, c)
            for f, e, c in zip(facts, estimates, changes, strict=True)
        ),
        utterances=len({*clean.predictions.id.tolist()}),
        tested=len({*task.run.predictions.id.tolist()}),
        folds=first.folds,
        seeds=first.seeds,
        unit=first.unit,
        clusters=first.clusters,
        predictions=digest(RunFolder(task.run.path).predictions),
        notes=(*undefined_notes([{"all": clean}]), *condition_warnings(facts, runs)),
    )


def _restricted(run: Run, ids: frozenset[str]) -> Run:
    """Return a run with the predictions for some utterances."""
    p = run.predictions
    kept = np.array([id_ in ids for id_ in p.id.tolist()], bool)
    columns = (p.id, p.fold, p.seed, p.truth, p.predicted)
    return replace(run, predictions=Predictions(*(column[kept] for column in columns)))


def _demand_folds(run: Run, restricted: Run) -> None:
    """Raise an error if a fold has no utterance to score."""
    left = {*restricted.predictions.fold.tolist()}
    if lacking := sorted({*run.predictions.fold.tolist()} - left):
        raise AffuseError(
            f"no test utterance of fold '{lacking[0]}' is left to score; raise "
            f"--limit, or mend the recordings that cannot be read"
        )


def _predict(
    task: RobustnessTask, p: Predictions, degraded: Sequence[DegradedInputs]
) -> Iterator[np.ndarray]:
    """Yield the predictions of all models on clean inputs, then in each condition.

    Every model is loaded once.
    """
    results = [np.zeros_like(p.predicted) for _ in (None, *degraded)]
    for fold, seed in sorted({*zip(p.fold.tolist(), p.seed.tolist(), strict=True)}):
        rows = np.flatnonzero((p.fold == fold) & (p.seed == seed))
        folder = model_folder(task.run.path, fold=fold, seed=seed)
        module, about = model_files.load(folder)
        module = module.to(task.device)
        clean = {m: _of_fold(task.clean, fold)[m] for m in about.recipes}
        for result, inputs in zip(results, (None, *degraded), strict=True):
            changed = _of_fold(inputs.embeddings, fold) if inputs else {}
            arrays = gather({**clean, **changed}, p.id[rows].tolist())
            features = {
                name: torch.from_numpy(x).to(task.device) for name, x in arrays.items()
            }
            demand_widths(module, features, folder)
            with torch.inference_mode():
                result[rows] = module(features).double().cpu().numpy()
    yield from results


def _of_fold(embeddings: FoldEmbeddings, fold: str) -> Mapping[str, Embeddings]:
    """Return the embeddings of a fold, which all folds may share."""
    return embeddings.get(fold) or embeddings[ALL_FOLDS]


def _demand_same(clean: Run, predicted: np.ndarray) -> None:
    """Raise an error if models do not predict what the run recorded."""
    distance = np.abs(predicted - clean.predictions.predicted)
    if not distance.max() <= TOLERANCE:  # also if it is not a number
        k = int(distance.max(axis=1).argmax())
        raise AffuseError(
            f"the models of {clean.info.name} predict {predicted[k][0]:.3f} for "
            f"'{clean.predictions.id[k]}', and the run recorded "
            f"{clean.predictions.predicted[k][0]:.3f}; the cache or the models have "
            f"changed, so train again"
        )
