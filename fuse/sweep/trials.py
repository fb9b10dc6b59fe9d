"""Training of a sweep's trials, and the files with their validation CCC.

A trial is one choice of settings with one seed, trained on every fold. Its file is
``trials/DIGEST-seed-SEED.json`` with the digest of the settings. A trial with a file is
finished. Test parts are not read, because `RunPlan.rows` is called for training and
validation only.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.progress import bar
from affuse.data.system.schema import ListOf, MapOf, Number, Plain, Record, Text, Whole
from affuse.fuse.inputs.chunks import apply_in_chunks
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.scoring.failed_training import is_far_outside
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.settings import Settings, change
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.training.fitting import FoldRows, fit_any_kind
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.run_digest import FORMAT
from affuse.fuse.training.run_plan import RunPlan

MOST_FAR = 0.5  # share of the utterances; a smaller share may be unusual recordings
KIND = Record(
    {
        "seed": Whole(),
        "validation_ccc": MapOf(ListOf(Number(-1, 1), most=len(RATINGS))),
        "failed": Text(),
        "settings": MapOf(Plain(depth=0), most=1_000),
    }
)
Scores = tuple[float, ...] | AffuseError  # CCC of each rating, or the error


@dataclass(frozen=True)
class Trial:
    """Settings and a seed that are trained on every fold."""

    settings: Settings
    seed: int

    def path(self, folder: Path) -> Path:
        """Return the path of its file in the folder of a sweep.

        Args:
            folder: of the sweep
        """
        text = json.dumps(recorded(self.settings), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return SweepFolder(folder).trial(digest, self.seed)


@dataclass(frozen=True)
class TrialOutcome:
    """Scores of a trial on the validation part of each fold."""

    trial: Trial
    scores: Mapping[str, tuple[float, ...]]  # fold -> CCC of each rating
    failed: str = ""  # reason for missing scores, such as a loss that diverged


def sweep_folder(plan: RunPlan, sweeps: Path) -> Path:
    """Return the folder of all trials on the same training and validation rows.

    Its name has a digest of everything that affects a score. Ratings and embeddings of
    test parts have no effect on it. Settings are not in the digest, so that later
    searches add to the same ranking.

    Args:
        plan: of any candidate
        sweeps: parent folder of all sweeps
    """
    rows = {fold.name: [fold.train, fold.validation] for fold in plan.folds}
    seen = sorted({id_ for parts in rows.values() for part in parts for id_ in part})
    row_of = {id_: row for row, id_ in enumerate(plan.common.ids)}
    truth = plan.common.truth[[row_of[id_] for id_ in seen]]
    identity = {
        "format": FORMAT,
        "code": plan.info.code,
        "recipes": plan.digests,
        "rows": rows,
        "truth": hashlib.sha256(np.ascontiguousarray(truth).tobytes()).hexdigest(),
    }
    text = json.dumps(identity, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    info = plan.info
    return sweeps / f"{info.corpus}-{info.design}-{info.protocol}-{digest}"


def search(
    plan: RunPlan,
    folder: Path,
    candidates: Sequence[Settings],
    seeds: Sequence[int],
    *,
    progress: bool = True,
) -> None:
    """Train every trial that has no file yet.

    Args:
        plan: of any candidate, with the folds, rows and design
        folder: of the sweep
        candidates: settings to try
        seeds: seeds to train each candidate with
        progress: show a progress bar

    Raises:
        AffuseError: if a file of the folder is damaged
    """
    finished = {outcome.trial for outcome in outcomes(folder)}
    trials = [Trial(*pair) for pair in product(candidates, seeds)]
    unfinished = [trial for trial in trials if trial not in finished]
    with bar(
        total=len(trials), name=plan.info.design, unit="trials", show=progress
    ) as progress_bar:
        progress_bar.update(len(trials) - len(unfinished))
        try:
            for outcome in _train(plan, unfinished):
                _write(folder, outcome)
                progress_bar.update()
        finally:
            _write_digests(folder)


def _write_digests(folder: Path) -> None:
    """Write the digests of all finished trials, even after an interrupted search."""
    place = SweepFolder(folder).trials
    if place.is_dir():
        listed = digests.read(place) or {}
        names = [path.name for path in SweepFolder(folder).finished()]
        digests.list_files(place, [name for name in names if name not in listed])


def _train(plan: RunPlan, trials: Sequence[Trial]) -> Iterator[TrialOutcome]:
    """Yield the outcome of each trial after the training of its last fold."""
    if not trials:
        return
    design = plan.info.design
    folds = FoldRows.of(
        plan.aligned, plan.folds, features=sorted(plan.features), device=plan.device
    )
    names = sorted(folds.parts)
    tasks = [
        folds.task(
            name,
            fusion=design,
            settings=trial.settings,
            seed=trial.seed,
            where=f"{design}, fold {name}, seed {trial.seed}",
        )
        for trial in trials
        for name in names
    ]
    scores: dict[int, dict[int, Scores]] = {}
    for number, result in fit_any_kind(tasks):
        trial, fold = divmod(number, len(names))
        by_fold = scores.setdefault(trial, {})
        by_fold[fold] = _scores(result, tasks[number])
        if len(by_fold) == len(names):
            yield _outcome(trials[trial], names, [by_fold[k] for k in sorted(by_fold)])


def _scores(result: Fitted | AffuseError, task: ModelTask) -> Scores:
    """Return the validation CCC of each rating for the best checkpoint, or an error.

    Errors are returned, because a learning rate at which the loss diverges is a result
    of the search and must not end it. Divergence to finite numbers is an error too.
    """
    if isinstance(result, AffuseError):
        return result
    with torch.inference_mode():
        rows, at = task.rows, task.validation.to(task.rows.truth.device)
        predicted = apply_in_chunks(result.module, rows.features, at).cpu().numpy()
    wide = np.asarray(
        is_far_outside(predicted, rows.truth[at].cpu().numpy()).any(axis=1)
    )
    if wide.mean() > MOST_FAR:
        return AffuseError(
            f"{task.where}: {int(wide.sum()):,} of {len(wide):,} utterances of the "
            f"validation part are predicted far outside the scale, so the training "
            f"diverged; lower learning_rate"
        )
    return max(result.history, key=lambda epoch: epoch.score).scores


def _outcome(
    trial: Trial, folds: Iterable[str], each: Sequence[Scores]
) -> TrialOutcome:
    """Return the scores of all folds, or the first error of a fold."""
    failed = next((str(item) for item in each if isinstance(item, AffuseError)), "")
    scores = [item for item in each if not isinstance(item, AffuseError)]
    return TrialOutcome(
        trial, {} if failed else dict(zip(folds, scores, strict=True)), failed
    )


def _write(folder: Path, outcome: TrialOutcome) -> None:
    """Write the file of a trial; equal outcomes give equal bytes."""
    facts = {
        "seed": outcome.trial.seed,
        "validation_ccc": {fold: list(each) for fold, each in outcome.scores.items()},
        "failed": outcome.failed,
        "settings": recorded(outcome.trial.settings),
    }
    publish(outcome.trial.path(folder), (json.dumps(facts, indent=1) + "\n").encode())


def outcomes(folder: Path) -> tuple[TrialOutcome, ...]:
    """Return the outcomes of all finished trials of a sweep, sorted by file name.

    Args:
        folder: of the sweep

    Raises:
        AffuseError: if a file is damaged; the error names it
    """
    return tuple(_read(folder, SweepFolder(folder).finished()))


def _read(folder: Path, paths: Iterable[Path]) -> Iterator[TrialOutcome]:
    """Yield the outcome in each file, or raise an error that names the file."""
    for path in paths:
        try:
            facts = read_json(path, KIND, advice="it holds no trial")
            trial = Trial(change(Settings(), facts["settings"]), facts["seed"])
            if (other := trial.path(folder).name) != path.name:
                raise DamagedFileError(f"its settings and seed are of {other}")
        except AffuseError as error:
            raise DamagedFileError(
                f"{path} is no trial of this version: {error}; remove the file, and "
                f"the next sweep trains the trial again"
            ) from error
        folds = facts["validation_ccc"].items()
        scores = {fold: tuple(map(float, each)) for fold, each in folds}
        yield TrialOutcome(trial, scores, facts["failed"])
