"""``robustness.json`` of a run folder: the scores of its commands `robustness`."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from affuse.data.errors import DamagedFileError
from affuse.data.options.robustness_options import Robustness
from affuse.data.rating_scales import RATINGS
from affuse.data.records import NATURES
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import (
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Record,
    Text,
    Whole,
)
from affuse.fuse.robustness.condition_records import (
    ConditionFacts,
    ConditionScore,
    RobustnessResult,
)
from affuse.fuse.scoring.clusters import UNITS
from affuse.fuse.scoring.intervals import Interval

FORMAT = 1
WORD = Text(1_000)
FIGURE = Maybe(Number())  # None: undefined
INTERVAL = Record(dict.fromkeys(("value", "low", "high"), FIGURE))
FACTS = Record(
    {
        **dict.fromkeys(("text", "name", "label", "modality", "unit", "meaning"), WORD),
        **dict.fromkeys(("value", "reached"), FIGURE),
    }
)
KIND = Record(
    {
        "format": OneOf((FORMAT,)),
        **dict.fromkeys(("run", "design", "corpus", "predictions"), WORD),
        "nature": OneOf(NATURES),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "scores": ListOf(
            Record(
                {
                    "facts": FACTS,
                    "ratings": MapOf(INTERVAL, most=len(RATINGS)),
                    **dict.fromkeys(("mean", "change"), INTERVAL),
                }
            ),
            most=1_000,
            least=1,
        ),
        **dict.fromkeys(
            ("utterances", "tested", "folds", "seeds", "clusters"), Whole()
        ),
        "unit": OneOf(UNITS),
        "notes": ListOf(Text(10_000), most=1_000),
    }
)


def to_json(result: RobustnessResult) -> str:
    """Return a result as JSON, in which undefined figures are null.

    Args:
        result: of a robustness test
    """
    facts = {"format": FORMAT, **asdict(result)}
    return json.dumps(_defined(facts), indent=1) + "\n"


def _defined(value: Any) -> Any:
    """Return a value with None for undefined figures, because JSON has no NaN."""
    if isinstance(value, Mapping):
        return {name: _defined(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(each) for each in value]
    is_undefined = isinstance(value, float) and not math.isfinite(value)
    return None if is_undefined else value


def write(folder: Path, result: RobustnessResult) -> None:
    """Write the file into the folder of a run; it replaces that of earlier commands.

    Args:
        folder: of the run
        result: of a robustness test

    Raises:
        OSError: if it cannot be written
    """
    with digests.rewrite_files(folder, (RunFolder.robustness,)):
        publish(RunFolder(folder).robustness, to_json(result).encode())


def read(folder: Path) -> RobustnessResult:
    """Return the result that `write` wrote.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if the run was not tested
        DamagedFileError: if the file is damaged, or the run was trained again since
    """
    files = RunFolder(folder)
    command = Robustness(run=folder)
    values: dict[str, Any] = read_json(
        files.robustness, KIND, advice=f"measure again: {command}"
    )
    values.pop("format")
    targets = tuple(values["targets"])
    scores = tuple(map(_score, values["scores"]))
    if any(set(each.ratings) != set(targets) for each in scores):
        raise DamagedFileError(
            f"{files.robustness} is damaged: a condition lacks one of the ratings "
            f"{', '.join(targets)}; measure again: {command}"
        )
    if digests.digest(files.predictions) != values["predictions"]:
        raise DamagedFileError(
            f"{files.robustness} is of other models than the run has now; measure "
            f"again: {command}"
        )
    found = {**values, "targets": targets, "scores": scores}
    return RobustnessResult(**{**found, "notes": tuple(values["notes"])})


def _score(values: Mapping[str, Any]) -> ConditionScore:
    """Return the score of one condition from its JSON record."""
    return ConditionScore(
        facts=ConditionFacts(**values["facts"]),
        ratings={name: _interval(each) for name, each in values["ratings"].items()},
        mean=_interval(values["mean"]),
        change=_interval(values["change"]),
    )


def _interval(values: Mapping[str, float | None]) -> Interval:
    """Return an interval from its JSON record; NaN for an undefined bound."""
    defined = {n: math.nan if v is None else float(v) for n, v in values.items()}
    return Interval(**defined)
