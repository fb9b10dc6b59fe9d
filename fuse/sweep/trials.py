"""The trials of one sweep: what each scored on the validation parts, a file a trial.

A trial is one choice of settings with one seed, trained on every fold. Its file is
``trials/DIGEST-seed-SEED.json``, the digest being that of the settings; a trial that
has its file is finished. Test parts are not read: `RunPlan.rows` is asked for training
and validation alone.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
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
from affuse.fuse.inputs.chunks import through
from affuse.fuse.models.fitted import Fitted
from affuse.fuse.scoring.failed_training import far
from affuse.fuse.settings import Settings, change
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.training.fitting import Folds, fit_fusions
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.run_plan import FORMAT, RunPlan

MOST_FAR = 0.5  # of the utterances; a few that are far off may be odd recordings
KIND = Record(
    {
        "seed": Whole(),
        "validation_ccc": MapOf(ListOf(Number(-1, 1), most=len(RATINGS))),
        "failed": Text(),
        "settings": MapOf(Plain(depth=0), most=1_000),
    }
)
Scores = tuple[float, ...] | AffuseError  # CCC of each rating, or why there is none


@dataclass(frozen=True)
class Trial:
    """Settings and a seed, to be trained on every fold."""

    settings: Settings
    seed: int

    def path(self, folder: Path) -> Path:
        """Return its file in the folder of a sweep; equal settings share a digest."""
        text = json.dumps(asdict(self.settings), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return SweepFolder(folder).trial(digest, self.seed)


@dataclass(frozen=True)
class TrialOutcome:
    """What a trial scored on the validation part of each fold."""

    trial: Trial
    scores: Mapping[str, tuple[float, ...]]  # fold -> CCC of each rating
    failed: str = ""  # why there are no scores, such as a loss that diverged


def place(plan: RunPlan, sweeps: Path) -> Path:
    """The folder of all trials on the same rows, named after all that decides a score.

    Equal for other ratings and embeddings of test parts, which decide none. Settings
    are not in its name, so that later searches add to the same ranking.
    """
    rows = {fold.name: [fold.train, fold.validation] for fold in plan.folds}
    seen = sorted({id_ for parts in rows.values() for part in parts for id_ in part})
    at = {id_: row for row, id_ in enumerate(plan.common.ids)}
    truth = plan.common.truth[[at[id_] for id_ in seen]]
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
        plan: of any of the candidates; it says the folds, rows and design
        folder: of the sweep
        candidates: settings to try
        seeds: each candidate is trained with all of them
        progress: show a bar

    Raises:
        AffuseError: if a file of the folder is damaged
    """
    finished = {outcome.trial for outcome in outcomes(folder)}
    wanted = [Trial(*pair) for pair in product(candidates, seeds)]
    pending = [trial for trial in wanted if trial not in finished]
    with bar(
        total=len(wanted), name=plan.info.design, unit="trials", show=progress
    ) as shown:
        shown.update(len(wanted) - len(pending))
        try:
            for outcome in _train(plan, pending):
                _write(folder, outcome)
                shown.update()
        finally:
            _seal(folder)


def _seal(folder: Path) -> None:
    """Keep the digests of all trials, also of those of a search that was stopped."""
    place = SweepFolder(folder).trials
    if place.is_dir():
        known = digests.read(place) or {}
        names = [path.name for path in SweepFolder(folder).finished()]
        digests.seal(place, [name for name in names if name not in known])


def _train(plan: RunPlan, trials: Sequence[Trial]) -> Iterator[TrialOutcome]:
    """Every trial on every fold; each comes when its last fold is there."""
    if not trials:
        return
    design = plan.info.design
    folds = Folds.of(
        plan.aligned, plan.folds, features=sorted(plan.features), device=plan.device
    )
    names = sorted(folds.parts)
    jobs = [
        folds.job(
            name,
            fusion=design,
            settings=trial.settings,
            seed=trial.seed,
            where=f"{design}, fold {name}, seed {trial.seed}",
        )
        for trial in trials
        for name in names
    ]
    found: dict[int, dict[int, Scores]] = {}
    for number, result in fit_fusions(jobs):
        trial, fold = divmod(number, len(names))
        each = found.setdefault(trial, {})
        each[fold] = _scores(result, jobs[number])
        if len(each) == len(names):
            yield _outcome(trials[trial], names, [each[k] for k in sorted(each)])


def _scores(result: Fitted | AffuseError, job: ModelTask) -> Scores:
    """Validation CCC of each rating at the epoch that was kept.

    An error stays one: a learning rate at which the loss diverges is a finding of the
    search, and no reason to end it. So is divergence to finite numbers.
    """
    if isinstance(result, AffuseError):
        return result
    with torch.inference_mode():
        rows, at = job.rows, job.validation.to(job.rows.truth.device)
        said = through(result.module, rows.features, at).cpu().numpy()
    wide = np.asarray(far(said, rows.truth[at].cpu().numpy()).any(axis=1))
    if wide.mean() > MOST_FAR:
        return AffuseError(
            f"{job.where}: {int(wide.sum()):,} of {len(wide):,} utterances of the "
            f"validation part are predicted far outside the scale, so the training "
            f"diverged; lower learning_rate"
        )
    return max(result.history, key=lambda epoch: epoch.score).scores


def _outcome(
    trial: Trial, folds: Iterable[str], each: Sequence[Scores]
) -> TrialOutcome:
    """The scores of all folds, or the first error of any."""
    failed = next((str(one) for one in each if isinstance(one, AffuseError)), "")
    scores = [one for one in each if not isinstance(one, AffuseError)]
    return TrialOutcome(
        trial, {} if failed else dict(zip(folds, scores, strict=True)), failed
    )


def _write(folder: Path, outcome: TrialOutcome) -> None:
    """Publish one trial; equal outcomes give equal bytes."""
    facts = {
        "seed": outcome.trial.seed,
        "validation_ccc": {fold: list(each) for fold, each in outcome.scores.items()},
        "failed": outcome.failed,
        "settings": asdict(outcome.trial.settings),
    }
    publish(outcome.trial.path(folder), (json.dumps(facts, indent=1) + "\n").encode())


def outcomes(folder: Path) -> tuple[TrialOutcome, ...]:
    """Every finished trial of a sweep, by the name of its file.

    Raises:
        AffuseError: naming the file that is damaged
    """
    return tuple(_read(folder, SweepFolder(folder).finished()))


def _read(folder: Path, paths: Iterable[Path]) -> Iterator[TrialOutcome]:
    for path in paths:
        try:
            facts = read_json(path, KIND, advice="it holds no trial")
            trial = Trial(change(Settings(), facts["settings"]), facts["seed"])
            if (other := trial.path(folder).name) != path.name:
                raise DamagedFileError(f"its settings and seed are of {other}")
        except AffuseError as error:
            raise DamagedFileError(
                f"{path} is no trial of this version: {error}; remove it, and it is "
                f"trained again"
            ) from error
        folds = facts["validation_ccc"].items()
        scores = {fold: tuple(map(float, each)) for fold, each in folds}
        yield TrialOutcome(trial, scores, facts["failed"])
