"""Settings of runs of all versions: their part in names, and in comparisons."""

from collections.abc import Mapping
from typing import Any

from affuse.fuse.setting_scopes import recorded, unrecorded
from affuse.fuse.settings import Settings


def identity(settings: Settings) -> dict[str, Any]:
    """Return the settings as they enter the name of a run.

    A run keeps its name as long as its settings train the same models. So settings
    without effect that older versions did not have are left out. Which layers and
    statistics a run takes stands in the recipes of its embeddings.

    Args:
        settings: of the run

    Examples:
        >>> identity(Settings(layers="last"))["layers"]
        'concat'
    """
    return compared(recorded(settings))


def updated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded settings in the form that is equal for equal trainings.

    Args:
        values: {name: value} in ``run.json``, also of an older version

    Examples:
        >>> updated({"layers": "last", "pooling": "mean", "ema": 0.0})
        {'layers': 'concat'}
    """
    idle = unrecorded(Settings)
    current = compared(values)
    return {n: v for n, v in current.items() if n not in idle or v != idle[n]}


def compared(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that tables compare.

    Which layers and statistics a run takes stands in the record of its encoders. Here,
    only a mix of layers is distinguished from the concatenation of those it takes.

    Args:
        values: {name: value} in ``run.json``, also of an older version
    """
    rest = {name: value for name, value in values.items() if name != "pooling"}
    if "layers" not in values:
        return rest
    is_mix = values["layers"] == "weighted"
    return {**rest, "layers": "weighted" if is_mix else "concat"}
