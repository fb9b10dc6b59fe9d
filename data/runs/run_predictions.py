"""Predictions of a trained design for the test utterances, in a run folder.

Ratings are on [-1, 1]; predictions have that scale, but may exceed it. A report needs
only these files, so a run folder from elsewhere can be scored without the corpus.

=================== ===================================================================
``run.json``        `RunInfo`: design, corpus and its nature, protocol, encoders, ...
``folds.csv``       the part of each fold that each utterance was in
``predictions.csv`` one row per fold, seed and test utterance; a rating that the corpus
                    lacks has two empty columns
=================== ===================================================================
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.runs.fold_table import FoldRow, read_folds
from affuse.data.runs.fold_table import (
    write_folds as write_folds,  # also offered here, beside the other writers
)
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import RunInfo, read_info
from affuse.data.system.csv_tables import (
    DAMAGED,
    parse_number,
    parse_whole_number,
    read_rows,
    write_rows,
)
from affuse.data.terminal import printable

COLUMNS = (
    *("id", "design", "protocol", "fold", "seed"),
    *RATINGS,
    *(f"{name}_predicted" for name in RATINGS),
)


@dataclass(frozen=True)
class Predictions:
    """Predictions as columns of length n, one row per fold, seed and test utterance."""

    id: np.ndarray  # (n,) str
    fold: np.ndarray  # (n,) str
    seed: np.ndarray  # (n,) int
    truth: np.ndarray  # (n, targets) on [-1, 1]
    predicted: np.ndarray  # (n, targets), mostly in [-1, 1]

    def __post_init__(self) -> None:
        shapes = {f.name: getattr(self, f.name).shape for f in fields(self)}
        lengths = {shape[0] for shape in shapes.values()}
        if len(lengths) > 1 or shapes["truth"] != shapes["predicted"]:
            raise AffuseError(f"columns of predictions differ in shape: {shapes}")

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Run:
    """Content of a run folder without its models."""

    path: Path
    info: RunInfo
    predictions: Predictions
    folds: tuple[FoldRow, ...]
    is_imported: bool = False  # True for predictions of a system trained elsewhere

    @cached_property
    def test_rows(self) -> Mapping[tuple[str, str], FoldRow]:
        """Rows of all test parts, by fold and id."""
        return {(row.fold, row.id): row for row in self.folds if row.part == "test"}

    @cached_property
    def row_numbers(self) -> np.ndarray:
        """Number of the test row of each prediction, (n,) int; -1 if there is none."""
        numbers = {place: number for number, place in enumerate(self.test_rows)}
        folds, ids = self.predictions.fold.tolist(), self.predictions.id.tolist()
        places = zip(folds, ids, strict=True)
        return np.array([numbers.get(place, -1) for place in places], np.int64)


def write_predictions(path: Path, predictions: Predictions, info: RunInfo) -> None:
    """Write predictions.csv atomically, sorted by fold, seed and id.

    Numbers have nine significant digits, so float32 values are restored exactly.

    Args:
        path: of predictions.csv
        predictions: rows in any order
        info: description of the run

    Raises:
        AffuseError: if a number is not finite, or the columns are not `info.targets`
    """
    numbers = np.hstack([predictions.truth, predictions.predicted])
    if numbers.shape[1] != 2 * len(info.targets):
        raise AffuseError(
            f"{path}: predictions of {predictions.truth.shape[1]} ratings, but the run "
            f"has {', '.join(info.targets)}"
        )
    if not np.isfinite(numbers).all():
        bad = int(np.argmin(np.isfinite(numbers).all(axis=1)))
        raise AffuseError(
            f"{path}: utterance '{predictions.id[bad]}', seed {predictions.seed[bad]}, "
            f"has a rating or a prediction that is not finite; lower the learning rate"
        )
    names = (*info.targets, *(f"{name}_predicted" for name in info.targets))
    rows: list[list[object]] = []
    for i in np.lexsort((predictions.id, predictions.seed, predictions.fold)):
        cells = dict(zip(names, (f"{x:.9g}" for x in numbers[i]), strict=True))
        key = [predictions.id[i], info.design, info.protocol, predictions.fold[i]]
        row = [*key, int(predictions.seed[i])]
        rows.append([*row, *(cells.get(name, "") for name in COLUMNS[5:])])
    write_rows(path, COLUMNS, rows)


def read_predictions(path: Path, targets: Sequence[str]) -> Predictions:
    """Return the predictions in predictions.csv.

    Args:
        path: of predictions.csv
        targets: names of the ratings that the file must have

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if a line is damaged or repeats an utterance; the message
            names the line
    """
    names = (*targets, *(f"{name}_predicted" for name in targets))
    positions = [COLUMNS.index(name) for name in names]
    keys: list[tuple[str, str, int]] = []  # id, fold, seed
    numbers: list[list[float]] = []
    seen = set()
    for line, row in read_rows(path, COLUMNS):
        try:
            key = (row[0], row[3], parse_whole_number(row[4]))
            cells = [parse_number(row[position]) for position in positions]
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; the file is damaged, "
                f"or lacks one of {', '.join(targets)}"
            ) from error
        if key in seen:
            raise DamagedFileError(
                f"{path}, line {line}: utterance '{row[0]}' of fold '{row[3]}', seed "
                f"{row[4]}, occurs twice; {DAMAGED}"
            )
        seen.add(key)
        keys.append(key)
        numbers.append(cells)
    table = np.array(numbers, np.float64).reshape(len(numbers), len(names))
    return Predictions(
        id=np.array([key[0] for key in keys], dtype=np.str_),
        fold=np.array([key[1] for key in keys], dtype=np.str_),
        seed=np.array([key[2] for key in keys], dtype=np.int64),
        truth=table[:, : len(targets)],
        predicted=table[:, len(targets) :],
    )


def read_run(folder: Path) -> Run:
    """Return a run, after checking its predictions against its folds.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if a file is missing
        DamagedFileError: if a file is damaged, if a prediction is for an utterance
            outside the fold's test part, or if the seeds of a fold differ in their
            utterances or ratings
    """
    info = read_info(folder)
    path = RunFolder(folder).predictions
    predictions, folds = read_predictions(path, info.targets), read_folds(folder)
    test = {(row.fold, row.id) for row in folds if row.part == "test"}
    units: dict[str, dict[int, dict[str, bytes]]] = {}
    p = predictions
    for id_, fold, seed, truth in zip(
        p.id.tolist(), p.fold.tolist(), p.seed.tolist(), p.truth, strict=True
    ):
        if (fold, id_) not in test:
            raise DamagedFileError(
                f"{path}: utterance '{id_}' is not in the test part of fold '{fold}' "
                f"in {RunFolder.folds}; the files are of different runs"
            )
        units.setdefault(fold, {}).setdefault(seed, {})[id_] = truth.tobytes()
    for fold, seeds in units.items():
        first = next(iter(seeds.values()))
        if any(rows != first for rows in seeds.values()):
            raise DamagedFileError(
                f"{path}: the seeds of fold '{fold}' were scored on different "
                f"utterances or ratings; train again into an empty folder"
            )
    return Run(path=folder, info=info, predictions=predictions, folds=folds)


def unfinished_runs(runs: Path) -> list[Path]:
    """Return the run folders without predictions, whose training was interrupted.

    Args:
        runs: folder of run folders
    """
    folders = RunFolder.find(runs, RunFolder.info)
    return [run.path for run in folders if not os.path.lexists(run.predictions)]


def finished_runs(runs: Path) -> list[Path]:
    """Return the run folders with predictions, sorted by name.

    Args:
        runs: folder of run folders
    """
    return [run.path for run in RunFolder.find(runs, RunFolder.predictions)]
