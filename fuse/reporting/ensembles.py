"""Ensembles of a run's seeds: the mean prediction of the models of each fold.

The CCC of a mean of predictions is not the mean of their CCCs; it is higher as a rule,
because errors that seeds do not share cancel. `predict` averages in the same way, over
the models of all folds, so that it gives these predictions where a run has one fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from affuse.data.runs.run_predictions import Predictions, Run
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.scoring.clusters import ClusterUnit
from affuse.fuse.scoring.statistics import estimate, folds

Parts = Sequence[Mapping[str, Run]]  # of every row, by section


def ensemble(run: Run) -> Run:
    """Return the run with the mean of the predictions of the seeds of each fold.

    Args:
        run: with the same test utterances for every seed of a fold

    Returns:
        the same run, folds by name, utterances by id, all with the seed 0

    Raises:
        AffuseError: if nothing was predicted
    """
    found = folds(run, "utterance")
    ids = np.concatenate([fold.ids for fold in found])
    return replace(
        run,
        predictions=Predictions(
            id=ids,
            fold=np.repeat([f.name for f in found], [len(f.ids) for f in found]),
            seed=np.zeros(len(ids), np.int64),
            truth=np.concatenate([fold.truth for fold in found]),
            predicted=np.concatenate([fold.predicted.mean(axis=0) for fold in found]),
        ),
    )


def added(
    parts: Parts, rows: Sequence[TableRow]
) -> tuple[list[Mapping[str, Run]], list[TableRow]]:
    """Return runs and rows with an ensemble behind each row of several trained seeds.

    A network after an affine map has none: its models have a map each.

    The number of seeds of such a row is that of its members. Its interval is over
    clusters alone, those of the row itself: the ensemble is one predictor.

    Args:
        parts: of each row the runs that its sections score
        rows: in the same order
    """
    runs, found = list[Mapping[str, Run]](), list[TableRow]()
    for part, row in zip(parts, rows, strict=True):
        runs.append(part)
        found.append(row)
        members = row.sections["all"].seeds
        if members < 2 or row.mapped or not trainable(row.design).is_seeded:
            continue
        together = {name: ensemble(run) for name, run in part.items()}
        scores = {
            name: estimate(together[name], unit=ClusterUnit(of.unit, of.reason))
            for name, of in row.sections.items()
        }
        words = (row.detail, f"ensemble of {members} seeds")
        runs.append(together)
        found.append(
            replace(
                row,
                detail=", ".join(word for word in words if word),
                sections={n: replace(e, seeds=members) for n, e in scores.items()},
                members=members,
            )
        )
    return runs, found


def notes(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """Return what ensembles are, or that there is none; for a table that shows them."""
    if all(row.members == 1 for row in rows):
        return ("No run has several trained seeds, so there is no ensemble (--seeds)",)
    return (
        "Ensembles: the mean prediction of the seeds of a fold; their intervals and p "
        "are of these very models, and do not contain what other seeds "
        "or another training would give. By default an ensemble is compared with "
        "ensembles alone",
    )
