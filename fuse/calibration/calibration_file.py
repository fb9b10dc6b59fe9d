"""``calibration.json`` of a run folder: fitted calibrations and their test figures."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from affuse.data.errors import DamagedFileError
from affuse.data.options.run_options import Calibrate
from affuse.data.rating_scales import RATINGS
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import (
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Record,
    Whole,
)
from affuse.fuse.calibration.calibration_fitting import Calibration, Calibrations
from affuse.fuse.calibration.calibration_scores import CalibrationScores
from affuse.fuse.calibration.conformal import Width
from affuse.fuse.scoring.affine import AffineMap

FORMAT = 1
LINE = Record({"slope": Number(), "offset": Number()})
FIGURE = Maybe(Number())  # None: undefined
SCORES = Record(
    {
        **dict.fromkeys(
            ("single", "together", "mapped", "rmse", "rmse_mapped"), FIGURE
        ),
        **dict.fromkeys(("coverage", "width"), FIGURE),
        "by_speaker": MapOf(FIGURE, most=1_000_000),
        "growing": Whole(),
    },
    {"beyond": Whole()},
)
KIND = Record(
    {
        "format": OneOf((FORMAT,)),
        "level": Number(0, 1),
        "by": OneOf(("utterance", "speaker")),
        "clip": Flag(),
        "seeds": ListOf(Whole(), least=1),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "folds": MapOf(
            MapOf(
                Record(
                    {
                        "map": LINE,
                        "centre": LINE,
                        "width": Record(
                            dict.fromkeys(("quantile", "floor", "weight"), Number())
                        ),
                        "utterances": Whole(),
                        "groups": Whole(),
                    }
                ),
                most=len(RATINGS),
            )
        ),
        "test": MapOf(SCORES, most=len(RATINGS)),
    }
)


def write(
    folder: Path, calibrations: Calibrations, measured: Mapping[str, CalibrationScores]
) -> None:
    """Write the file of a run's calibration; equal calibrations give equal bytes.

    Args:
        folder: of the run
        calibrations: of all folds and ratings
        measured: rating -> figures on the test parts
    """
    facts = {
        "format": FORMAT,
        **asdict(calibrations),
        "folds": {
            fold: dict(zip(calibrations.targets, map(asdict, each), strict=True))
            for fold, each in calibrations.folds.items()
        },
        "test": {
            target: {name: _finite(value) for name, value in asdict(figures).items()}
            for target, figures in measured.items()
        },
    }
    publish(
        RunFolder(folder).calibration, (json.dumps(facts, indent=1) + "\n").encode()
    )


def _finite(value: object) -> object:
    """Return None for an undefined figure, because JSON has no NaN or infinity."""
    undefined = isinstance(value, float) and not math.isfinite(value)
    return None if undefined else value


def read(folder: Path) -> Calibrations:
    """Return the calibrations that `write` wrote, without the figures of the test.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if the run was not calibrated
        DamagedFileError: if the file is damaged, or of another version
    """
    facts = _read_facts(folder)
    targets = tuple(facts["targets"])
    if any(set(each) != set(targets) for each in facts["folds"].values()):
        raise DamagedFileError(
            f"{RunFolder(folder).calibration} is damaged: a fold does not calibrate "
            f"exactly the ratings {', '.join(targets)}; calibrate again: "
            f"{Calibrate(run=folder)}"
        )
    return Calibrations(
        level=float(facts["level"]),
        by=facts["by"],
        clip=facts["clip"],
        seeds=tuple(facts["seeds"]),
        targets=targets,
        folds={
            fold: tuple(_calibration(each[target]) for target in targets)
            for fold, each in facts["folds"].items()
        },
    )


def read_scores(folder: Path) -> dict[str, CalibrationScores]:
    """Return the figures on the test parts that `write` wrote, by rating.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError, DamagedFileError: as in `read`
    """
    scores = {}
    for target, figures in _read_facts(folder)["test"].items():
        defined: dict[str, Any] = {
            name: math.nan if value is None else value
            for name, value in figures.items()
        }
        scores[target] = CalibrationScores(**defined)
    return scores


def _read_facts(folder: Path) -> dict[str, Any]:
    """Return the content of the file, checked against its schema."""
    path = RunFolder(folder).calibration
    command = Calibrate(run=folder)
    try:
        return dict(read_json(path, KIND, advice=f"calibrate again: {command}"))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} not found; calibrate first: {command}"
        ) from error


def _calibration(facts: Mapping[str, Any]) -> Calibration:
    """Return the calibration of one rating in one fold from its JSON record."""
    return Calibration(
        map=AffineMap(**facts["map"]),
        centre=AffineMap(**facts["centre"]),
        width=Width(**facts["width"]),
        utterances=int(facts["utterances"]),
        groups=int(facts["groups"]),
    )
