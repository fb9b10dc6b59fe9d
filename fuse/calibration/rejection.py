"""Rejection curves: CCC and RMSE if the most uncertain utterances are left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.errors import DamagedFileError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.csv_tables import (
    DAMAGED,
    parse_number,
    parse_whole_number,
    read_rows,
    write_rows,
)
from affuse.data.terminal import printable
from affuse.fuse.calibration.calibration_scores import CalibratedFold
from affuse.fuse.scoring.metrics import ccc, rmse

COLUMNS = ("rating", "kept", "utterances", "ccc", "rmse")
SHARES = tuple(k / 20 for k in range(20, 1, -1))  # shares kept, from 1 to .1
LEAST = 10  # utterances of a fold; a CCC of fewer is not informative


@dataclass(frozen=True)
class RejectionPoint:
    """Figures for one share of utterances, after the map; means over folds."""

    kept: float  # share of each fold's test utterances
    utterances: int  # number of utterances kept in all folds
    ccc: float
    rmse: float


def curve(folds: Sequence[CalibratedFold]) -> tuple[RejectionPoint, ...]:
    """Return CCC and RMSE of the utterances on which the seeds agree best.

    In each fold, utterances are sorted by the standard deviation of their predictions
    over seeds; ratings are not used. The CCC of a subset also depends on the variance
    of its ratings, so read it with the RMSE.

    Args:
        folds: calibrated predictions of one rating

    Returns:
        points from all utterances to a tenth of them. The curve ends earlier if a fold
        keeps fewer than `LEAST` utterances or only equal ratings. It is () for one
        seed, because the spread over seeds is then 0.
    """
    if not any(fold.spread.any() for fold in folds):
        return ()
    return tuple(_points(folds))


def _points(folds: Sequence[CalibratedFold]) -> Iterator[RejectionPoint]:
    """Yield the points of a curve until a CCC is undefined or not informative."""
    orders = [np.argsort(fold.spread, kind="stable") for fold in folds]
    for share in SHARES:
        rows = [order[: round(share * len(order))] for order in orders]
        if min(map(len, rows)) < LEAST:
            return
        if any(np.ptp(f.truth[r]) == 0 for f, r in zip(folds, rows, strict=True)):
            return  # constant ratings have no CCC, nor have subsets of them
        kept = [(f.truth[r], f.mapped[r]) for f, r in zip(folds, rows, strict=True)]
        yield RejectionPoint(
            kept=share,
            utterances=sum(map(len, rows)),
            ccc=float(np.mean([ccc(*pair) for pair in kept])),
            rmse=float(np.mean([rmse(*pair) for pair in kept])),
        )


def write(folder: Path, curves: Mapping[str, Sequence[RejectionPoint]]) -> None:
    """Write rejection.csv into the folder of a run.

    Args:
        folder: of the run
        curves: rating -> points of its curve
    """
    rows = [
        (rating, f"{p.kept:.2f}", p.utterances, f"{p.ccc:.6f}", f"{p.rmse:.6f}")
        for rating, points in curves.items()
        for p in points
    ]
    write_rows(RunFolder(folder).rejection, COLUMNS, rows)


def read(folder: Path) -> dict[str, tuple[RejectionPoint, ...]]:
    """Return the curves that `write` wrote, by rating.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if the run was not calibrated
        DamagedFileError: naming the line that is damaged
    """
    path = RunFolder(folder).rejection
    curves: dict[str, tuple[RejectionPoint, ...]] = {}
    for line, (rating, kept, utterances, *figures) in read_rows(path, COLUMNS):
        try:
            point = RejectionPoint(
                parse_number(kept),
                parse_whole_number(utterances),
                *map(parse_number, figures),
            )
        except ValueError as error:
            raise DamagedFileError(
                f"{path}, line {line}: {printable(str(error))}; {DAMAGED}"
            ) from error
        curves[rating] = (*curves.get(rating, ()), point)
    return curves
