"""``calibration.json`` of a run folder: what was learnt, and how it did on the test."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any

from data.errors import AffuseError
from data.files import publish
from fuse.calibration.affine import Line
from fuse.calibration.conformal import Width
from fuse.calibration.fitting import Calibration, Calibrations
from fuse.calibration.measure import Measured

CALIBRATION = "calibration.json"
FORMAT = 1


def write(folder: Path, found: Calibrations, measured: Mapping[str, Measured]) -> None:
    """Publish; equal calibrations give equal bytes."""
    facts = {
        "format": FORMAT,
        **asdict(found),
        "folds": {
            fold: dict(zip(found.targets, map(asdict, each), strict=True))
            for fold, each in found.folds.items()
        },
        "test": {target: asdict(figures) for target, figures in measured.items()},
    }
    publish(folder / CALIBRATION, (json.dumps(facts, indent=1) + "\n").encode())


def read(folder: Path) -> Calibrations:
    """What `write` wrote, without the figures of the test.

    Raises:
        FileNotFoundError: if the run was not calibrated
        AffuseError: if the file is damaged, or of another version
    """
    path = folder / CALIBRATION
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} not found; calibrate first: "
            f"python cli.py calibrate {quote(str(folder))}"
        )
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise AffuseError(f"it has format {facts['format']}, not {FORMAT}")
        targets = tuple(facts["targets"])
        return Calibrations(
            level=float(facts["level"]),
            by=facts["by"],
            clip=bool(facts["clip"]),
            seeds=tuple(facts["seeds"]),
            targets=targets,
            folds={
                fold: tuple(_calibration(each[target]) for target in targets)
                for fold, each in facts["folds"].items()
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AffuseError(
            f"{path} holds no calibration of this version: {error!r}; calibrate again: "
            f"python cli.py calibrate {quote(str(folder))}"
        ) from error


def _calibration(facts: Mapping[str, Any]) -> Calibration:
    return Calibration(
        map=Line(**facts["map"]),
        centre=Line(**facts["centre"]),
        width=Width(**facts["width"]),
        utterances=int(facts["utterances"]),
        groups=int(facts["groups"]),
    )
