"""Measures beside the CCC, found as it is: means over folds of the means over seeds.

Root mean squared error and mean absolute error are in units of the ratings on [-1, 1],
to which the scale of the corpus is mapped (`affuse.data.rating_scales`). None has an
interval.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from affuse.data.errors import OptionError
from affuse.data.runs.run_predictions import Run
from affuse.data.suggestions import hint
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring import metrics
from affuse.fuse.scoring.statistics import folds

MEAN = "mean"  # over the ratings, beside their names


@dataclass(frozen=True)
class Measure:
    """One figure of a rating, and its words in a table."""

    of: Callable[[ArrayLike, ArrayLike], float]
    head: str
    meaning: str


MEASURES: Mapping[str, Measure] = {
    "rmse": Measure(metrics.rmse, "RMSE", "root mean squared error on [-1, 1]"),
    "mae": Measure(metrics.mae, "MAE", "mean absolute error on [-1, 1]"),
    "pearson": Measure(metrics.pearson, "r", "Pearson's correlation"),
}


def parse(text: str) -> tuple[str, ...]:
    """Return the names of measures that are divided by commas, each once, as typed.

    Raises:
        AffuseError: if there is no such measure

    Examples:
        >>> parse("mae, RMSE,mae")
        ('mae', 'rmse')
    """
    names = [name.strip().casefold() for name in text.split(",")]
    names = [name for name in dict.fromkeys(names) if name]
    if unknown := [name for name in names if name not in MEASURES]:
        near = hint(unknown[0], MEASURES)
        raise OptionError(
            f"no column {', '.join(map(repr, unknown))}: choose from "
            f"{', '.join(MEASURES)}, divided by commas, as in --columns "
            f"rmse,pearson{near}"
        )
    return tuple(names)


def measured(run: Run, names: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Return measures of a run, each of every rating and of their mean.

    Args:
        run: with the same test utterances for every seed of a fold
        names: of `MEASURES`

    Returns:
        {measure: {rating, or "mean": figure}}; nan where a fold has a correlation with
        what is constant

    Raises:
        AffuseError: if nothing was predicted
    """
    found = folds(run, "utterance")
    results: dict[str, Mapping[str, float]] = {}
    for name in names:
        each = [
            [
                [
                    MEASURES[name].of(fold.truth[:, k], seed[:, k])
                    for k in range(len(run.info.targets))
                ]
                for seed in fold.predicted
            ]
            for fold in found
        ]
        means = np.mean([np.mean(fold, axis=0) for fold in each], axis=0)
        ratings = dict(zip(run.info.targets, means.tolist(), strict=True))
        results[name] = {**ratings, MEAN: float(means.mean())}
    return results


def added(
    parts: Sequence[Mapping[str, Run]], rows: Sequence[TableRow], names: Sequence[str]
) -> list[TableRow]:
    """Return the rows with measures of each of their sections.

    Args:
        parts: of each row the runs that its sections score
        rows: in the same order
        names: of `MEASURES`
    """
    return [
        replace(
            row, measures={name: measured(run, names) for name, run in each.items()}
        )
        for row, each in zip(rows, parts, strict=True)
    ]


def notes(names: Sequence[str]) -> tuple[str, ...]:
    """Return what the measures of a table are; nothing if it has none."""
    if not names:
        return ()
    return (f"{heading(names)}: mean over folds of the mean over seeds, no interval",)


def heading(names: Sequence[str]) -> str:
    """Return measures in words.

    Examples:
        >>> heading(["mae", "pearson"])
        "MAE (mean absolute error on [-1, 1]), r (Pearson's correlation)"
    """
    found = (MEASURES[name] for name in names)
    return ", ".join(f"{measure.head} ({measure.meaning})" for measure in found)
