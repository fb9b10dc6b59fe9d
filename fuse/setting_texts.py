"""Parsers of settings that are texts of several parts, such as columns of a corpus."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from affuse.data.errors import AffuseError
from affuse.data.system.mismatches import shown
from affuse.fuse.feature_texts import demand_layers, demand_pooling

HEAVIEST = 1e6  # largest weight of an auxiliary target
DEVIATION, RATERS = "deviation", "raters"  # kinds of columns on rater agreement
EQUAL, BY_RATERS = "none", "raters"  # values of the setting `weighting`


@dataclass(frozen=True)
class Agreement:
    """Column of the corpus from which the weights of rows are computed."""

    kind: str  # DEVIATION or RATERS
    column: str


def auxiliary(text: str) -> dict[str, float]:
    """Return the weight of each auxiliary target in the loss, by name of its column.

    Args:
        text: value of the setting, items ``NAME:WEIGHT`` divided by "," or "+"; "" for
            no target

    Raises:
        AffuseError: if an item has another form, or a name is repeated

    Examples:
        >>> auxiliary("gender:0.1,category:0.2")
        {'gender': 0.1, 'category': 0.2}
    """
    weights: dict[str, float] = {}
    for item in re.split("[,+]", text) if text else ():
        name, _, number = (part.strip() for part in item.rpartition(":"))
        weight = _number(number)
        if not name or name in weights or not 0 < weight <= HEAVIEST:
            raise AffuseError(
                f"auxiliary must be columns with their weights in the loss, above 0 "
                f"and at most {HEAVIEST:g}, e.g. gender:0.1 or "
                f"gender:0.1,category:0.2, each column once; got {shown(text)}"
            )
        weights[name] = weight
    return weights


def agreement(text: str) -> Agreement | None:
    """Return the column of rater agreement, or None for equal weights of rows.

    Args:
        text: value of the setting, ``deviation:COLUMN`` or ``raters:COLUMN``; "" for
            equal weights

    Raises:
        AffuseError: if it has another form

    Examples:
        >>> agreement("raters:annotators")
        Agreement(kind='raters', column='annotators')
    """
    if not text:
        return None
    kind, _, column = (part.strip() for part in text.partition(":"))
    if kind not in (DEVIATION, RATERS) or not column:
        raise AffuseError(
            f"agreement must be {DEVIATION}:COLUMN, a column with the standard "
            f"deviation of an utterance's ratings, or {RATERS}:COLUMN, a column with "
            f"the number of its raters; got {shown(text)}"
        )
    return Agreement(kind, column)


TEXTS: Mapping[str, Callable[[str], object]] = {
    "layers": demand_layers,
    "pooling": demand_pooling,
    "auxiliary": auxiliary,
    "agreement": agreement,
}


def _number(text: str) -> float:
    """Return a number, or nan if the text is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
