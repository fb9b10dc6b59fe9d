"""Measures beside the CCC: RMSE, MAE and Pearson's correlation, without intervals.

Like the CCC, they are averaged over seeds and then over folds. RMSE and MAE are in
units of the ratings on [-1, 1], to which the scale of the corpus is mapped
(`affuse.data.rating_scales`).
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

MEAN = "mean"  # key of the mean over the ratings


@dataclass(frozen=True)
class Measure:
    """Function of a measure, with its heading and its meaning in a table."""

    of: Callable[[ArrayLike, ArrayLike], float]
    head: str
    meaning: str


MEASURES: Mapping[str, Measure] = {
    "rmse": Measure(metrics.rmse, "RMSE", "root mean squared error on [-1, 1]"),
    "mae": Measure(metrics.mae, "MAE", "mean absolute error on [-1, 1]"),
    "pearson": Measure(metrics.pearson, "r", "Pearson's correlation"),
}


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names in a list of measures, each once, in the order of the list.

    Args:
        text: names, separated by commas, in any case

    Raises:
        AffuseError: if there is no measure of a name

    Examples:
        >>> parse_names("mae, RMSE,mae")
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


def measure_run(run: Run, names: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Return measures of a run for every rating and for their mean.

    Args:
        run: with the same test utterances for every seed of a fold
        names: of `MEASURES`

    Returns:
        {measure: {rating, or "mean": figure}}; a correlation is NaN if the ratings or
        predictions of a fold are constant

    Raises:
        AffuseError: if the run has no predictions
    """
    moments = folds(run, "utterance")
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
            for fold in moments
        ]
        means = np.mean([np.mean(fold, axis=0) for fold in each], axis=0)
        ratings = dict(zip(run.info.targets, means.tolist(), strict=True))
        results[name] = {**ratings, MEAN: float(means.mean())}
    return results


def add_measures(
    parts: Sequence[Mapping[str, Run]], rows: Sequence[TableRow], names: Sequence[str]
) -> list[TableRow]:
    """Return the rows with measures of each of their sections.

    Args:
        parts: for each row, the run of each of its sections
        rows: of the table, in the same order
        names: of `MEASURES`
    """
    return [
        replace(
            row, measures={name: measure_run(run, names) for name, run in each.items()}
        )
        for row, each in zip(rows, parts, strict=True)
    ]


def notes(names: Sequence[str]) -> tuple[str, ...]:
    """Return the footnote on the measures of a table, or () if it has none.

    Args:
        names: of `MEASURES`
    """
    if not names:
        return ()
    return (f"{heading(names)}: averaged over seeds, then over folds; no interval",)


def heading(names: Sequence[str]) -> str:
    """Return the headings of measures with their meanings.

    Args:
        names: of `MEASURES`

    Examples:
        >>> heading(["mae", "pearson"])
        "MAE (mean absolute error on [-1, 1]), r (Pearson's correlation)"
    """
    measures = (MEASURES[name] for name in names)
    return ", ".join(f"{measure.head} ({measure.meaning})" for measure in measures)
