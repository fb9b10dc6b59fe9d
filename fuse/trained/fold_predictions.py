"""What the models of each fold say of its validation part and of its test part."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.runs.fold_table import FoldRow
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import (
    Predictions,
    Run,
    read_predictions,
)
from affuse.data.system.digests import is_listed
from affuse.fuse.scoring.statistics import stack


@dataclass(frozen=True)
class PredictedPart:
    """One part of one fold; utterances sorted by id."""

    fold: str
    ids: np.ndarray  # (n,)
    speakers: tuple[str, ...]  # n names; "" where unknown
    truth: np.ndarray  # (n, targets)
    predicted: np.ndarray  # (seeds, n, targets)
    groups: np.ndarray  # (n,) speakers counted from 0; unknown ones are all different

    @property
    def mean(self) -> np.ndarray:
        """(n, targets), over seeds"""
        return np.asarray(self.predicted.mean(axis=0))

    @property
    def spread(self) -> np.ndarray:
        """(n, targets), deviation over seeds; 0 where there is one"""
        return np.asarray(self.predicted.std(axis=0))


def of_validation(run: Run) -> tuple[PredictedPart, ...]:
    """Of every fold, by name, with the seeds that the run's table has.

    Raises:
        FileNotFoundError: if a model kept no predictions of its validation part
        AffuseError: if those are not of the fold's validation part, or a fold's name
            leads out of the run
    """
    seeds = np.unique(run.predictions.seed).tolist()
    rows = _rows(run, "validation")
    found = []
    for fold in np.unique(run.predictions.fold).tolist():
        if fold in ("", ".", "..") or Path(fold).name != fold:  # of a forged run
            raise DamagedFileError(
                f"{run.path}: fold {fold!r} can be no folder in the run; train again "
                f"into an empty folder"
            )
        ids = sorted(id_ for name, id_ in rows if name == fold)
        tables = []
        for seed in seeds:
            path = RunFolder(run.path).model(fold, seed).validation
            if not path.is_file() and not is_listed(path):
                raise FileNotFoundError(
                    f"{path} not found; the run is of a version that did not keep what "
                    f"its models say of validation parts; repeat the train command, "
                    f"which trains these models again"
                )
            tables.append(read_predictions(path, run.info.targets))
            said = tables[-1]
            own = set(zip(said.fold.tolist(), said.seed.tolist(), strict=True))
            if sorted(said.id.tolist()) != ids or own != {(fold, seed)}:
                raise AffuseError(
                    f"{path} is not of the validation part of fold '{fold}'; train "
                    f"again into an empty folder"
                )
        joined = {
            name: np.concatenate([getattr(table, name) for table in tables])
            for name in ("id", "fold", "seed", "truth", "predicted")
        }
        found.append(_part(Predictions(**joined), fold, rows))
    return tuple(found)


def of_test(run: Run) -> tuple[PredictedPart, ...]:
    """Of every fold, by name."""
    rows = _rows(run, "test")
    folds = np.unique(run.predictions.fold).tolist()
    return tuple(_part(run.predictions, fold, rows) for fold in folds)


def _rows(run: Run, part: str) -> dict[tuple[str, str], FoldRow]:
    """By fold and id."""
    return {(row.fold, row.id): row for row in run.folds if row.part == part}


def _part(
    predictions: Predictions, fold: str, rows: Mapping[tuple[str, str], FoldRow]
) -> PredictedPart:
    stacked = stack(predictions, fold, rows, "speaker")
    return PredictedPart(
        fold=fold,
        ids=stacked.ids,
        speakers=tuple(rows[fold, id_].speaker for id_ in stacked.ids.tolist()),
        truth=stacked.truth,
        predicted=stacked.predicted,
        groups=stacked.clusters,
    )
