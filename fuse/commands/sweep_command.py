"""Command sweep: search of settings, their ranking, and the next command."""

import sys
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
from affuse.data.system.text_columns import align_columns
from affuse.data.terminal import page_width
from affuse.fuse.reporting.blocks import LETTERS
from affuse.fuse.reporting.table_records import kind_of_ratings
from affuse.fuse.settings import Settings
from affuse.fuse.sweep import ranking, trials
from affuse.fuse.sweep.ranking import RankedSettings
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.training.run_plan import RunPlan
from affuse.fuse.wording import count, figure

SHOWN = 20  # rows of the ranking that are printed
WIDTH = 98  # columns of the page


@dataclass(frozen=True)
class SweepResult:
    """Results of a sweep, with the trials of earlier commands on the same rows."""

    plan: RunPlan
    folder: Path
    ranked: tuple[RankedSettings, ...]  # with all requested seeds, best first
    tried: int  # number of settings that are finished with any seed
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
    """Evaluate settings of one design; print and write the ranking and the best ones.

    Args:
        say: prints a line
        plan: rows and design; no file and no score of a sweep uses test parts
        candidates: settings to try
        seeds: of each candidate
        options: of the command line, which the next command repeats
        progress: show a progress bar

    Returns:
        the folder of this sweep

    Raises:
        AffuseError: if every setting failed
    """
    protocol = plan.settings.protocol  # that of the corpus, if none was named
    named = [replace(settings, protocol=protocol) for settings in candidates]
    folder = trials.sweep_folder(plan, options.sweeps)
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
    """Write the best settings; yield the ranking, notes, and the next command."""
    sentences = [*_notes(state)]
    notes = [line for each in sentences for line in textwrap.wrap(each, WIDTH)]
    text = "".join(f"# {line}\n" for line in notes)
    text += ranking.differences(state.ranked[0].settings)
    publish(SweepFolder(state.folder).best, text.encode())
    width = page_width(sys.stdout, WIDTH)
    shown = [line for each in sentences for line in textwrap.wrap(each, width)]
    yield from (*_table(state), "", *shown)
    names = f"{SweepFolder.ranking}, {SweepFolder.best}, {SweepFolder.trials}/"
    yield f"written to {state.folder}: {names}"
    yield next_line(_next(state, options))


def _table(result: SweepResult) -> Iterator[str]:
    """Yield the lines of a table of the best settings with their scores."""
    info, names = result.plan.info, ranking.varying_settings(result.ranked)
    kind = kind_of_ratings(info.nature, info.members)
    yield f"{info.design} on {info.corpus} ({kind}), {info.protocol}: validation CCC"
    letters = [LETTERS[target] for target in info.targets]
    rows = [("", *names, *letters, "mean", "seeds")]
    for rank, trial in enumerate(result.ranked[:SHOWN], start=1):
        settings = [_word(getattr(trial.settings, name)) for name in names]
        ratings = [figure(value) for value in trial.ratings] or ["-" for _ in letters]
        mean = "failed" if trial.failed else figure(trial.score)
        spread = f"± {figure(trial.deviation)}" if len(result.seeds) > 1 else "1"
        rows.append((str(rank), *settings, *ratings, mean, spread))
    yield from align_columns(rows)
    if len(result.ranked) > SHOWN:
        yield f"and {len(result.ranked) - SHOWN} more in {SweepFolder.ranking}"


def _word(value: object) -> str:
    """Return a setting's value as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _notes(result: SweepResult) -> Iterator[str]:
    """Yield sentences on how to interpret the best score."""
    best = result.ranked[0]
    seeds = f"seeds {', '.join(map(str, result.seeds))}"
    folds = count(len(result.plan.folds), "fold")
    yield (
        f"best of {count(result.tried, 'combination')} of settings tried on these "
        f"rows: mean validation CCC {figure(best.score)}, {seeds}, {folds}"
    )
    yield (
        "this CCC is optimistic, because it is the highest of all settings and epochs; "
        "only a test part that is used once shows how good the settings are; report "
        "the number of combinations too"
    )
    if _overlap(result.plan.folds):
        yield (
            f"in protocol {result.plan.info.protocol}, test utterances of one fold are "
            f"in the training or validation part of another, so the best settings "
            f"depend on test ratings; in session5-strict, session5 and official, they "
            f"do not"
        )


def _overlap(folds: Sequence[Fold]) -> bool:
    """Return True if a test utterance of a fold trains or validates another fold."""
    used = {id_ for fold in folds for id_ in (*fold.train, *fold.validation)}
    return any(id_ in used for fold in folds for id_ in fold.test)


def _next(result: SweepResult, options: Sweep) -> Train:
    """Return the command that trains the best settings and predicts test parts.

    The protocol and other settings are in the file of the best settings.
    """
    design = result.plan.info.design
    files = tuple(path for path in options.design_files if path.stem == design)
    return Train.from_command(
        options,
        *(TrainingInputs, ComputeOptions, RunsFolder),
        experiment=str(SweepFolder(result.folder).best),
        designs=() if files else (design,),
        design_files=files,
        folds=options.folds,
        seeds=len(result.seeds),
        seed=result.seeds[0],
        allow=options.allow,
    )
