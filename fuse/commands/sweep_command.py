"""The sweep command: search, rank, and say what to train next."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.command_record import next_line
from affuse.data.options.shared_options import ComputeOptions, RunsFolder
from affuse.data.options.training_options import Sweep, Train, TrainingInputs
from affuse.data.splits.protocols import Fold
from affuse.data.system.atomic_files import publish
from affuse.data.system.text_columns import columns
from affuse.fuse.reporting.blocks import LETTERS
from affuse.fuse.reporting.table_records import NATURES
from affuse.fuse.settings import Settings
from affuse.fuse.sweep import ranking, trials
from affuse.fuse.sweep.ranking import Ranked
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.training.run_plan import RunPlan
from affuse.fuse.wording import count, figure

SHOWN = 20  # rows of the ranking on the screen
WIDTH = 98  # columns of text


@dataclass(frozen=True)
class SweepResult:
    """A sweep as it is now, with the trials of earlier commands on the same rows."""

    plan: RunPlan
    folder: Path
    ranked: tuple[Ranked, ...]  # with all seeds that were asked for, best first
    tried: int  # settings that are finished with any seed
    seeds: tuple[int, ...]


def sweep(
    say: Callable[[str], object],
    plan: RunPlan,
    candidates: Sequence[Settings],
    *,
    seeds: Sequence[int],
    options: Sweep,
    progress: bool = True,
) -> Path:
    """Search with one design; print the ranking, write it and the best settings.

    Args:
        say: told each line
        plan: rows and design; test parts are in no file and no score of a sweep
        candidates: settings to try
        seeds: of each of them
        options: of the command: the folder of all sweeps, and what is repeated in the
            command that comes next
        progress: show a bar

    Returns:
        the folder of this sweep

    Raises:
        AffuseError: if every setting failed
    """
    protocol = plan.settings.protocol  # a corpus's own, if none was named
    named = [replace(settings, protocol=protocol) for settings in candidates]
    folder = trials.place(plan, options.sweeps)
    trials.search(plan, folder, named, seeds, progress=progress)
    done = trials.outcomes(folder)
    ranked = ranking.rank(done, seeds)
    ranking.write(folder, ranked, plan.info.targets)
    if ranked[0].failed:
        raise AffuseError(f"every setting failed; the first: {ranked[0].failed}")
    tried = len({outcome.trial.settings for outcome in done})
    for line in _conclude(
        SweepResult(plan, folder, ranked, tried, tuple(seeds)), options
    ):
        say(line)
    return folder


def _conclude(state: SweepResult, options: Sweep) -> Iterator[str]:
    """Publish the best settings; the ranking, what to know of it, and what is next."""
    notes = [line for note in _notes(state) for line in textwrap.wrap(note, WIDTH)]
    text = "".join(f"# {line}\n" for line in notes)
    text += ranking.differences(state.ranked[0].settings)
    publish(SweepFolder(state.folder).best, text.encode())
    yield from (*_table(state), "", *notes)
    names = f"{SweepFolder.ranking}, {SweepFolder.best}, {SweepFolder.trials}/"
    yield f"written to {state.folder}: {names}"
    yield next_line(_next(state, options))


def _table(found: SweepResult) -> Iterator[str]:
    """The best settings with their figures."""
    info, names = found.plan.info, ranking.varying(found.ranked)
    nature = NATURES[info.nature]
    yield f"{info.design} on {info.corpus} ({nature}), {info.protocol}: validation CCC"
    letters = [LETTERS[target] for target in info.targets]
    rows = [("", *names, *letters, "mean", "seeds")]
    for place, one in enumerate(found.ranked[:SHOWN], start=1):
        settings = [_word(getattr(one.settings, name)) for name in names]
        each = [figure(value) for value in one.ratings] or ["-" for _ in letters]
        mean = "failed" if one.failed else figure(one.score)
        spread = f"± {figure(one.deviation)}" if len(found.seeds) > 1 else "1"
        rows.append((str(place), *settings, *each, mean, spread))
    yield from columns(rows)
    if len(found.ranked) > SHOWN:
        yield f"and {len(found.ranked) - SHOWN} more in {SweepFolder.ranking}"


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _notes(found: SweepResult) -> Iterator[str]:
    """What is to be known of the best figure."""
    best = found.ranked[0]
    seeds = f"seeds {', '.join(map(str, found.seeds))}"
    folds = count(len(found.plan.folds), "fold")
    yield (
        f"best of {count(found.tried, 'choice')} of settings tried on these rows: mean "
        f"validation CCC {figure(best.score)}, {seeds}, {folds}"
    )
    yield (
        "chosen as the largest, and each epoch too, so optimistic: only a test that is "
        "looked at once says how good it is; report the number tried with it"
    )
    if _overlap(found.plan.folds):
        yield (
            f"in protocol {found.plan.info.protocol} the test part of a fold trains or "
            f"validates another, so the choice has seen its ratings; session5-strict, "
            f"session5 and official keep the test out of it"
        )


def _overlap(folds: Sequence[Fold]) -> bool:
    """Whether a test utterance of one fold was seen in another."""
    seen = {id_ for fold in folds for id_ in (*fold.train, *fold.validation)}
    return any(id_ in seen for fold in folds for id_ in fold.test)


def _next(found: SweepResult, options: Sweep) -> Train:
    """Return the command that trains the best settings and predicts the test.

    A protocol and other settings are in the file of the best settings.
    """
    design = found.plan.info.design
    files = tuple(path for path in options.design_files if path.stem == design)
    return Train.like(
        options,
        *(TrainingInputs, ComputeOptions, RunsFolder),
        experiment=str(SweepFolder(found.folder).best),
        designs=() if files else (design,),
        design_files=files,
        folds=options.folds,
        seeds=len(found.seeds),
        seed=found.seeds[0],
        allow=options.allow,
    )
