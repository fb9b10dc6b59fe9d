"""Settings of runs of all versions: their part in names, and in comparisons."""

from collections.abc import Mapping
from typing import Any

from affuse.fuse.setting_scopes import recorded, unrecorded
from affuse.fuse.settings import Settings


def identity(settings: Settings) -> dict[str, Any]:
    """Return the settings as they enter the name of a run.

    A run keeps its name as long as its settings train the same models. So settings
    without effect that older versions did not have are left out, and a renamed value
    has its old name.

    Args:
        settings: of the run

    Examples:
        >>> identity(Settings())["layers"], "pooling" in identity(Settings())
        ('concat', False)
    """
    values = recorded(settings)
    return {**values, "layers": "concat"} if values["layers"] == "all" else values


def updated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded settings as this version records equal ones.

    Args:
        values: {name: value} in ``run.json``, also of an older version

    Examples:
        >>> updated({"layers": "concat", "pooling": "mean+std"})
        {'layers': 'all'}
    """
    renamed = {"layers": "all"} if values.get("layers") == "concat" else {}
    idle = unrecorded(Settings)
    current = {**values, **renamed}
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
