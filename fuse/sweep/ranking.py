"""Ranking of finished trials by their mean validation CCC."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from affuse.data.system.csv_tables import write_rows
from affuse.fuse.experiment_files import dump
from affuse.fuse.reporting.escapes import for_csv
from affuse.fuse.settings import Settings
from affuse.fuse.sweep.sweep_folder import SweepFolder
from affuse.fuse.sweep.trials import TrialOutcome


@dataclass(frozen=True)
class RankedSettings:
    """Settings with their validation CCC, averaged over folds and seeds."""

    settings: Settings
    ratings: tuple[float, ...]  # validation CCC of each rating; () after a failure
    score: float  # mean over the ratings; minus infinity after a failure
    deviation: float  # standard deviation of the mean over seeds; 0 for one seed
    failed: str = ""  # reason of a failure, or ""


def rank(
    outcomes: Sequence[TrialOutcome], seeds: Sequence[int]
) -> tuple[RankedSettings, ...]:
    """Return settings that are finished with all seeds, best first.

    Settings that failed with any seed are last.

    Args:
        outcomes: of finished trials
        seeds: of each candidate
    """
    trials: dict[Settings, dict[int, TrialOutcome]] = {}
    for outcome in outcomes:
        trials.setdefault(outcome.trial.settings, {})[outcome.trial.seed] = outcome
    ranked = [
        _ranked(settings, [by_seed[seed] for seed in seeds])
        for settings, by_seed in trials.items()
        if by_seed.keys() >= set(seeds)
    ]
    return tuple(sorted(ranked, key=lambda r: (-r.score, dump(r.settings))))


def _ranked(settings: Settings, outcomes: Sequence[TrialOutcome]) -> RankedSettings:
    """Return settings with their mean scores over folds and seeds."""
    failed = next((outcome.failed for outcome in outcomes if outcome.failed), "")
    if failed:
        return RankedSettings(settings, (), -np.inf, 0.0, failed)
    each = np.array([list(outcome.scores.values()) for outcome in outcomes])
    by_seed = each.mean(axis=(1, 2))  # mean of (seeds, folds, ratings) for each seed
    return RankedSettings(
        settings=settings,
        ratings=tuple(each.mean(axis=(0, 1)).tolist()),
        score=float(by_seed.mean()),
        deviation=float(by_seed.std()),
    )


def varying_settings(ranked: Sequence[RankedSettings]) -> list[str]:
    """Return the names of the settings that differ between candidates, in order.

    Args:
        ranked: candidates
    """
    records = [asdict(candidate.settings) for candidate in ranked]
    return [name for name in records[0] if len({r[name] for r in records}) > 1]


def write(
    folder: Path, ranked: Sequence[RankedSettings], targets: Sequence[str]
) -> None:
    """Write ranking.csv with every setting that varies, and every figure.

    Args:
        folder: of the sweep
        ranked: candidates, best first
        targets: names of the ratings
    """
    names = varying_settings(ranked)
    header = ("rank", *names, *targets, "mean", "deviation", "failed")
    write_rows(SweepFolder(folder).ranking, header, _cells(ranked, names, len(targets)))


def _cells(
    ranked: Sequence[RankedSettings], names: Sequence[str], targets: int
) -> Iterator[list[object]]:
    """Yield the cells of each row of ranking.csv."""
    for place, one in enumerate(ranked, start=1):
        settings = [for_csv(getattr(one.settings, name)) for name in names]
        figures = [f"{x:.6f}" for x in (*one.ratings, one.score, one.deviation)]
        figures = [""] * (targets + 2) if one.failed else figures
        yield [place, *settings, *figures, for_csv(one.failed)]


def differences(settings: Settings) -> str:
    """Return the settings that differ from the defaults, as lines of TOML.

    Args:
        settings: of a candidate
    """
    default = set(dump(Settings()).splitlines())
    changed = [line for line in dump(settings).splitlines() if line not in default]
    return "".join(f"{line}\n" for line in changed)
