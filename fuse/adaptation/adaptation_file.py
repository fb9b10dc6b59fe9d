"""``adaptation.json`` of a bundle: maps of an adaptation, and their figures."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from affuse.data.errors import DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.system.documents import read_json
from affuse.data.system.schema import ListOf, Maybe, Number, OneOf, Record, Text, Whole
from affuse.fuse.adaptation.adaptation import Adaptation, AdaptedRating
from affuse.fuse.adaptation.adaptation_fitting import LARGEST_CODE
from affuse.fuse.adaptation.held_out_figures import HeldOutFigures
from affuse.fuse.adaptation.rating_maps import KINDS, RatingMap, RidgeMap
from affuse.fuse.calibration.conformal import Width
from affuse.fuse.scoring.affine import AffineMap
from affuse.fuse.scoring.intervals import Interval

FORMAT = 1
ADVICE = "adapt the model again"

FEATURES = LARGEST_CODE + len(RATINGS)  # of a ridge regression
UNDEFINED = Maybe(Number())  # null for NaN
BOUNDS = ("value", "low", "high")
INTERVAL = Record(dict.fromkeys(BOUNDS, UNDEFINED))
LINE = Record({"slope": Number(0), "offset": Number()})
WIDTH = Record(dict.fromkeys(("quantile", "floor", "weight"), Number(0)))
RIDGE = Record(
    {
        "centre": ListOf(Number(), most=FEATURES),
        "scale": ListOf(Number(1e-300), most=FEATURES),
        "weights": ListOf(Number(), most=FEATURES),
        "intercept": Number(),
    }
)
FIGURES_WITH_BOUNDS = ("before", "after", "improvement")
FIGURES = Record(
    {
        "clips": Whole(1),
        "groups": Whole(1),
        "unit": OneOf(("speaker", "clip")),
        **dict.fromkeys(FIGURES_WITH_BOUNDS, INTERVAL),
        **dict.fromkeys(("rmse_before", "rmse_after"), Number(0)),
    }
)
RATING = Record(
    {
        "rating": OneOf(RATINGS),
        "kind": OneOf(KINDS),
        "line": LINE,
        "ridge": Maybe(RIDGE),
        "width": Maybe(WIDTH),
        "figures": Maybe(FIGURES),
        "reason": Text(1_000),
    }
)
KIND = Record(
    {
        "format": OneOf((FORMAT,)),
        "level": Number(0, 1),
        "size": Whole(),
        "ratings": ListOf(RATING, most=len(RATINGS), least=1),
    }
)


def content(adaptation: Adaptation) -> bytes:
    """Return the content of the file; equal adaptations give equal bytes.

    Args:
        adaptation: of the models of a bundle
    """
    facts = {
        "format": FORMAT,
        "level": adaptation.level,
        "size": adaptation.size,
        "ratings": [
            {"rating": name, **_facts(each)}
            for name, each in adaptation.ratings.items()
        ],
    }
    text = json.dumps(facts, indent=1, allow_nan=False)
    return (text + "\n").encode()


def _facts(rating: AdaptedRating) -> dict[str, object]:
    """Return the JSON record of one rating."""
    figures = rating.figures
    return {
        "kind": rating.map.kind,
        "line": asdict(rating.map.line),
        "ridge": None if rating.map.ridge is None else _lists(rating.map.ridge),
        "width": None if rating.width is None else asdict(rating.width),
        "figures": None if figures is None else _finite(asdict(figures)),
        "reason": rating.reason,
    }


def _lists(ridge: RidgeMap) -> dict[str, object]:
    """Return the JSON record of a ridge regression."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(ridge).items()
    }


def _finite(value: Any) -> Any:
    """Return a record with None for NaN, because JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(folder: Path) -> Adaptation:
    """Return the adaptation whose `content` is in a bundle.

    Args:
        folder: of the bundle

    Raises:
        FileNotFoundError: if the model is not adapted
        DamagedFileError: if the file is damaged, or of another version
    """
    path = BundleFolder(folder).adaptation
    facts = read_json(path, KIND, advice=ADVICE)
    ratings = {each["rating"]: _rating(each) for each in facts["ratings"]}
    adaptation = Adaptation(float(facts["level"]), facts["size"], ratings)
    if difference := _contradiction(adaptation, len(facts["ratings"])):
        raise DamagedFileError(f"{path} is damaged: {difference}; {ADVICE}")
    return adaptation


def _contradiction(adaptation: Adaptation, count: int) -> str:
    """Return what is wrong with an adaptation of `count` ratings; "" if nothing is."""
    if len(adaptation.ratings) != count:
        return "a rating occurs twice"
    for name, rating in adaptation.ratings.items():
        ridge = rating.map.ridge
        if (rating.map.kind == "regression") != (ridge is not None):
            return f"{name} is of kind {rating.map.kind!r}, which its numbers are not"
        if ridge is not None:
            sizes = {len(ridge.centre), len(ridge.scale), len(ridge.weights)}
            if sizes != {count + adaptation.size}:
                return (
                    f"{name} has numbers for {max(sizes)} inputs, and the model has "
                    f"{count + adaptation.size}"
                )
    return ""


def _rating(facts: Mapping[str, Any]) -> AdaptedRating:
    """Return the adaptation of one rating from its JSON record."""
    ridge, width, figures = facts["ridge"], facts["width"], facts["figures"]
    return AdaptedRating(
        map=RatingMap(
            facts["kind"],
            AffineMap(**facts["line"]),
            None if ridge is None else _ridge(ridge),
        ),
        width=None if width is None else Width(**width),
        figures=None if figures is None else _figures(figures),
        reason=facts["reason"],
    )


def _ridge(facts: Mapping[str, Any]) -> RidgeMap:
    """Return a ridge regression from its JSON record."""
    arrays = {n: np.array(facts[n], float) for n in ("centre", "scale", "weights")}
    return RidgeMap(**arrays, intercept=float(facts["intercept"]))


def _figures(facts: Mapping[str, Any]) -> HeldOutFigures:
    """Return the figures of held-out clips from their JSON record."""
    intervals = {
        name: Interval(*(_number(facts[name][bound]) for bound in BOUNDS))
        for name in FIGURES_WITH_BOUNDS
    }
    return HeldOutFigures(**{**facts, **intervals})


def _number(value: float | None) -> float:
    """Return a number of a JSON record, NaN for null."""
    return math.nan if value is None else float(value)
