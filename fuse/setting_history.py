"""Settings of runs of all versions: their part in names, and in comparisons."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from affuse.fuse.settings import Settings

ADDED = {"pooling": "mean+std"}  # later settings, with what older versions did


def identity(settings: Settings) -> dict[str, Any]:
    """Return the settings as they enter the name of a run.

    A run keeps its name as long as its settings train the same models. So settings
    that older versions did not have are left out if they change nothing, and settings
    that were renamed have their old name.

    Args:
        settings: of the run

    Examples:
        >>> identity(Settings())["layers"], "pooling" in identity(Settings())
        ('concat', False)
    """
    values = asdict(settings)
    if values["layers"] == "all":
        values["layers"] = "concat"
    for name, neutral in ADDED.items():
        if values[name] == neutral:
            del values[name]
    return values


def updated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return recorded settings as this version records equal ones.

    Args:
        values: {name: value} in ``run.json``, also of an older version

    Examples:
        >>> updated({"layers": "concat"})
        {'pooling': 'mean+std', 'layers': 'all'}
    """
    renamed = {"layers": "all"} if values.get("layers") == "concat" else {}
    return {**ADDED, **values, **renamed}


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
