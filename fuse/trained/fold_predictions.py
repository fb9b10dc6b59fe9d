"""Predictions of a run's models for the validation and the test part of each fold."""

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
    """Predictions for one part of one fold, sorted by utterance id."""

    fold: str
    ids: np.ndarray  # (n,)
    speakers: tuple[str, ...]  # n names; "" for an unknown speaker
    truth: np.ndarray  # (n, targets)
    predicted: np.ndarray  # (seeds, n, targets)
    groups: np.ndarray  # (n,) numbers of speakers; unknown speakers all differ

    @property
    def mean(self) -> np.ndarray:
        """Mean prediction over seeds: (n, targets)."""
        return np.asarray(self.predicted.mean(axis=0))

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation over seeds: (n, targets); 0 for a single seed."""
        return np.asarray(self.predicted.std(axis=0))


def read_validation_parts(run: Run) -> tuple[PredictedPart, ...]:
    """Return the validation part of each fold, for the seeds in the run's table.

    Args:
        run: finished run

    Raises:
        FileNotFoundError: if a model has no predictions of its validation part
        AffuseError: if these are not of the fold's validation part, or a fold's name
            leads out of the run
    """
    seeds = np.unique(run.predictions.seed).tolist()
    rows = _rows(run, "validation")
    result = []
    for fold in np.unique(run.predictions.fold).tolist():
        # The name of a forged fold could lead to another folder.
        if fold in ("", ".", "..") or Path(fold).name != fold:
            raise DamagedFileError(
                f"{run.path}: fold {fold!r} cannot be a folder in the run; train again "
                f"into an empty folder"
            )
        ids = sorted(id_ for name, id_ in rows if name == fold)
        tables = []
        for seed in seeds:
            path = RunFolder(run.path).model(fold, seed).validation
            if not path.is_file() and not is_listed(path):
                raise FileNotFoundError(
                    f"{path} not found; an older version trained the run and did not "
                    f"save predictions for validation parts; repeat the train command, "
                    f"which trains these models again"
                )
            tables.append(read_predictions(path, run.info.targets))
            table = tables[-1]
            models = set(zip(table.fold.tolist(), table.seed.tolist(), strict=True))
            if sorted(table.id.tolist()) != ids or models != {(fold, seed)}:
                raise AffuseError(
                    f"{path} is not of the validation part of fold '{fold}'; train "
                    f"again into an empty folder"
                )
        joined = {
            name: np.concatenate([getattr(t, name) for t in tables])
            for name in ("id", "fold", "seed", "truth", "predicted")
        }
        result.append(_part(Predictions(**joined), fold, rows))
    return tuple(result)


def select_test_parts(run: Run) -> tuple[PredictedPart, ...]:
    """Return the test part of each fold.

    Args:
        run: finished run
    """
    rows = _rows(run, "test")
    folds = np.unique(run.predictions.fold).tolist()
    return tuple(_part(run.predictions, fold, rows) for fold in folds)


def _rows(run: Run, part: str) -> dict[tuple[str, str], FoldRow]:
    """Return the rows of one part of all folds, by fold and id."""
    return {(row.fold, row.id): row for row in run.folds if row.part == part}


def _part(
    predictions: Predictions, fold: str, rows: Mapping[tuple[str, str], FoldRow]
) -> PredictedPart:
    """Return the predictions of one part of a fold, with its speakers."""
    stacked = stack(predictions, fold, rows, "speaker")
    return PredictedPart(
        fold=fold,
        ids=stacked.ids,
        speakers=tuple(rows[fold, id_].speaker for id_ in stacked.ids.tolist()),
        truth=stacked.truth,
        predicted=stacked.predicted,
        groups=stacked.clusters,
    )
