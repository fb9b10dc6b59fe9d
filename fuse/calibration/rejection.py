"""What is gained by leaving the most uncertain utterances to a person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.csv_tables import write_rows
from affuse.fuse.calibration.calibration_scores import CalibratedFold
from affuse.fuse.scoring.metrics import ccc, rmse

COLUMNS = ("rating", "kept", "utterances", "ccc", "rmse")
SHARES = tuple(k / 20 for k in range(20, 1, -1))  # kept: 1 to .1
LEAST = 10  # utterances of a fold, below which a CCC says nothing


@dataclass(frozen=True)
class RejectionPoint:
    """One share kept; CCC and RMSE are means over folds, after the map."""

    kept: float  # share of each fold's test utterances
    utterances: int  # kept, of all folds
    ccc: float
    rmse: float


def curve(folds: Sequence[CalibratedFold]) -> tuple[RejectionPoint, ...]:
    """CCC and RMSE of the utterances on which the seeds agree best.

    In each fold, utterances are sorted by the deviation of predictions over seeds,
    without their ratings. The CCC of a subset also depends on how much its ratings
    differ; read it with the RMSE.

    Args:
        folds: calibrated predictions of one rating

    Returns:
        from everything kept to a tenth, to `LEAST` utterances of a fold, or to where
        all ratings of a fold that are kept are the same; () if nothing tells utterances
        apart, because there is one seed
    """
    if not any(fold.spread.any() for fold in folds):
        return ()
    return tuple(_points(folds))


def _points(folds: Sequence[CalibratedFold]) -> Iterator[RejectionPoint]:
    orders = [np.argsort(fold.spread, kind="stable") for fold in folds]
    for share in SHARES:
        rows = [order[: round(share * len(order))] for order in orders]
        if min(map(len, rows)) < LEAST:
            return
        if any(np.ptp(f.truth[r]) == 0 for f, r in zip(folds, rows, strict=True)):
            return  # no CCC, and none of fewer of them
        kept = [(f.truth[r], f.mapped[r]) for f, r in zip(folds, rows, strict=True)]
        yield RejectionPoint(
            kept=share,
            utterances=sum(map(len, rows)),
            ccc=float(np.mean([ccc(*pair) for pair in kept])),
            rmse=float(np.mean([rmse(*pair) for pair in kept])),
        )


def write(folder: Path, curves: Mapping[str, Sequence[RejectionPoint]]) -> None:
    """Publish rejection.csv."""
    rows = [
        (rating, f"{p.kept:.2f}", p.utterances, f"{p.ccc:.6f}", f"{p.rmse:.6f}")
        for rating, points in curves.items()
        for p in points
    ]
    write_rows(RunFolder(folder).rejection, COLUMNS, rows)
