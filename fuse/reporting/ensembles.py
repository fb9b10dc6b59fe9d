"""Ensembles of a run's seeds: the mean prediction of the models of each fold.

The CCC of averaged predictions is usually higher than the mean of their CCCs, because
errors that seeds do not share cancel. The command `predict` averages over the models of
all folds, so its predictions equal these if a run has one fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from affuse.data.runs.run_predictions import Predictions, Run
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.statistics import estimate, folds

Parts = Sequence[Mapping[str, Run]]  # for each row, section -> run


def average_seeds(run: Run) -> Run:
    """Return a run with predictions averaged over the seeds of each fold.

    Args:
        run: with the same test utterances for every seed of a fold

    Returns:
        the run with its predictions sorted by fold and id, all with the seed 0

    Raises:
        AffuseError: if the run has no predictions
    """
    moments = folds(run, "utterance")
    ids = np.concatenate([fold.ids for fold in moments])
    return replace(
        run,
        predictions=Predictions(
            id=ids,
            fold=np.repeat([f.name for f in moments], [len(f.ids) for f in moments]),
            seed=np.zeros(len(ids), np.int64),
            truth=np.concatenate([fold.truth for fold in moments]),
            predicted=np.concatenate([fold.predicted.mean(axis=0) for fold in moments]),
        ),
    )


def add_ensembles(
    parts: Parts, rows: Sequence[TableRow]
) -> tuple[list[Mapping[str, Run]], list[TableRow]]:
    """Return runs and rows with an ensemble after each row of several trained seeds.

    A network after an affine map has no ensemble, because each of its models has a
    different map. The number of seeds of an ensemble is that of its members. Its
    interval is over the clusters of its row only, because an ensemble is one predictor.

    Args:
        parts: for each row, the run of each of its sections
        rows: of the table, in the same order
    """
    runs, extended = list[Mapping[str, Run]](), list[TableRow]()
    for part, row in zip(parts, rows, strict=True):
        runs.append(part)
        extended.append(row)
        members = row.sections["all"].seeds
        if members < 2 or row.mapped or not find_trainable(row.design).is_seeded:
            continue
        averaged = {name: average_seeds(run) for name, run in part.items()}
        scores = {
            name: estimate(averaged[name], unit=ClusterUnit(of.unit, of.reason))
            for name, of in row.sections.items()
        }
        words = (row.detail, f"ensemble of {members} seeds")
        runs.append(averaged)
        extended.append(
            replace(
                row,
                detail=", ".join(word for word in words if word),
                sections={n: replace(e, seeds=members) for n, e in scores.items()},
                members=members,
            )
        )
    return runs, extended


def notes(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """Return a footnote on ensembles, or on their absence.

    Args:
        rows: of a table that shows ensembles
    """
    if all(row.members == 1 for row in rows):
        return ("No run has several trained seeds, so there is no ensemble (--seeds)",)
    return (
        "Ensembles: the mean prediction of the seeds of a fold; their intervals and p "
        "hold for these models only, not for other seeds or another training. By "
        "default an ensemble is compared with ensembles only",
    )
