"""Sentence on choices that no run of a table has tried, with the options to try them.

Only choices that any of the trained runs could have made are named: a table of runs on
one cached layer, or on features without layers, has no other layers to take.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

from affuse.data.errors import AffuseError
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.feature_texts import EVERY_LAYER, layer_choice
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.settings import Settings

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
    if any(_left_layers([run.info for run in runs], m) for m in _modalities(runs)):
        yield "other layers: --set layers=all"
    if networks and several and "weighted" not in layers:
        yield "a mix of layers: --set layers=weighted"
    if networks and not any(run.info.settings.get("ema") for run in networks):
        yield f"averaged weights: --set {EMA}"
    has_audio = any("audio" in run.info.encoders for run in runs)
    if has_audio and not any(e.get("encoder") == ACOUSTIC for e in _encoders(runs)):
        yield "acoustic features: extract --modality audio --encoder acoustic"


def _left_layers(infos: Sequence[RunInfo], modality: str) -> bool:
    """Return True if each run on a modality left layers of an encoder out."""
    on_modality = [info for info in infos if modality in info.encoders]
    return all(
        any(_is_narrowed(info, modality, e) for e in _members(info.encoders[modality]))
        for info in on_modality
    )


def _is_narrowed(info: RunInfo, modality: str, encoder: Mapping[str, Any]) -> bool:
    """Return True if a run chose some layers of an encoder that has layers.

    An encoder without layers has the number 0, whatever was chosen.
    """
    value = str(info.settings.get("layers", Settings.layers))
    try:
        chosen = layer_choice(value, modality, partial(_is_named, encoder))
    except AffuseError:  # a damaged record, which other rules report
        return False
    taken = [str(layer) for layer in encoder.get("layers", ())]
    if chosen == "last":
        return taken != ["0"]
    return chosen not in EVERY_LAYER and {*chosen.split(",")} == {*taken}


def _is_named(encoder: Mapping[str, Any], name: str) -> bool:
    """Return True if a name is that of an encoder's checkpoint or its transcripts."""
    checkpoint = PurePath(str(encoder.get("checkpoint", "")))
    return name == encoder.get("transcripts") or (
        PurePath(name).name == checkpoint.name != ""
    )


def _modalities(runs: Sequence[Run]) -> set[str]:
    """Return the modalities that any run was trained on."""
    return {modality for run in runs for modality in run.info.encoders}


def _members(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the record of each encoder of one modality."""
    members: Sequence[Mapping[str, Any]] = record.get("encoders", [record])
    return members


def _encoders(runs: Sequence[Run]) -> Iterator[Mapping[str, Any]]:
    """Yield the record of each encoder of each run."""
    for run in runs:
        for record in run.info.encoders.values():
            yield from _members(record)
