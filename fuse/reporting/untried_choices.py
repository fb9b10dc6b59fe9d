"""Sentence on choices that no run of a table has tried, with the options to try them.

Only choices that any of the trained runs could have made are named: a table of runs on
one cached layer has no other layers to take.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from affuse.data.runs.run_predictions import Run
from affuse.fuse.models.trainable.design_registry import find_trainable

ACOUSTIC = "acoustic"  # name of the encoder whose features need no weights
EMA = "ema=0.99"


def sentence(runs: Sequence[Run]) -> str:
    """Return a sentence on what has not been tried; "" if everything has been.

    Args:
        runs: of a table
    """
    named = list(_untried(runs))
    return f"Not tried in this table: {'; '.join(named)}" if named else ""


def _untried(runs: Sequence[Run]) -> Iterator[str]:
    """Yield each choice that no run has made, with the option that makes it."""
    networks = [run for run in runs if find_trainable(run.info.design).has_settings]
    several = any(len(e.get("layers", ())) > 1 for e in _encoders(runs))
    layers = {str(run.info.settings.get("layers", "all")) for run in runs}
    if layers == {"last"}:
        yield "other layers: --set layers=all"
    if networks and several and "weighted" not in layers:
        yield "a mix of layers: --set layers=weighted"
    if networks and not any(run.info.settings.get("ema") for run in networks):
        yield f"averaged weights: --set {EMA}"
    has_audio = any("audio" in run.info.encoders for run in runs)
    if has_audio and not any(e.get("encoder") == ACOUSTIC for e in _encoders(runs)):
        yield "acoustic features: extract --modality audio --encoder acoustic"


def _encoders(runs: Sequence[Run]) -> Iterator[Mapping[str, Any]]:
    """Yield the record of each encoder of each run."""
    for run in runs:
        for record in run.info.encoders.values():
            yield from record.get("encoders", [record])
